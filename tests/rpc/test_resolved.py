"""
Interceptors are asked once for each method that is served.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from dalsegno.rpc.interceptors.resolved import Resolved
from dalsegno.rpc.interceptors.wrap import Context, Handler, behaviour_of, with_behaviour
from tests.rpc.refused import refused


class Noted(grpc.aio.ServerInterceptor):
    """
    Counts what it is asked for, and leaves its name in what the method answers.
    """

    def __init__(self, name: bytes, asked: Counter[str]) -> None:
        self._name = name
        self._asked = asked

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        self._asked[handler_call_details.method] += 1
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        behaviour = behaviour_of(handler)

        async def named(request: Any, context: Context) -> Any:
            return self._name + await behaviour(request, context)

        return with_behaviour(handler, named)


async def echo(request: bytes, _: Context) -> bytes:
    return request


async def ask(channel: grpc.aio.Channel, method: str) -> bytes:
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/s/{method}")
    return await call(b"x", timeout=10)


async def test_interceptors_are_asked_once_for_a_method_and_are_around_every_call() -> None:
    asked: Counter[str] = Counter()
    resolved = Resolved([Noted(b"outer ", asked), Noted(b"inner ", asked)])
    server = grpc.aio.server(interceptors=[resolved])
    methods: dict[str, Handler] = {
        name: grpc.unary_unary_rpc_method_handler(echo) for name in ("A", "B")
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("s", methods)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        for method in ("A", "A", "A", "B"):
            assert await ask(channel, method) == b"outer inner x"
        for number in range(3):
            with refused() as refusal:
                await ask(channel, f"made-up-{number}")
            assert refusal.code is grpc.StatusCode.UNIMPLEMENTED
    await server.stop(None)

    assert (asked["/s/A"], asked["/s/B"]) == (2, 2)  # two interceptors, once each
    assert set(resolved._handlers) == {"/s/A", "/s/B"}
