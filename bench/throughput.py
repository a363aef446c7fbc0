"""
Runs of ten steps through gRPC, beside what bounds them.
"""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from bench.calls import connected
from bench.commits import sqlite_rate, store_rate
from bench.prepared import Prepared
from bench.rates import Rate, middle, rate
from bench.server import serving

CALLERS = (1, 16, 64)
STEPS = 10

_ROUNDS = 5
_SECONDS = 1.5
_WORKFLOW = f"sequence_{STEPS}"


@dataclass(frozen=True, slots=True)
class Throughput:
    """
    What so many callers got.

    Attributes:
        run: Whole runs, through gRPC.
        echo: The least gRPC call there is, to the same server.
        store: Whole runs, written to the store and not executed.
        sqlite: Whole runs, written with sqlite3 alone.
    """

    callers: int
    run: Rate
    echo: Rate
    store: Rate
    sqlite: Rate


async def measure(folder: Path) -> list[Throughput]:
    """
    All of them in turn, several times, so that a slow moment of the machine meets all alike.
    """
    db = folder / "throughput.db"
    async with serving(db) as address, connected(address) as calls:
        sample = await calls.run(_WORKFLOW)
    prepared = await Prepared.read(db, sample.run_id)
    rates: defaultdict[tuple[int, str], list[Rate]] = defaultdict(list)
    async with serving(db) as address, connected(address) as calls:
        for _ in range(_ROUNDS):
            for callers in CALLERS:
                run = await rate(lambda: calls.run(_WORKFLOW), callers=callers, seconds=_SECONDS)
                echo = await rate(calls.echo, callers=callers, seconds=_SECONDS / 2)
                store = await store_rate(folder, prepared, callers=callers, seconds=_SECONDS / 2)
                sqlite = sqlite_rate(folder, prepared, callers=callers, seconds=_SECONDS / 2)
                for name, found in (
                    ("run", run),
                    ("echo", echo),
                    ("store", store),
                    ("sqlite", sqlite),
                ):
                    rates[callers, name].append(found)
    return [
        Throughput(
            callers,
            **{name: middle(rates[callers, name]) for name in ("run", "echo", "store", "sqlite")},
        )
        for callers in CALLERS
    ]
