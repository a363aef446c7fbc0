"""
Streams begin and end in the task of their call, and end when the server stops.
"""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable

import grpc
import pytest

from dalsegno.rpc.interceptors.wrap import Context
from dalsegno.v1 import run_pb2
from dalsegno.v1 import run_service_pb2 as pb
from tests.rpc.refused import refused
from tests.rpc.tiny import Stream, tiny

PLACE: contextvars.ContextVar[str] = contextvars.ContextVar("PLACE")
LARGE = pb.GetRunResponse(run=run_pb2.Run(run_id="x" * 100_000))


class Ending:
    """
    What became of a stream's handler.
    """

    def __init__(self) -> None:
        self.seen = asyncio.Event()
        self.was_at_home = False


def quiet(ending: Ending) -> Stream:
    """
    Sends one message, and waits for ever.
    """

    async def stream(_: pb.GetRunRequest, context: Context) -> AsyncIterator[pb.GetRunResponse]:
        await context.send_initial_metadata(())
        task, token = asyncio.current_task(), PLACE.set("stream")
        try:
            yield pb.GetRunResponse()
            await asyncio.sleep(60)
        finally:
            PLACE.reset(token)  # fails in another context
            ending.was_at_home = asyncio.current_task() is task
            ending.seen.set()

    return stream


def flood(ending: Ending) -> Stream:
    """
    Sends for ever, and waits for nobody but its reader.
    """

    async def stream(_: pb.GetRunRequest, context: Context) -> AsyncIterator[pb.GetRunResponse]:
        await context.send_initial_metadata(())
        task = asyncio.current_task()
        try:
            while True:
                yield LARGE
        finally:
            ending.was_at_home = asyncio.current_task() is task
            ending.seen.set()

    return stream


@pytest.mark.parametrize("handler", [quiet, flood])
async def test_a_stream_whose_reader_leaves_is_closed_in_its_own_task(
    handler: Callable[[Ending], Stream],
) -> None:
    ending = Ending()

    async with tiny(stream=handler(ending)) as server:
        call = server.stream()
        await call.read()
        call.cancel()
        await asyncio.wait_for(ending.seen.wait(), 5)

    assert ending.was_at_home


@pytest.mark.parametrize("handler", [quiet, flood])
async def test_a_stream_is_ended_wherever_it_waits_and_its_reader_told_to_come_back(
    handler: Callable[[Ending], Stream],
) -> None:
    ending = Ending()

    async with tiny(stream=handler(ending)) as server:
        call = server.stream()
        await call.read()
        server.drain.end()
        await asyncio.wait_for(ending.seen.wait(), 5)
        with refused() as refusal:
            while await call.read():
                pass

    assert ending.was_at_home
    assert refusal.code is grpc.StatusCode.UNAVAILABLE
    assert refusal.reason == "SHUTTING_DOWN"
    assert refusal.retry_s == 1


async def test_no_stream_is_opened_after_the_end() -> None:
    async with tiny(stream=quiet(Ending())) as server:
        server.drain.end()
        with refused() as refusal:
            await server.stream().read()

    assert refusal.reason == "SHUTTING_DOWN"


async def test_calls_are_answered_after_the_end_of_streams() -> None:
    async with tiny() as server:
        server.drain.end()

        assert await server.ask() == pb.GetRunResponse()


async def test_a_stream_that_nobody_reads_is_not_read_ahead_for_ever() -> None:
    sent = 0

    async def stream(_: pb.GetRunRequest, __: Context) -> AsyncIterator[pb.GetRunResponse]:
        nonlocal sent
        while True:
            sent += 1
            yield LARGE

    async with tiny(stream=stream) as server:
        call = server.stream()
        await call.read()
        before = -1
        while sent != before:  # until it has come to a halt
            before = sent
            await asyncio.sleep(0.2)
        call.cancel()

    # gRPC widens its window while a connection is fast, up to some tens of megabytes.
    assert sent < 1000
