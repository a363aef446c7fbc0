"""
Streams that begin and end in the task of their call.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
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
                    await self._send(messages, context)

        return with_behaviour(handler, driven)

    async def _send(self, messages: AsyncIterator[Any], context: Context) -> None:
        clock = _WriteClock(self._write_s)
        try:
            async with clock.timeout:
                async for message in messages:
                    clock.begin()
                    await context.write(message)
                    clock.end()
        except TimeoutError:
            if clock.timeout.expired():
                raise ReaderStalled(self._write_s) from None
            raise
        finally:
            clock.stop()


class _WriteClock:
    """
    Expires a time-out when one write of a stream takes too long.

    With one timer for all of them: a time-out around each took a tenth of what sending takes.
    """

    def __init__(self, write_s: float) -> None:
        self.timeout = asyncio.timeout(None)
        self._write_s = write_s
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(write_s, self._look)
        self.end()

    def begin(self) -> None:
        self._due_s = self._loop.time() + self._write_s

    def end(self) -> None:
        self._due_s = math.inf

    def stop(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        left_s = self._due_s - self._loop.time()
        if left_s <= 0:
            self.timeout.reschedule(0)
        else:
            self._timer = self._loop.call_later(min(left_s, self._write_s), self._look)
