"""
What OpenTelemetry's own interceptor does not see: how a call ended.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Any

import grpc
from opentelemetry import trace

from dalsegno.model.errors import DalsegnoError
from dalsegno.rpc.interceptors.stream_scope import close_with_stream
from dalsegno.rpc.interceptors.wrap import (
    Context,
    Handler,
    behaviour_of,
    with_behaviour,
)
from dalsegno.rpc.status import code_of

# Codes that tell of a fault of the server: semantic conventions for gRPC, server spans.
_FAULTS = (
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS,
)


class SpanStatus(grpc.aio.ServerInterceptor):
    """
    Writes the code of a call that fails into its span.

    Goes just inside the interceptor of opentelemetry-instrumentation-grpc 0.66b2, which notes
    every such call as OK (open-telemetry/opentelemetry-python-contrib#3066, #2357).
    """

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        behaviour = behaviour_of(handler)

        async def answered(request: Any, context: Context) -> Any:
            with _noted(context):
                return await behaviour(request, context)

        def streamed(request: Any, context: Context) -> AsyncGenerator[Any, None]:
            messages = _noting(behaviour(request, context), context)
            # OpenTelemetry's generator, around this one, ends its span before this one is closed.
            close_with_stream(messages)
            return messages

        return with_behaviour(handler, streamed if handler.response_streaming else answered)


async def _noting(
    messages: AsyncGenerator[Any, None], context: Context
) -> AsyncGenerator[Any, None]:
    with _noted(context):
        async with aclosing(messages):
            async for message in messages:
                yield message


@contextmanager
def _noted(context: Context) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        code = _code(error, context)
        span = trace.get_current_span()
        span.set_attribute("rpc.grpc.status_code", code.value[0])
        if code in _FAULTS:
            span.set_status(trace.Status(trace.StatusCode.ERROR, code.name))
        raise


def _code(error: BaseException, context: Context) -> grpc.StatusCode:
    match error:
        case DalsegnoError():
            return code_of(error)
        case asyncio.CancelledError() | GeneratorExit():
            return _code_of_left(context)
        case grpc.aio.AbortError():
            return context.code()
        case _:
            return grpc.StatusCode.INTERNAL


def _code_of_left(context: Context) -> grpc.StatusCode:
    """
    The code of a call whose caller has gone: it has left, or its deadline has passed.
    """
    left_s: float | None = context.time_remaining()
    is_late = left_s is not None and left_s <= 0
    return grpc.StatusCode.DEADLINE_EXCEEDED if is_late else grpc.StatusCode.CANCELLED
