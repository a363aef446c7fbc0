"""
The server that is measured, as a process of its own: assembled by `dalsegno.app` like any other.
"""

import contextlib
import json
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from bench.processes import Child, child
from bench.workflows import workflow
from dalsegno.app import run
from dalsegno.config import Settings


@contextlib.asynccontextmanager
async def serving(db: Path, workflows: Sequence[str], **settings: Any) -> AsyncIterator[Child]:
    """
    A server on this database, until the block is left; its address is what it has said.

    It is stopped as a user would, so its database is then one file, with everything in it.

    Raises:
        RuntimeError: It did not start, or did not stop by itself.
    """
    async with child("bench.server", str(db), ",".join(workflows), json.dumps(settings)) as server:
        yield server


def main() -> None:
    # Everything else is as a server has it by default.
    db, workflows, given = sys.argv[1:]
    usual = {"listen": "127.0.0.1:0", "log_level": "error"}
    settings = Settings(db=Path(db), **usual | json.loads(given))
    run(
        settings,
        list(map(workflow, workflows.split(","))),
        on_ready=lambda address: print(address, flush=True),
    )


if __name__ == "__main__":
    main()
