"""
Time travel to the last step: what it takes and writes, for short and long sources.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from bench.calls import Calls, connected
from bench.database import digest, size
from bench.rates import median
from bench.server import serving
from bench.workflows import SIZES

_ROUNDS = 40
_WARM_UP_ROUNDS = 5
_TRAVELS_WEIGHED = 200


@dataclass(frozen=True, slots=True)
class Source:
    """
    A finished run, and its last step.
    """

    workflow_id: str
    run_id: str
    steps: int
    target: str


@dataclass(frozen=True, slots=True)
class Travel:
    """
    Attributes:
        latency_ms: From request to answer; median.
        bytes, rows: Written per travel; rows of runs, records and events together.
        is_source_unchanged: Whether every row of the source is the same, byte for byte, after all.
    """

    workflow_id: str
    steps: int
    latency_ms: float
    bytes: float
    rows: float
    is_source_unchanged: bool


async def measure(folder: Path) -> list[Travel]:
    """
    All sources in one database, as a server would have them.
    """
    db = folder / "travel.db"
    async with serving(db) as address, connected(address) as calls:
        sources = await _make_sources(calls)
    before = {source: digest(db, source.run_id) for source in sources}
    async with serving(db) as address, connected(address) as calls:
        latencies_ms = await _time(calls, sources)
    weights = {source: await _weigh(db, source) for source in sources}
    return [
        Travel(
            source.workflow_id,
            source.steps,
            latencies_ms[source],
            *weights[source],
            is_source_unchanged=digest(db, source.run_id) == before[source],
        )
        for source in sources
    ]


async def _make_sources(calls: Calls) -> list[Source]:
    sources = []
    for steps in SIZES:
        for workflow_id, target in (
            (f"sequence_{steps}", f"s{steps - 1}"),
            (f"loop_{steps}", f"pass_on[{steps - 1}]"),
        ):
            run = await calls.run(workflow_id)
            sources.append(Source(workflow_id, run.run_id, steps, target))
    return sources


async def _time(calls: Calls, sources: list[Source]) -> dict[Source, float]:
    """
    One travel of each source in turn, so that a slow moment of the machine meets all alike.
    """
    latencies_ms: dict[Source, list[float]] = {source: [] for source in sources}
    for number in range(_WARM_UP_ROUNDS + _ROUNDS):
        for source in sources:
            begun = time.perf_counter()
            await calls.time_travel(source.run_id, source.target)
            if number >= _WARM_UP_ROUNDS:
                latencies_ms[source].append((time.perf_counter() - begun) * 1000)
    return {source: median(found) for source, found in latencies_ms.items()}


async def _weigh(db: Path, source: Source) -> tuple[float, float]:
    """
    Bytes and rows that one travel adds to the database, averaged over many.
    """
    before = size(db)
    async with serving(db) as address, connected(address) as calls:
        for _ in range(_TRAVELS_WEIGHED):
            await calls.time_travel(source.run_id, source.target)
    after = size(db)
    added_bytes, added_rows = after.bytes - before.bytes, after.rows - before.rows
    return added_bytes / _TRAVELS_WEIGHED, added_rows / _TRAVELS_WEIGHED
