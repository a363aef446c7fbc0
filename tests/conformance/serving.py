"""
What a server process of the runner does; imports all that a server needs, so that it can be forked.
"""

import os
import sys
import threading
import traceback
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from dalsegno.app import run
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
    threading.Thread(target=_die_with_runner, args=(line,), daemon=True).start()
    ledger = Ledger(folder)
    settings = Settings(
        listen="127.0.0.1:0",
        db=folder / "store.db",
        stop_grace_s=_GRACE_S,
        log_format="console",
    )
    try:
        workflows = [build(id, definition, ledger) for id, definition in definitions.items()]
        run(settings, workflows, on_ready=line.send)
    except BaseException:
        traceback.print_exc()
        raise


def _die_with_runner(line: Connection) -> None:
    """
    End the process when the other end of the line is closed; nothing is ever sent from there.
    """
    with suppress(EOFError, OSError):
        line.recv()
    os._exit(1)
