"""
Readers that vanish without a word are noticed, and nothing is left of them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc

from dalsegno.v1 import run_service_pb2 as pb
from dalsegno.v1.payload_pb2 import Payload
from dalsegno.v1.run_service_pb2_grpc import RunServiceStub
from tests.streams.assembled import assembled
from tests.unit.client.scripted import Wire

ALONE = (("grpc.use_local_subchannel_pool", 1),)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what a server does in its own time has no event
            await asyncio.sleep(0.01)


@asynccontextmanager
async def ten_streams(port: int) -> AsyncIterator[list[Any]]:
    """
    Open streams, each on a connection of its own; every second is of a busy run.
    """
    async with AsyncExitStack() as stack:
        streams: list[Any] = []
        for number in range(10):
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", ALONE)
            await stack.enter_async_context(channel)
            request = pb.WatchRunRequest(run_id="busy" if number % 2 else "idle", follow=True)
            streams.append(RunServiceStub(channel).WatchRun(request))
            assert (await streams[-1].read()).event.sequence == 1
        yield streams


async def test_readers_that_vanish_are_noticed_and_nothing_is_left_of_them(tmp_path: Path) -> None:
    """
    The goal: a peer that sends nothing any more, not even that it closes, costs nothing for long.
    The method: a wire that falls silent under ten streams, idle and busy ones, and a server that
    asks after 0.5 s, and waits 0.5 s for an answer.
    """
    items = Payload(json=f"{list(range(10_000))}".encode())
    async with assembled(tmp_path / "runs.db", keepalive_s=0.5, keepalive_timeout_s=0.5) as server:
        await server.run("asking", run_id="idle")
        tasks = len(asyncio.all_tasks())
        await server.runs.StartRun(
            pb.StartRunRequest(workflow_id="ticking", run_id="busy", input_data=items)
        )
        wire = Wire(server.port)
        await wire.listen()
        async with ten_streams(wire.port):
            assert (server.streams, server.watchers) == (10, 10)
            wire.silence()
            await until(lambda: server.streams == 0)
            assert server.watchers == 0
        wire.refuse()
        await server.runs.Cancel(pb.CancelRequest(run_id="busy"))
        await until(lambda: len(asyncio.all_tasks()) <= tasks)
