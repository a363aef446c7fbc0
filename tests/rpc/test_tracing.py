"""
Spans say how calls ended, which OpenTelemetry's own interceptor gets wrong.
"""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from opentelemetry.instrumentation.grpc import aio_server_interceptor
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.trace import StatusCode

from dalsegno.model.errors import RunNotFound
from dalsegno.rpc.interceptors.span_status import SpanStatus
from dalsegno.rpc.interceptors.wrap import Context
from dalsegno.v1 import run_service_pb2 as pb
from tests.rpc.refused import refused
from tests.rpc.tiny import Answer, Stream, answers_nothing, streams_nothing, tiny


class Spans(SpanProcessor):
    """
    Waits for the one span that a server makes.
    """

    def __init__(self) -> None:
        self._ended: asyncio.Future[ReadableSpan] = asyncio.get_running_loop().create_future()
        provider = TracerProvider()
        provider.add_span_processor(self)
        self.interceptors = (
            aio_server_interceptor(tracer_provider=provider),  # type: ignore[no-untyped-call]
            SpanStatus(),
        )

    def on_end(self, span: ReadableSpan) -> None:
        self._ended.set_result(span)

    async def only(self) -> ReadableSpan:
        return await asyncio.wait_for(self._ended, 5)


def code_in(span: ReadableSpan) -> object:
    return (span.attributes or {})["rpc.grpc.status_code"]


async def missing(_: pb.GetRunRequest, __: Context) -> pb.GetRunResponse:
    raise RunNotFound("r")


async def broken(_: pb.GetRunRequest, __: Context) -> pb.GetRunResponse:
    raise KeyError("x")


async def aborting(_: pb.GetRunRequest, context: Context) -> pb.GetRunResponse:
    await context.abort(grpc.StatusCode.UNAVAILABLE, "later")


@pytest.mark.parametrize(
    ("answer", "code", "status"),
    [
        (missing, grpc.StatusCode.NOT_FOUND, StatusCode.UNSET),
        (broken, grpc.StatusCode.INTERNAL, StatusCode.ERROR),
        (aborting, grpc.StatusCode.UNAVAILABLE, StatusCode.ERROR),
    ],
)
async def test_a_span_has_the_code_that_the_caller_got(
    answer: Answer, code: grpc.StatusCode, status: StatusCode
) -> None:
    spans = Spans()

    async with tiny(answer, inner=spans.interceptors) as server:
        with refused() as refusal:
            await server.ask()

    assert refusal.code is code
    span = await spans.only()
    assert code_in(span) == code.value[0]
    assert span.status.status_code is status


async def test_the_span_of_an_answered_call_is_fine() -> None:
    spans = Spans()

    async with tiny(answers_nothing, inner=spans.interceptors) as server:
        await server.ask()

    span = await spans.only()
    assert code_in(span) == 0
    assert span.status.status_code is StatusCode.UNSET


async def one_then_quiet(_: pb.GetRunRequest, __: Context) -> AsyncIterator[pb.GetRunResponse]:
    yield pb.GetRunResponse()
    await asyncio.sleep(60)


async def flood(_: pb.GetRunRequest, __: Context) -> AsyncIterator[pb.GetRunResponse]:
    while True:
        yield pb.GetRunResponse()


@pytest.mark.parametrize("stream", [one_then_quiet, flood])
async def test_the_span_of_a_stream_whose_reader_leaves_is_canceled_without_noise(
    stream: Stream, caplog: pytest.LogCaptureFixture
) -> None:
    spans = Spans()

    async with tiny(stream=stream, inner=spans.interceptors) as server:
        call = server.stream()
        await call.read()
        call.cancel()
        span = await spans.only()

    assert code_in(span) == grpc.StatusCode.CANCELLED.value[0]
    assert "Failed to detach context" not in caplog.text


async def test_a_stream_to_its_end_is_fine() -> None:
    spans = Spans()

    async with tiny(stream=streams_nothing, inner=spans.interceptors) as server:
        assert [message async for message in server.stream()] == []

    assert code_in(await spans.only()) == 0


async def test_a_call_that_takes_too_long_is_past_its_deadline() -> None:
    async def slow(_: pb.GetRunRequest, __: Context) -> pb.GetRunResponse:
        await asyncio.sleep(60)
        return pb.GetRunResponse()

    spans = Spans()

    async with tiny(slow, inner=spans.interceptors) as server:
        with refused() as refusal:
            await server.raw(b"\n\x01r", timeout_s=0.1)
        span = await spans.only()

    assert refusal.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert code_in(span) == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
