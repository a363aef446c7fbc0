"""
Handlers as all interceptors have made them, once for each method.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import grpc

from dalsegno.rpc.interceptors.wrap import Handler


class Resolved(grpc.aio.ServerInterceptor):
    """
    Stands for several interceptors, and asks them once for each method.

    gRPC asks for each call: that made a dozen functions of each, and each stream kept its own. They
    may therefore look at nothing but the method before they are given a request.

    Args:
        interceptors: Outermost first.
    """

    def __init__(self, interceptors: Sequence[grpc.aio.ServerInterceptor]) -> None:
        self._interceptors = interceptors
        # Of methods that are served: callers may make up any others.
        self._handlers: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        method = handler_call_details.method
        known = self._handlers.get(method)
        if known is not None:
            return known
        for interceptor in reversed(self._interceptors):
            continuation = partial(interceptor.intercept_service, continuation)
        handler = await continuation(handler_call_details)
        if handler is not None:
            self._handlers[method] = handler
        return handler
