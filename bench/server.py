"""
The server that is measured, as a process of its own: assembled by `dalsegno.app` like any other.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from bench.workflows import all_workflows
from dalsegno.app import run
from dalsegno.config import Settings

_START_S = 60.0  # bounds a hang; a start takes a second or two
_STOP_S = 30.0


@contextlib.asynccontextmanager
async def serving(db: Path) -> AsyncIterator[str]:
    """
    A server on this database, at the address given, until the block is left.

    It is stopped as a user would, so its database is then one file, with everything in it.

    Raises:
        RuntimeError: It did not start, or did not stop by itself.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.server", str(db), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        address = (await asyncio.wait_for(process.stdout.readline(), _START_S)).decode().strip()
        if not address:
            raise RuntimeError("the server did not start; its last words are above")
        yield address
        process.send_signal(signal.SIGTERM)
        if code := await asyncio.wait_for(process.wait(), _STOP_S):
            raise RuntimeError(f"the server stopped with exit code {code}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def main() -> None:
    # Everything else is as a server has it by default.
    settings = Settings(db=Path(sys.argv[1]), listen="127.0.0.1:0", log_level="error")
    run(settings, all_workflows(), on_ready=lambda address: print(address, flush=True))


if __name__ == "__main__":
    main()
