"""
Streams are bounded, on one connection and in all, and leave room for calls.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from dalsegno.v1 import run_pb2
from dalsegno.v1 import run_service_pb2 as pb
from dalsegno.v1.payload_pb2 import Payload
from dalsegno.v1.run_service_pb2_grpc import RunServiceStub
from tests.rpc.refused import Refusal, refused
from tests.rpc.serving import Served, serving
from tests.rpc.workflows import WORKFLOWS

STREAMS: list[tuple[str, Any]] = [
    ("RunStream", pb.RunStreamRequest(workflow_id="echo", run_id="new")),
    ("ResumeStream", pb.ResumeStreamRequest(run_id="asking", resume_data=Payload(json=b'{"v":1}'))),
    (
        "TimeTravelStream",
        pb.TimeTravelStreamRequest(run_id="asking", step="ask", new_run_id="new"),
    ),
    ("WatchRun", pb.WatchRunRequest(run_id="asking")),
]


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@asynccontextmanager
async def connection(server: Served) -> AsyncIterator[Any]:
    """
    A stub with a connection of its own.
    """
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(server.address, options) as channel:
        yield RunServiceStub(channel)


async def watch(runs: Any) -> Any:
    """
    An open stream: it has brought its first event.
    """
    stream = runs.WatchRun(pb.WatchRunRequest(run_id="asking", follow=True), timeout=20)
    assert (await stream.read()).event.sequence == 1
    return stream


async def refusal_of(stream: Any) -> Refusal:
    with refused() as refusal:
        await stream.read()
    return refusal


def is_full(refusal: Refusal, setting: str, limit: int) -> None:
    assert refusal.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert refusal.reason == "TOO_MANY_STREAMS"
    assert refusal.metadata == {"setting": setting, "limit": str(limit)}


async def until_there_is_room(runs: Any) -> None:
    while True:
        try:
            (await watch(runs)).cancel()
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                raise
        else:
            return


async def test_a_connection_has_so_many_streams_and_another_as_many(db: Path) -> None:
    async with serving(db, WORKFLOWS, streams_per_connection_max=2) as server:
        await server.run("asking", b"1", run_id="asking")
        async with connection(server) as one, connection(server) as other:
            streams = [await watch(runs) for runs in (one, one, other, other)]
            for runs in (one, other):
                is_full(
                    await refusal_of(runs.WatchRun(pb.WatchRunRequest(run_id="asking"))),
                    "streams_per_connection_max",
                    2,
                )

    assert len(streams) == 4


async def test_all_connections_together_have_so_many_streams(db: Path) -> None:
    async with serving(db, WORKFLOWS, streams_max=2) as server, AsyncExitStack() as stack:
        await server.run("asking", b"1", run_id="asking")
        one, two, three = [await stack.enter_async_context(connection(server)) for _ in range(3)]
        streams = [await watch(one), await watch(two)]

        refusal = await refusal_of(three.WatchRun(pb.WatchRunRequest(run_id="asking")))
        health: Any = health_pb2_grpc.HealthStub(server.channel)
        told = await health.Watch(health_pb2.HealthCheckRequest(), timeout=10).read()
        streams[0].cancel()
        await until_there_is_room(three)

    is_full(refusal, "streams_max", 2)
    assert told.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize(("method", "request_message"), STREAMS, ids=[name for name, _ in STREAMS])
async def test_a_stream_that_is_refused_has_begun_nothing(
    db: Path, method: str, request_message: Any
) -> None:
    async with serving(db, WORKFLOWS, streams_per_connection_max=1) as server:
        before = await server.run("asking", b"1", run_id="asking")
        first = await watch(server.runs)
        is_full(
            await refusal_of(getattr(server.runs, method)(request_message)),
            "streams_per_connection_max",
            1,
        )
        runs = (await server.runs.ListRuns(pb.ListRunsRequest())).runs
        first.cancel()

    assert [(run.run_id, run.newest_sequence) for run in runs] == [
        ("asking", before.newest_sequence)
    ]


async def test_calls_are_answered_beside_more_watchers_than_may_be(db: Path) -> None:
    """
    The goal: watchers never starve calls on their connection, and none of them waits in silence.
    The method: as little room for calls as can be, and fifty watchers who all come at once.
    """
    limits = {"streams_per_connection_max": 4, "calls_per_connection_max": 5}
    async with serving(db, WORKFLOWS, **limits) as server:
        await server.run("asking", b"1", run_id="asking")
        attempts = await asyncio.gather(
            *(watch(server.runs) for _ in range(50)), return_exceptions=True
        )
        run = await server.run("echo", b"1")

    failures = [it for it in attempts if isinstance(it, grpc.aio.AioRpcError)]
    assert {failure.code() for failure in failures} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert len(failures) == 46
    assert run.status == run_pb2.RUN_STATUS_SUCCESS


async def test_calls_beyond_those_of_a_connection_wait_and_none_is_refused(db: Path) -> None:
    limits = {"streams_per_connection_max": 1, "calls_per_connection_max": 2}
    async with serving(db, WORKFLOWS, **limits) as server:

        async def call_again_and_again() -> None:
            for _ in range(20):
                await server.runs.ListRuns(pb.ListRunsRequest())

        async with asyncio.TaskGroup() as group:
            for _ in range(20):
                group.create_task(call_again_and_again())


async def test_however_a_stream_ends_its_place_is_free_again(db: Path) -> None:
    async with serving(db, WORKFLOWS, streams_max=1) as server:
        await server.run("asking", b"1", run_id="asking")
        for number in range(3):
            ended = server.runs.WatchRun(pb.WatchRunRequest(run_id="asking", after_sequence=number))
            assert len([answer async for answer in ended]) == 4 - number
            await until_there_is_room(server.runs)
            unknown = await refusal_of(server.runs.WatchRun(pb.WatchRunRequest(run_id="nope")))
            assert unknown.reason == "RUN_NOT_FOUND"
            await until_there_is_room(server.runs)
            (await watch(server.runs)).cancel()
            await until_there_is_room(server.runs)
            async with connection(server) as gone:
                await watch(gone)
            await until_there_is_room(server.runs)
