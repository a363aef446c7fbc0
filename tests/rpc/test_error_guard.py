"""
However a handler ends, its caller is answered, and is told neither too much nor too little.
"""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest

from dalsegno.model.errors import DalsegnoError, RunNotFound, SequenceOutOfRange
from dalsegno.rpc.interceptors.wrap import Context
from dalsegno.v1 import run_service_pb2 as pb
from tests.rpc.refused import refusal_of, refused
from tests.rpc.tiny import tiny

SECRET = "password=hunter2"


async def cancel_an_inner_task() -> None:
    inner = asyncio.create_task(asyncio.sleep(60))
    inner.cancel()
    await inner


async def test_a_canceled_inner_task_does_not_leave_the_caller_waiting() -> None:
    async def answer(_: pb.GetRunRequest, __: Context) -> pb.GetRunResponse:
        await cancel_an_inner_task()
        return pb.GetRunResponse()

    async with tiny(answer) as server:
        refusal = await refusal_of(server.ask())

    assert refusal.code is grpc.StatusCode.ABORTED
    assert refusal.metadata.keys() == {"incident"}


async def test_a_canceled_inner_task_does_not_leave_a_stream_waiting() -> None:
    async def stream(_: pb.GetRunRequest, __: Context) -> AsyncIterator[pb.GetRunResponse]:
        yield pb.GetRunResponse()
        await cancel_an_inner_task()

    async with tiny(stream=stream) as server:
        call = server.stream()
        assert await call.read() == pb.GetRunResponse()
        with refused() as refusal:
            await call.read()

    assert refusal.code is grpc.StatusCode.ABORTED


async def test_an_unknown_exception_is_an_incident_and_its_text_stays_here(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def answer(_: pb.GetRunRequest, __: Context) -> pb.GetRunResponse:
        raise KeyError(SECRET)

    async with tiny(answer) as server:
        refusal = await refusal_of(server.ask())

    assert refusal.code is grpc.StatusCode.INTERNAL
    assert refusal.reason == "INTERNAL"
    assert SECRET not in refusal.message
    incident = refusal.metadata["incident"]
    assert incident in refusal.message
    [record] = [it for it in caplog.records if getattr(it, "incident", None) == incident]
    assert record.exc_info is not None
    assert SECRET in str(record.exc_info[1])
    assert record.__dict__["method"] == "/dalsegno.v1.RunService/GetRun"


async def test_an_exception_in_a_stream_comes_after_what_was_sent_before() -> None:
    async def stream(_: pb.GetRunRequest, __: Context) -> AsyncIterator[pb.GetRunResponse]:
        yield pb.GetRunResponse()
        raise ValueError(SECRET)

    async with tiny(stream=stream) as server:
        call = server.stream()
        assert await call.read() == pb.GetRunResponse()
        with refused() as refusal:
            await call.read()

    assert refusal.code is grpc.StatusCode.INTERNAL
    assert SECRET not in refusal.message


@pytest.mark.parametrize("error", [RunNotFound("r"), SequenceOutOfRange("r", 9, 7)])
async def test_a_refusal_is_told_with_its_reason_and_facts(error: DalsegnoError) -> None:
    async def answer(_: pb.GetRunRequest, __: Context) -> pb.GetRunResponse:
        raise error

    async with tiny(answer) as server:
        refusal = await refusal_of(server.ask())

    assert refusal.message == str(error)
    assert refusal.reason == error.reason
    assert refusal.metadata == error.facts
    assert refusal.domain == "dalsegno.dev"


async def test_a_handler_may_end_its_call_itself(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(_: pb.GetRunRequest, context: Context) -> pb.GetRunResponse:
        await context.abort(grpc.StatusCode.NOT_FOUND, "gone")

    async with tiny(answer) as server:
        refusal = await refusal_of(server.ask())

    assert (refusal.code, refusal.message) == (grpc.StatusCode.NOT_FOUND, "gone")
    assert "call failed" not in caplog.text


async def test_a_write_to_a_caller_who_has_just_left_is_no_incident(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """
    The goal: the log has no tracebacks for callers who leave.
    The method: raise what a write raises then; leaving at the right moment is luck.
    """

    async def stream(_: pb.GetRunRequest, __: Context) -> AsyncIterator[pb.GetRunResponse]:
        yield pb.GetRunResponse()
        raise grpc.aio.InternalError("Failed execute_batch")

    async with tiny(stream=stream) as server:
        assert len([message async for message in server.stream()]) == 1

    assert not [it for it in caplog.records if it.levelname in {"WARNING", "ERROR"}]


async def test_a_handler_whose_caller_leaves_is_canceled() -> None:
    entered, left = asyncio.Event(), asyncio.Event()

    async def answer(_: pb.GetRunRequest, __: Context) -> pb.GetRunResponse:
        entered.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            left.set()
            raise
        return pb.GetRunResponse()

    async with tiny(answer) as server:
        asking = asyncio.create_task(server.ask())
        await entered.wait()
        asking.cancel()
        await asyncio.wait_for(left.wait(), 5)


async def test_garbage_in_place_of_a_request_is_the_callers_fault() -> None:
    async with tiny() as server:
        refusal = await refusal_of(server.raw(b"\xff\xff\xff\xff"))

    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refusal.reason == "INVALID_REQUEST"
    assert "the body is no request of this method" in refusal.violations[""]


async def test_a_request_that_breaks_its_rules_is_refused_by_field() -> None:
    async with tiny() as server:
        refusal = await refusal_of(server.ask(pb.GetRunRequest(run_id="r" * 129)))

    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refusal.reason == "INVALID_REQUEST"
    assert refusal.violations.keys() == {"run_id"}
