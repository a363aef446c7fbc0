"""
Some workflows, in a server that tells each time Python opens a file of its database.

SQLite's own calls are not among them: they are made in C. `OPENED` in the environment names the
file that it is told to.
"""

import os
import sys
from typing import Any

from tests.e2e.workflows import checkout, echoes

__all__ = ["checkout", "echoes"]

_told = os.open(os.environ["OPENED"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def _tell(event: str, args: tuple[Any, ...]) -> None:
    if event == "open" and str(args[0]).endswith(("runs.db", "runs.db-wal", "runs.db-shm")):
        os.write(_told, f"{args[0]}\n".encode())


sys.addaudithook(_tell)
