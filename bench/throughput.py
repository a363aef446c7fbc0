"""
Runs of ten steps through gRPC, beside what bounds them.
"""

import itertools
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.calls import Calls, connected
from bench.commits import Measure, sqlite_writer, store_writer
from bench.findings import Bar, Findings, Table
from bench.pictures import Series, line_chart
from bench.prepared import Prepared
from bench.processes import Child, child
from bench.rates import Rate, median, middle, rate
from bench.server import serving

STEPS = 10

_WORKFLOW = f"sequence_{STEPS}"
_CONNECTIONS = 4  # a server lets each have 256 calls at once, and fewer than 256 callers never know
_BAR_CALLERS = 64


@dataclass(frozen=True, slots=True)
class Sizes:
    """
    Attributes:
        seconds: Of each measurement; those of a limit take a third of it.
    """

    callers: tuple[int, ...] = (1, 16, 64, 256)
    rounds: int = 5
    seconds: float = 1.2


@dataclass(frozen=True, slots=True)
class Throughput:
    """
    What so many callers got.

    Attributes:
        run: Whole runs, through gRPC.
        engine: Whole runs, without gRPC.
        echo: The least gRPC call there is, to the same server.
        store: Whole runs, written to the store and not executed.
        sqlite: Whole runs, written with sqlite3 alone.
        run_cpu_ms, engine_cpu_ms: Processor time of the server, of the engine, for a run.
        ratios: Of rates within one round, by name; of several rounds, their medians.
    """

    callers: int
    run: Rate
    engine: Rate
    echo: Rate
    store: Rate
    sqlite: Rate
    run_cpu_ms: float
    engine_cpu_ms: float
    ratios: Mapping[str, float]


class _Round:
    """
    Measures all of them in turn, so that a slow moment of the machine meets all alike.
    """

    def __init__(
        self,
        server: Child,
        connections: Sequence[Calls],
        engine: Child,
        store: Measure,
        sqlite: Measure,
    ) -> None:
        self._server = server
        self._calls = itertools.cycle(connections)
        self._engine = engine
        self._store = store
        self._sqlite = sqlite

    async def measure(self, callers: int, seconds: float) -> Throughput:
        calls, part_s = self._calls, seconds / 3
        run, run_cpu_ms = await _with_cpu(
            self._server,
            lambda: rate(lambda: next(calls).run(_WORKFLOW), callers=callers, seconds=seconds),
        )
        engine, engine_cpu_ms = await _with_cpu(
            self._engine, lambda: self._engine_rate(callers, seconds)
        )
        echo = await rate(lambda: next(calls).echo(), callers=callers, seconds=part_s)
        store = await self._store(callers, part_s)
        sqlite = await self._sqlite(callers, part_s)
        ratios = {
            "gRPC/echo": run.per_s / echo.per_s,
            "gRPC/engine": run.per_s / engine.per_s,
            "gRPC/sqlite3": run.per_s / sqlite.per_s,
            "engine/sqlite3": engine.per_s / sqlite.per_s,
            "engine/store": engine.per_s / store.per_s,
        }
        return Throughput(
            callers, run, engine, echo, store, sqlite, run_cpu_ms, engine_cpu_ms, ratios
        )

    async def _engine_rate(self, callers: int, seconds: float) -> Rate:
        return Rate(**json.loads(await self._engine.ask(f"{callers} {seconds}")))


async def measure(folder: Path, sizes: Sizes = Sizes()) -> Findings:
    db = folder / "throughput.db"
    async with serving(db, [_WORKFLOW]) as server, connected(server.said) as calls:
        sample = await calls.run(_WORKFLOW)
    prepared = await Prepared.read(db, sample.run_id)
    rounds: defaultdict[int, list[Throughput]] = defaultdict(list)
    async with (
        serving(db, [_WORKFLOW]) as server,
        child("bench.inprocess", str(folder / "engine.db"), _WORKFLOW) as engine,
        store_writer(folder / "store.db", prepared) as store,
        sqlite_writer(folder / "sqlite.db", prepared) as sqlite,
        AsyncExitStack() as stack,
    ):
        connecting = [connected(server.said) for _ in range(_CONNECTIONS)]
        connections = [await stack.enter_async_context(it) for it in connecting]
        one = _Round(server, connections, engine, store, sqlite)
        for number in range(1 + sizes.rounds):
            for callers in sizes.callers:
                found = await one.measure(callers, sizes.seconds)
                if number > 0:  # until then, files grow that later are written over
                    rounds[callers].append(found)
    return _findings([_middle(found) for found in rounds.values()])


