"""
What a server's memory is taken by: watchers that wait, runs that are live, runs that are suspended.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.calls import connected
from bench.fill import multiply
from bench.findings import Bar, Findings, Table
from bench.processes import Child, child
from bench.rates import done
from bench.server import serving

_WORKFLOWS = ("asking", "holding")
_PER_CONNECTION = 200  # streams: as many as a server lets one have
_WATCHER_BYTES_MAX = 40 * 1024
_AT_ONCE = 64
_SETTLED_S = 1.0


@dataclass(frozen=True, slots=True)
class Sizes:
    watchers: int = 10_000
    runs: int = 3_000


@dataclass(frozen=True, slots=True)
class Weight:
    """
    Attributes:
        bytes: Of memory, for each of so many.
    """

    what: str
    count: int
    bytes: float


async def measure(folder: Path, sizes: Sizes = Sizes()) -> Findings:
    db = folder / "memory.db"
    async with serving(db, _WORKFLOWS) as server, connected(server.said) as calls:
        await calls.suspend("asking")
    multiply(db, sizes.watchers)
    weights = [
        await _watchers(db, "idle watcher, each of another run", sizes.watchers, sizes.watchers),
        await _watchers(db, "idle watcher, all of one run", sizes.watchers, 1),
        *await _runs(db, sizes.runs),
    ]
    return _findings(weights)


async def _watchers(db: Path, what: str, count: int, runs: int) -> Weight:
    async with serving(db, _WORKFLOWS) as server:
        async with _watching(server, min(count, _PER_CONNECTION), runs=runs):
            pass  # what the first of them take is no watcher's
        before = await _settled(server)
        async with _watching(server, count, runs=runs):
            return Weight(what, count, (await _settled(server) - before) / count)


def _watching(server: Child, count: int, *, runs: int) -> AbstractAsyncContextManager[Child]:
    connections = -(-count // _PER_CONNECTION)
    numbers = map(str, (1, count, runs, connections))
    return child("bench.watchers", server.said, *numbers)


async def _runs(db: Path, count: int) -> list[Weight]:
    async def added(what: str, make: Callable[[], Awaitable[object]]) -> Weight:
        before = await _settled(server)
        await done(count, make, at_once=_AT_ONCE)
        return Weight(what, count, (await _settled(server) - before) / count)

    # Bodies that never end are not waited for.
    async with serving(db, _WORKFLOWS, stop_grace_s=0) as server, connected(server.said) as calls:
        # What the first take is no run's.
        await done(count, lambda: calls.suspend("asking"), at_once=_AT_ONCE)
        return [
            await added("suspended run", lambda: calls.suspend("asking")),
            await added("live run", lambda: calls.start("holding")),
        ]


async def _settled(server: Child) -> int:
    await asyncio.sleep(_SETTLED_S)
    return server.memory_bytes


def _findings(weights: list[Weight]) -> Findings:
    rows = [(item.what, f"{item.count:,}", f"{item.bytes / 1024:.1f}") for item in weights]
    bars = [
        Bar(f"KiB per {item.what}", item.bytes / 1024, _WATCHER_BYTES_MAX / 1024)
        for item in weights
        if "watcher" in item.what
    ]
    table = Table("Memory of the server", ("for each", "of", "KiB"), rows)
    return Findings([asdict(item) for item in weights], [table], bars)
