"""
`dalsegno serve` as a process of its own, on a free port.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

_DALSEGNO = Path(sys.executable).parent / "dalsegno"
_START_S = 30.0  # bounds a hang; a start takes a second
_STOP_S = 20.0


@contextlib.asynccontextmanager
async def serving(workflows: str, folder: Path, **environment: str) -> AsyncIterator[str]:
    """
    A server with its database and log in the folder, at the address given, until the block is
    left; then it must end in good order.

    Args:
        workflows: As `--workflows` takes it.
        environment: Added to this process's.
    """
    with (folder / "server.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(str(_DALSEGNO), "serve", "--json", "--workflows", workflows),
            *("--db", str(folder / "runs.db"), "--listen", "127.0.0.1:0"),
            env={**os.environ, **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_START_S):
            line = await process.stdout.readline()
        yield json.loads(line)["address"]
        process.terminate()
        async with asyncio.timeout(_STOP_S):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
