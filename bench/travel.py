"""
Time travel and resumption, by the length of what lies before.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.calls import Calls, connected
from bench.database import digest, row_count, size_bytes
from bench.findings import Bar, Findings, Table
from bench.pictures import Series, line_chart
from bench.rates import Call, in_turns
from bench.server import serving

_BAR = 1.2
_BAR_STEPS = 10_000


@dataclass(frozen=True, slots=True)
class Sizes:
    """
    Attributes:
        lengths: Of loops, in steps, rising.
        sequences_max: Sequences are no longer: a graph of 100,000 nodes is no workflow.
        weighed: Travels whose bytes are averaged.
    """

    lengths: tuple[int, ...] = (10, 100, 1_000, 10_000, 100_000)
    sequences_max: int = 10_000
    rounds: int = 100
    weighed: int = 100


@dataclass(frozen=True, slots=True)
class Source:
    """
    A run with a long history.

    Attributes:
        target: Its last step.
    """

    kind: str
    steps: int
    run_id: str
    target: str


@dataclass(frozen=True, slots=True)
class Travel:
    """
    Attributes:
        latency_ms: From request to answer; median.
        bytes, rows: Written per travel; rows of runs, records and events together.
        is_source_unchanged: Whether every row of the source is the same, byte for byte, after all.
    """

    kind: str
    steps: int
    latency_ms: float
    bytes: float
    rows: float
    is_source_unchanged: bool


@dataclass(frozen=True, slots=True)
class Resumption:
    """
    Attributes:
        latency_ms: From request until the run is suspended again; median.
    """

    steps: int
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Memory:
    """
    What the server took before the sources were made, and at most until they were.
    """

    before_bytes: int
    peak_bytes: int


async def measure(folder: Path, sizes: Sizes = Sizes()) -> Findings:
    """
    All sources in one database, as a server would have them.
    """
    db = folder / "travel.db"
    lengths = [steps for steps in sizes.lengths if steps <= sizes.sequences_max]
    sequences = [f"sequence_{steps}" for steps in lengths]
    async with (
        serving(db, ["loop", "asking", *sequences]) as server,
        connected(server.said) as calls,
    ):
        memory_bytes = server.memory_bytes
        found, asking = await _sources(calls, sizes.lengths, lengths)
        memory = Memory(memory_bytes, server.memory_peak_bytes)
        before = {source: digest(db, source.run_id) for source in found}
        latencies_ms = await in_turns(
            {source: _travel(calls, source) for source in found}, sizes.rounds
        )
        weights = {
            source: await _weigh(db, _travel(calls, source), sizes.weighed) for source in found
        }
        travels = [
            Travel(
                source.kind,
                source.steps,
                latencies_ms[source],
                *weights[source],
                is_source_unchanged=digest(db, source.run_id) == before[source],
            )
            for source in found
        ]
        resumed_ms = await in_turns(
            {steps: _resume(calls, run_id) for steps, run_id in asking.items()}, sizes.rounds
        )
    return _findings(travels, [Resumption(*item) for item in resumed_ms.items()], memory)


async def _sources(
    calls: Calls, loops: Sequence[int], sequences: Sequence[int]
) -> tuple[list[Source], dict[int, str]]:
    """
    Finished runs to travel from, and suspended ones by their length; all made at once.
    """

    async def finished(kind: str, steps: int) -> Source:
        if kind == "loop":
            run = await calls.run("loop", str(-steps).encode())
            return Source(kind, steps, run.run_id, f"pass_on[{steps - 1}]")
        run = await calls.run(f"sequence_{steps}")
        return Source(kind, steps, run.run_id, f"s{steps - 1}")

    async def suspended(steps: int) -> str:
        return (await calls.suspend("asking", str(-steps).encode())).run_id

    found, asking = await asyncio.gather(
        asyncio.gather(
            *(finished("sequence", steps) for steps in sequences),
            *(finished("loop", steps) for steps in loops),
        ),
        asyncio.gather(*map(suspended, loops)),
    )
    return found, dict(zip(loops, asking, strict=True))


def _travel(calls: Calls, source: Source) -> Call:
    return lambda: calls.time_travel(source.run_id, source.target)


def _resume(calls: Calls, run_id: str) -> Call:
    return lambda: calls.resume(run_id)


async def _weigh(db: Path, travel: Call, count: int) -> tuple[float, float]:
    """
    Bytes and rows that one travel adds to the database, averaged over many.
    """
    size, rows = size_bytes(db), row_count(db)
    for _ in range(count):
        await travel()
    return (size_bytes(db) - size) / count, (row_count(db) - rows) / count


def _findings(travels: list[Travel], resumptions: list[Resumption], memory: Memory) -> Findings:
    shortest = {it.kind: it for it in reversed(travels)}
    bars = [
        Bar(
            f"TimeTravel to the last step of a {it.kind}, {it.steps:,} steps against "
            f"{shortest[it.kind].steps:,}",
            it.latency_ms / shortest[it.kind].latency_ms,
            _BAR,
        )
        for it in travels
        if it.steps >= _BAR_STEPS
    ]
    return Findings(
        {
            "travels": [asdict(it) for it in travels],
            "resumptions": [asdict(it) for it in resumptions],
            "memory": asdict(memory),
        },
        [_travel_table(travels, shortest), _resume_table(resumptions), _memory_table(memory)],
        bars,
        {"length.svg": _picture(travels, resumptions)},
    )


def _travel_table(travels: list[Travel], shortest: dict[str, Travel]) -> Table:
    columns = ("source", "steps", "median ms", "ratio", "bytes", "ratio", "rows", "source")
    rows = [
        (
            it.kind,
            f"{it.steps:,}",
            f"{it.latency_ms:.2f}",
            f"{it.latency_ms / shortest[it.kind].latency_ms:.2f}",
            f"{it.bytes:,.0f}",
            f"{it.bytes / shortest[it.kind].bytes:.2f}",
            f"{it.rows:g}",
            "unchanged" if it.is_source_unchanged else "CHANGED",
        )
        for it in travels
    ]
    return Table("TimeTravel to the last step, by the length of the source", columns, rows)


def _resume_table(resumptions: list[Resumption]) -> Table:
    rows = [
        (
            f"{it.steps:,}",
            f"{it.latency_ms:.2f}",
            f"{it.latency_ms / resumptions[0].latency_ms:.2f}",
        )
        for it in resumptions
    ]
    title = "Resume, until suspended again, by the length of the run"
    return Table(title, ("steps before", "median ms", "ratio"), rows)


def _memory_table(memory: Memory) -> Table:
    before, peak = memory.before_bytes / 2**20, memory.peak_bytes / 2**20
    rows = [
        ("before the sources were made", f"{before:.0f}"),
        ("at most, while they were", f"{peak:.0f}"),
    ]
    return Table("Memory of the server", ("when", "MiB"), rows)


def _picture(travels: list[Travel], resumptions: list[Resumption]) -> str:
    kinds = {it.kind: [t for t in travels if t.kind == it.kind] for it in travels}
    lines = [
        Series(f"TimeTravel, {kind}", [(it.steps, it.latency_ms) for it in found], is_ours=True)
        for kind, found in kinds.items()
    ]
    resumed = Series("Resume", [(it.steps, it.latency_ms) for it in resumptions], is_ours=True)
    return line_chart(
        "What history costs",
        "steps before the target",
        "ms, median",
        [*lines, resumed],
        is_log_x=True,
        note="One caller, durable commits. Flat is what it should be.",
    )
