"""
Streams that begin and end in the task of their call.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, nullcontext
from contextvars import ContextVar
from typing import Any

import grpc

from dalsegno.model.errors import ReaderStalled
from dalsegno.rpc.drain import Drain
from dalsegno.rpc.interceptors.wrap import (
    Context,
    Handler,
    behaviour_of,
    with_behaviour,
)

_OPEN: ContextVar[AsyncExitStack] = ContextVar("open generators of this stream")


def close_with_stream(messages: AsyncGenerator[Any, None]) -> None:
    """
    Have a generator closed when the stream ends, before those that were opened earlier.

    For generators inside one that does not close what it iterates over.
    """
    _OPEN.get().push_async_callback(messages.aclose)


class StreamScope(grpc.aio.ServerInterceptor):
    """
    Drives the async generators of stream handlers, and ends them when the server stops.

    grpc.aio never closes them: after a caller has left, one would be finished by the garbage
    collector in another task and context (grpc/grpc#42295), where no scope it is in may end.

    A stream whose reader takes nothing is given up after a time. Its handler ends then, and with
    it all that it holds; what remains is one message in gRPC's hands, and the status behind it,
    until the reader takes them or has gone: grpc.aio cannot take back what was handed to it.

    Args:
        write_s: Seconds that a message may wait for its reader.
    """

    def __init__(self, drain: Drain, *, write_s: float) -> None:
        self._drain = drain
        self._write_s = write_s

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        handler = await continuation(handler_call_details)
        if handler is None or not handler.response_streaming:
            return handler
        behaviour = behaviour_of(handler)
        # Watchers of health end by themselves, after they were told that the server stops.
        is_health = handler_call_details.method.startswith("/grpc.health.")
        scope = nullcontext if is_health else self._drain.ends_this

        async def driven(request: Any, context: Context) -> None:
            with scope():
                async with AsyncExitStack() as stack:
                    _OPEN.set(stack)
                    messages = behaviour(request, context)
                    close_with_stream(messages)
                    async for message in messages:
                        await self._write(message, context)

        return with_behaviour(handler, driven)

    async def _write(self, message: Any, context: Context) -> None:
        try:
            async with asyncio.timeout(self._write_s):
                await context.write(message)
        except TimeoutError:
            raise ReaderStalled(self._write_s) from None
