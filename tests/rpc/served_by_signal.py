"""
A server process for tests of signals: `python -m tests.rpc.served_by_signal DATABASE GRACE_S`.
"""

import sys
from pathlib import Path

from dalsegno.app import run
from dalsegno.config import Settings
from tests.rpc.workflows import WORKFLOWS


def say(address: str) -> None:
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    run(
        Settings(
            db=Path(sys.argv[1]),
            listen="127.0.0.1:0",
            stop_grace_s=float(sys.argv[2]),
            log_format="json",
        ),
        WORKFLOWS,
        on_ready=say,
    )
