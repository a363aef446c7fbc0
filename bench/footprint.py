"""
Bytes on disk of a run with large outputs.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from bench.calls import connected
from bench.database import size
from bench.server import serving
from bench.workflows import PADDED_STEPS, padded_input

_RUNS = 10


@dataclass(frozen=True, slots=True)
class Footprint:
    """
    Attributes:
        payload_bytes: JSON text that the run's steps gave, counted once.
        bytes: On disk, per run.
    """

    steps: int
    payload_bytes: int
    bytes: float


async def measure(folder: Path) -> Footprint:
    db = folder / "footprint.db"
    input_json = json.dumps(padded_input()).encode()
    async with serving(db):
        pass  # an empty database has its tables and definitions already
    before = size(db)
    async with serving(db) as address, connected(address) as calls:
        for _ in range(_RUNS):
            await calls.run("padded", input_json)
    grown = size(db).bytes - before.bytes
    return Footprint(PADDED_STEPS, PADDED_STEPS * len(input_json), grown / _RUNS)