async def _with_cpu(process: Child, measuring: Callable[[], Awaitable[Rate]]) -> tuple[Rate, float]:
    """
    A rate, and the processor time that a process took for one call, in milliseconds.
    """
    before_s = process.cpu_s
    found = await measuring()
    return found, (process.cpu_s - before_s) / found.calls * 1000


def _middle(rounds: list[Throughput]) -> Throughput:
    return Throughput(
        rounds[0].callers,
        middle([item.run for item in rounds]),
        middle([item.engine for item in rounds]),
        middle([item.echo for item in rounds]),
        middle([item.store for item in rounds]),
        middle([item.sqlite for item in rounds]),
        median([item.run_cpu_ms for item in rounds]),
        median([item.engine_cpu_ms for item in rounds]),
        {name: median([item.ratios[name] for item in rounds]) for name in rounds[0].ratios},
    )


def _findings(found: list[Throughput]) -> Findings:
    bars = [
        Bar(
            f"engine in process, {it.callers} callers, against raw commits of the same rows",
            it.ratios["engine/sqlite3"],
            0.25,
            is_floor=True,
        )
        for it in found
        if it.callers == _BAR_CALLERS
    ]
    return Findings(
        [asdict(item) for item in found],
        [_runs_table(found), _limits_table(found)],
        bars,
        {"throughput.svg": _picture(found)},
    )


def _runs_table(found: list[Throughput]) -> Table:
    columns = "callers", "gRPC runs/s", "median ms", "ms/step", "CPU ms"
    of_engine = "engine runs/s", "median ms", "CPU ms"
    rows = [
        (
            str(it.callers),
            f"{it.run.per_s:,.0f}",
            f"{it.run.latency_ms:.2f}",
            f"{1000 / it.run.per_s / STEPS:.3f}",
            f"{it.run_cpu_ms:.2f}",
            f"{it.engine.per_s:,.0f}",
            f"{it.engine.latency_ms:.2f}",
            f"{it.engine_cpu_ms:.2f}",
        )
        for it in found
    ]
    return Table(
        f"Runs of {STEPS} steps, through gRPC and of the engine in process",
        (*columns, *of_engine),
        rows,
    )


def _limits_table(found: list[Throughput]) -> Table:
    columns = ("callers", "echo/s", "store/s", "sqlite3/s", *found[0].ratios)
    rows = [
        (
            str(it.callers),
            f"{it.echo.per_s:,.0f}",
            f"{it.store.per_s:,.0f}",
            f"{it.sqlite.per_s:,.0f}",
            *(f"{ratio:.2f}" for ratio in it.ratios.values()),
        )
        for it in found
    ]
    return Table("What bounds them", columns, rows)


def _picture(found: list[Throughput]) -> str:
    def line(name: str, rate_of: Callable[[Throughput], Rate], *, is_ours: bool) -> Series:
        return Series(name, [(it.callers, rate_of(it).per_s) for it in found], is_ours)

    return line_chart(
        f"Runs of {STEPS} steps, and what bounds them",
        "callers",
        "per second",
        [
            line("gRPC echo calls", lambda it: it.echo, is_ours=False),
            line("rows by sqlite3 alone", lambda it: it.sqlite, is_ours=False),
            line("rows by our store alone", lambda it: it.store, is_ours=False),
            line("runs, engine in process", lambda it: it.engine, is_ours=True),
            line("runs, through gRPC", lambda it: it.run, is_ours=True),
        ],
        is_log_x=True,
        is_log_y=True,
        note="Every commit is durable.",
    )
