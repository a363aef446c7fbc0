"""
Streams that begin and end in the task of their call.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from typing import Any

import grpc

from dalsegno.rpc.drain import Drain
from dalsegno.rpc.ending import Ending
from dalsegno.rpc.interceptors.wrap import (
    Context,
    Handler,
    behaviour_of,
    with_behaviour,
)
from dalsegno.rpc.serialized import Ready
from dalsegno.rpc.stalls import Stalls

# By task, of the few streams that have any: a context variable took 300 bytes of each.
_INNER: dict["asyncio.Task[Any] | None", AsyncExitStack] = {}


def close_with_stream(messages: AsyncGenerator[Any, None]) -> None:
    """
    Have a generator closed when the stream ends, before those that were opened earlier.

    For generators inside one that does not close what it iterates over.
    """
    inner = _INNER.setdefault(asyncio.current_task(), AsyncExitStack())
    inner.push_async_callback(messages.aclose)


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
        self._stalls = Stalls(write_s)

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
        is_drained = not handler_call_details.method.startswith("/grpc.health.")

        async def driven(request: Any, context: Context) -> None:
            with Ending() as stream:
                if is_drained:
                    self._drain.add(stream)
                try:
                    await self._drive(behaviour(request, context), context, stream)
                finally:
                    self._drain.remove(stream)

        serializer = _serializer(handler.response_serializer)
        return with_behaviour(handler, driven, serializer=serializer)

    async def _drive(
        self, messages: AsyncGenerator[Any, None], context: Context, stream: Ending
    ) -> None:
        async with aclosing(messages):
            try:
                async for message in messages:
                    await self._send(message, context, stream)
            finally:
                inner = _INNER.pop(asyncio.current_task(), None)
                if inner is not None:
                    await inner.aclose()

    async def _send(self, message: Any, context: Context, stream: Ending) -> None:
        sending = self._stalls.begin(stream)
        try:
            for each in message.messages if isinstance(message, Ready) else (message,):
                await context.write(each)
                sending.written += 1
        finally:
            self._stalls.end(sending)


def _serializer(serialize: Callable[[Any], bytes] | None) -> Callable[[Any], bytes] | None:
    """
    The same, for messages of which some are serialized already.
    """
    if serialize is None:
        return None

    def serialized(message: Any) -> bytes:
        return message if isinstance(message, bytes) else serialize(message)

    return serialized
