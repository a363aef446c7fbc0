"""
What watchers share and what each of them holds, counted: asyncio's tasks and timers, events, bytes.
"""

import asyncio
import gc
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from dalsegno.engine.tail import Tail
from dalsegno.model.event import Event
from dalsegno.rpc import serialized
from dalsegno.rpc.stalls import Sending
from dalsegno.v1 import run_service_pb2 as pb
from dalsegno.v1.payload_pb2 import Payload
from dalsegno.wire.event import event_answer
from dalsegno.wire.payload import Form
from tests.streams.assembled import Assembled, assembled
from tests.streams.guarantees import read

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


async def test_what_happens_is_serialized_once_for_all_who_watch(
    server: Assembled, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: Counter[int] = Counter()

    def counted(event: Event, form: Form, bytes_max: int) -> bytes:
        made[event.sequence] += 1
        return event_answer(event, form, bytes_max)

    monkeypatch.setattr(serialized, "event_answer", counted)
    emission = b'{"count": 200}'  # fewer than a window holds: none falls behind
    await server.run("emitting_when_asked", emission, run_id="e")
    begun = made.total()
    watchers = [asyncio.create_task(read(server.watch("e", 4, follow=True), 4)) for _ in range(20)]
    async with asyncio.timeout(20):
        while server.watchers < 20:  # noqa: ASYNC110 - what a server does has no event
            await asyncio.sleep(0.01)

    answer = pb.ResumeRequest(run_id="e", resume_data=Payload(json=b"1"))
    run = (await server.runs.Resume(answer)).run
    transcripts = await asyncio.gather(*watchers)

    assert begun == 0
    assert made == dict.fromkeys(range(5, run.newest_sequence + 1), 1)
    assert {transcript.sequences[-1] for transcript in transcripts} == {run.newest_sequence}
