"""
A server keeps to its settings, and stops in good order, whoever is connected.
"""

import asyncio
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from dalsegno.v1 import run_pb2
from dalsegno.v1 import run_service_pb2 as pb
from dalsegno.v1.payload_pb2 import Payload
from tests.rpc.refused import Refusal, refused
from tests.rpc.serving import Served, serving
from tests.rpc.workflows import GATES, WORKFLOWS

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def health_of(server: Served) -> Any:
    return health_pb2_grpc.HealthStub(server.channel)


async def start_gated(server: Served) -> str:
    run_id = f"t-{uuid4()}"
    await server.runs.StartRun(
        pb.StartRunRequest(
            workflow_id="gated", run_id=run_id, input_data=Payload(json=f'"{run_id}"'.encode())
        )
    )
    await GATES.entered(run_id)
    return run_id


async def test_a_hundred_open_streams_and_a_health_watch_do_not_hold_up_a_stop(db: Path) -> None:
    """
    The goal: a stop takes as long as the work does, not the whole grace.
    The method: a grace much longer than the time allowed, and streams that never end.
    """
    async with serving(db, WORKFLOWS, stop_grace_s=30) as server:
        run = await server.run("asking", b"1")
        streams = [
            server.runs.WatchRun(pb.WatchRunRequest(run_id=run.run_id, follow=True))
            for _ in range(100)
        ]
        for stream in streams:
            await stream.read()
        watch = health_of(server).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == SERVING
        stub: Any = reflection_pb2_grpc.ServerReflectionStub
        reflection = stub(server.channel).ServerReflectionInfo()
        await reflection.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        await reflection.read()

        began = time.monotonic()
        server.stop.set()
        told = [await end_of(stream) for stream in streams]
        last = await watch.read()
        ended = await watch.read()
        await server.serving

    assert time.monotonic() - began < 2
    assert last.status == NOT_SERVING
    assert ended is grpc.aio.EOF
    assert {it.code for it in told} == {grpc.StatusCode.UNAVAILABLE}
    assert {(it.reason, it.retry_s) for it in told} == {("SHUTTING_DOWN", 1.0)}


async def end_of(stream: "grpc.aio.UnaryStreamCall[object, object]") -> Refusal:
    with refused() as refusal:
        while await stream.read() is not grpc.aio.EOF:
            pass
    return refusal


async def test_a_call_that_waits_is_told_to_come_back(db: Path) -> None:
    async with serving(db, WORKFLOWS, stop_grace_s=0.2) as server:
        run_id = await start_gated(server)
        waiting = server.runs.WaitRun(pb.WaitRunRequest(run_id=run_id))
        await asyncio.sleep(0)
        server.stop.set()
        with refused() as refusal:
            await waiting
        await server.serving

    assert refusal.code is grpc.StatusCode.UNAVAILABLE


async def test_a_body_gets_its_grace(db: Path) -> None:
    async with serving(db, WORKFLOWS, stop_grace_s=30) as server:
        run_id = await start_gated(server)
        server.stop.set()
        asyncio.get_running_loop().call_later(0.1, GATES.open, run_id)
        await server.serving

    async with serving(db, WORKFLOWS) as server:
        steps = await server.runs.ListSteps(pb.ListStepsRequest(run_id=run_id))

    assert [step.status for step in steps.steps] == [run_pb2.STEP_STATUS_SUCCESS]


async def test_what_was_answered_is_there_after_a_restart(db: Path) -> None:
    async with serving(db, WORKFLOWS) as server:
        before = await server.run("math", b'{"v": 1}')
    async with serving(db, WORKFLOWS) as server:
        request = pb.GetRunRequest(run_id=before.run_id)
        after = await server.runs.GetRun(request, metadata=(("dalsegno-payload-form", "json"),))

    assert after.run == before


async def test_health_speaks_for_the_server_and_each_service(db: Path) -> None:
    async with serving(db, WORKFLOWS) as server:
        health = health_of(server)
        for service in ("", "dalsegno.v1.RunService", "dalsegno.v1.WorkflowService"):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=service))
            assert answer.status == SERVING
        with refused() as refusal:
            await health.Check(health_pb2.HealthCheckRequest(service="nope"))
        unknown = health.Watch(health_pb2.HealthCheckRequest(service="nope"))
        assert (await unknown.read()).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN

    assert refusal.code is grpc.StatusCode.NOT_FOUND


async def test_load_balancers_get_their_time_before_streams_end(db: Path) -> None:
    async with serving(db, WORKFLOWS, drain_s=0.3) as server:
        run = await server.run("asking", b"1")
        stream = server.runs.WatchRun(pb.WatchRunRequest(run_id=run.run_id, follow=True))
        await stream.read()
        health = health_of(server)
        watch = health.Watch(health_pb2.HealthCheckRequest())
        await watch.read()

        server.stop.set()
        assert (await watch.read()).status == NOT_SERVING
        answer = await health.Check(health_pb2.HealthCheckRequest())
        still = await server.runs.GetRun(pb.GetRunRequest(run_id=run.run_id))

        assert answer.status == NOT_SERVING
        assert still.run.run_id == run.run_id
        assert not stream.done()


async def test_an_idle_stream_sends_heartbeats(db: Path) -> None:
    async with serving(db, WORKFLOWS, heartbeat_s=0.05) as server:
        run = await server.run("asking", b"1")
        request = pb.WatchRunRequest(
            run_id=run.run_id, after_sequence=run.newest_sequence, follow=True
        )
        stream = server.runs.WatchRun(request)
        beats = [(await stream.read()).event for _ in range(2)]

    assert [beat.WhichOneof("body") for beat in beats] == ["heartbeat", "heartbeat"]
    assert {beat.sequence for beat in beats} == {0}


async def test_no_more_runs_are_accepted_than_are_allowed(db: Path) -> None:
    async with serving(db, WORKFLOWS, runs_max=1, runs_pending_max=0) as server:
        run_id = await start_gated(server)
        with refused() as refusal:
            await server.run("echo", b"1")
        GATES.open(run_id)
        await server.runs.WaitRun(pb.WaitRunRequest(run_id=run_id))
        run = await server.run("echo", b"1")

    assert (refusal.code, refusal.reason) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "TOO_MANY_RUNS",
    )
    assert refusal.metadata == {"runs_max": "1"}
    assert run.status == run_pb2.RUN_STATUS_SUCCESS
