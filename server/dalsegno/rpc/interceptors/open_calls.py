"""
How many calls and streams are open, and how many streams may be.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from dalsegno.model.errors import TooManyStreams
from dalsegno.rpc.interceptors.wrap import (
    Context,
    Handler,
    behaviour_of,
    with_behaviour,
)
from dalsegno.rpc.status import refusal


class OpenCalls(grpc.aio.ServerInterceptor):
    """
    Counts what is open, and refuses streams beyond two limits: of one connection, and of all.

    Not `maximum_concurrent_rpcs` of gRPC: that counts calls like streams, so that watchers starve
    calls. And not `grpc.max_concurrent_streams`, for which a client waits in silence: it is to lie
    above the limit of a connection, so that calls get through beside as many streams as may be.

    A stream has its place until its call is over, status included: one whose reader takes nothing
    keeps it, as it keeps its last message in memory.

    Args:
        streams_per_connection_max: Of any kind.
        streams_max: On all connections; watchers of health do not count.

    Attributes:
        streams: How many count towards `streams_max` now.
    """

    def __init__(self, *, streams_per_connection_max: int, streams_max: int) -> None:
        self._streams_per_connection_max = streams_per_connection_max
        self._streams_max = streams_max
        self._streams_of: Counter[str] = Counter()
        self._calls = 0
        self._is_answered = asyncio.Event()
        self._is_answered.set()
        self.streams = 0

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        behaviour = behaviour_of(handler)
        is_health = handler_call_details.method.startswith("/grpc.health.")

        async def call(request: Any, context: Context) -> Any:
            self._calls += 1
            self._is_answered.clear()
            try:
                return await behaviour(request, context)
            finally:
                self._calls -= 1
                if self._calls == 0:
                    self._is_answered.set()

        async def stream(request: Any, context: Context) -> None:
            # gRPC's name of the connection; a client that connects twice has two.
            peer = context.peer()
            full = self._full(peer, is_health=is_health)
            if full is not None:
                await context.abort_with_status(refusal(full))
            self._streams_of[peer] += 1
            self.streams += not is_health
            try:
                await behaviour(request, context)
            finally:
                self.streams -= not is_health
                self._streams_of[peer] -= 1
                if self._streams_of[peer] == 0:
                    del self._streams_of[peer]

        return with_behaviour(handler, stream if handler.response_streaming else call)

    async def answered(self) -> None:
        """
        Return when no call is being answered; streams do not count.
        """
        await self._is_answered.wait()

    def _full(self, peer: str, *, is_health: bool) -> TooManyStreams | None:
        if self._streams_of[peer] >= self._streams_per_connection_max:
            return TooManyStreams("streams_per_connection_max", self._streams_per_connection_max)
        if self.streams >= self._streams_max and not is_health:
            return TooManyStreams("streams_max", self._streams_max)
        return None
