"""
What a stream holds while nothing happens, counted: asyncio's tasks and timers, events, bytes.
"""

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from dalsegno.engine.tail import Tail
from dalsegno.model.event import Event
from dalsegno.rpc.stalls import Sending
from tests.streams.assembled import Assembled, assembled

_WATCHERS = 100

# Two of the server's, which gRPC makes for each call, and one of the client's.
_TASKS = 3

# Of Python's memory, the client's part included: 12.5 KiB were measured, and 20 when each had
# timers of its own, and functions. What gRPC's core takes is not counted.
_BYTES_MAX = 15 * 1024


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[Assembled]:
    async with assembled(tmp_path / "runs.db") as server:
        await server.run("asking", b'"%s"' % (b"x" * 1000), run_id="r")
        yield server


async def idle(server: Assembled, count: int) -> list[Any]:
    """
    Streams that have brought all there is, and wait for more.
    """
    before = server.watchers
    streams = [server.watch("r", follow=True) for _ in range(count)]
    for stream in streams:
        for sequence in range(1, 5):
            assert (await stream.read()).event.sequence == sequence
    waiting = server.engine._feed._tails["r"]._waiting
    async with asyncio.timeout(20):
        while len(waiting) < before + count:  # noqa: ASYNC110 - what a server does has no event
            await asyncio.sleep(0.01)
    gc.collect()
    return streams


def number_of(kind: type[Any]) -> int:
    return sum(type(each) is kind for each in gc.get_objects())


@pytest.mark.parametrize(
    ("held", "each"),
    [
        (lambda: len(asyncio.all_tasks()), _TASKS),
        (lambda: number_of(asyncio.TimerHandle), 0),
        (lambda: number_of(Event), 0),
        (lambda: number_of(Sending), 0),
        (lambda: number_of(Tail), 0),
    ],
    ids=["tasks", "timers", "events", "writes", "tails"],
)
async def test_an_idle_watcher_holds_no_more_than_it_needs(
    server: Assembled, held: Callable[[], int], each: int
) -> None:
    first = await idle(server, 1)
    before = held()

    more = await idle(server, _WATCHERS)

    assert round((held() - before) / _WATCHERS, 1) == each
    for stream in first + more:
        stream.cancel()


async def test_an_idle_watcher_takes_little_memory(server: Assembled) -> None:
    first = await idle(server, 10)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        more = await idle(server, _WATCHERS)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (after - before) / _WATCHERS < _BYTES_MAX
    for stream in first + more:
        stream.cancel()
