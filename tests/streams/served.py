"""
A server process, ``python -m tests.streams.served SETTINGS``; prints its address.

Settings are one JSON object.
"""

import json
import sys

from dalsegno.app import run
from dalsegno.config import Settings
from tests.streams.workflows import WORKFLOWS


def say(address: str) -> None:
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    run(Settings(**json.loads(sys.argv[1])), WORKFLOWS, on_ready=say)
