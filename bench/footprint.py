"""
Bytes of runs: written until they had ended, and left in the database.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.calls import Calls, connected
from bench.database import size_bytes
from bench.findings import Bar, Findings, Table
from bench.processes import Child
from bench.server import serving
from bench.workflows import PADDED_STEPS, padded_input

_LARGE_BYTES_MAX = 500_000
_WRITTEN_RATIO_MAX = 1.5


@dataclass(frozen=True, slots=True)
class Sizes:
    """
    Attributes:
        lengths: Of sequences, in steps, rising.
        steps: Of all runs of a length together; small runs are weighed in larger numbers.
    """

    lengths: tuple[int, ...] = (10, 100, 1_000)
    steps: int = 4_000
    large_runs: int = 10


@dataclass(frozen=True, slots=True)
class Footprint:
    """
    Attributes:
        payload_bytes: JSON text that the run's steps gave, counted once.
        stored: Bytes by which the database has grown, for a run.
        written: Bytes handed to files for a run: to the log, and from there to the database.
    """

    workflow_id: str
    steps: int
    payload_bytes: int
    stored: float
    written: float


async def measure(folder: Path, sizes: Sizes = Sizes()) -> Findings:
    db = folder / "footprint.db"
    workflows = [f"sequence_{steps}" for steps in sizes.lengths]
    input_json = json.dumps(padded_input()).encode()
    async with serving(db, [*workflows, "padded"]) as server, connected(server.said) as calls:
        found = []
        for steps, workflow_id in zip(sizes.lengths, workflows, strict=True):
            weigh = _Scales(db, server, calls, max(sizes.steps // steps, 1))
            found.append(await weigh.run(workflow_id, steps, b"0"))
        weigh = _Scales(db, server, calls, sizes.large_runs)
        large = await weigh.run("padded", PADDED_STEPS, input_json)
    return _findings(found, large)


@dataclass(frozen=True, slots=True)
class _Scales:
    """
    Weighs so many runs, one after the other, as steps that share commits share pages, too.
    """

    db: Path
    server: Child
    calls: Calls
    runs: int

    async def run(self, workflow_id: str, steps: int, input_json: bytes) -> Footprint:
        await self.calls.run(workflow_id, input_json)
        stored, written = size_bytes(self.db), self.server.written_bytes
        for _ in range(self.runs):
            await self.calls.run(workflow_id, input_json)
        stored, written = size_bytes(self.db) - stored, self.server.written_bytes - written
        payload_bytes = steps * len(input_json)
        return Footprint(workflow_id, steps, payload_bytes, stored / self.runs, written / self.runs)


def _findings(found: list[Footprint], large: Footprint) -> Findings:
    rows = [
        (
            item.workflow_id,
            f"{item.steps:,}",
            f"{item.payload_bytes:,}",
            f"{item.stored:,.0f}",
            f"{item.stored / item.steps:,.0f}",
            f"{item.written:,.0f}",
            f"{item.written / item.steps:,.0f}",
        )
        for item in [*found, large]
    ]
    columns = ("run", "steps", "bytes of outputs", "stored", "a step", "written", "a step")
    short, long = found[0], found[-1]
    bars = [
        Bar(
            f"bytes written a step, {long.steps:,} steps against {short.steps:,}",
            (long.written / long.steps) / (short.written / short.steps),
            _WRITTEN_RATIO_MAX,
        ),
        Bar(f"MB stored, {large.steps} steps of 1 KiB", large.stored / 1e6, _LARGE_BYTES_MAX / 1e6),
    ]
    table = Table("Bytes of a run, one caller", columns, rows)
    return Findings([asdict(item) for item in [*found, large]], [table], bars)
