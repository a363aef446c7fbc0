"""
What a server process of the runner does; imports all that a server needs, so that it can be forked.
"""

import asyncio
import os
import sys
import traceback
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path

from dalsegno.app import serve
from dalsegno.config import Settings
from tests.conformance.build import build
from tests.conformance.ledger import Ledger
from tests.conformance.scenario import Definition

LOG = "server.log"

_GRACE_S = 1.0  # bodies wait at gates that nobody opens: a stop would take all of the grace


def main(line: Connection, folder: Path, definitions: Mapping[str, Definition]) -> None:
    """
    Serve until stopped.

    Args:
        line: Gets the address as soon as the server listens, or nothing if it fails before; its
            closing means that the runner is gone.
        folder: Holds the store, the ledger and the log.
    """
    with (folder / LOG).open("ab") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    try:
        asyncio.run(_serve(line, folder, definitions))
    except BaseException:
        traceback.print_exc()
        raise


async def _serve(line: Connection, folder: Path, definitions: Mapping[str, Definition]) -> None:
    asyncio.get_running_loop().add_reader(line.fileno(), os._exit, 1)
    ledger = Ledger(folder)
    workflows = [build(id, definition, ledger) for id, definition in definitions.items()]
    settings = Settings(
        listen="127.0.0.1:0",
        db=folder / "store.db",
        stop_grace_s=_GRACE_S,
        log_format="json",
    )
    await serve(settings, workflows, on_ready=line.send)
