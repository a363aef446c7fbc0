"""
A real gRPC server with our interceptors around handlers that a test makes up.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc

from dalsegno.rpc.drain import Drain
from dalsegno.rpc.interceptors.error_guard import ErrorGuard
from dalsegno.rpc.interceptors.stream_scope import StreamScope
from dalsegno.rpc.interceptors.validation import Validation
from dalsegno.rpc.interceptors.wrap import Context, Handler
from dalsegno.v1 import run_service_pb2 as pb

Answer = Callable[[pb.GetRunRequest, Context], Awaitable[pb.GetRunResponse]]
Stream = Callable[[pb.GetRunRequest, Context], AsyncIterator[pb.GetRunResponse]]

SERVICE = "dalsegno.v1.RunService"  # whose rules on requests the server knows
ASKED = pb.GetRunRequest(run_id="r")


async def answers_nothing(_: pb.GetRunRequest, __: Context) -> pb.GetRunResponse:
    return pb.GetRunResponse()


async def streams_nothing(_: pb.GetRunRequest, __: Context) -> AsyncIterator[pb.GetRunResponse]:
    nothing: tuple[pb.GetRunResponse, ...] = ()
    for message in nothing:
        yield message


@dataclass(frozen=True)
class Tiny:
    """
    The server's two methods as a client calls them, and what ends its streams.
    """

    channel: grpc.aio.Channel
    drain: Drain

    async def ask(self, request: pb.GetRunRequest = ASKED) -> pb.GetRunResponse:
        return await self.raw(request.SerializeToString())

    async def raw(self, body: bytes, timeout_s: float = 10) -> pb.GetRunResponse:
        ask: grpc.aio.UnaryUnaryMultiCallable[bytes, pb.GetRunResponse] = self.channel.unary_unary(
            f"/{SERVICE}/GetRun", response_deserializer=pb.GetRunResponse.FromString
        )
        return await ask(body, timeout=timeout_s)

    def stream(self) -> "grpc.aio.UnaryStreamCall[bytes, pb.GetRunResponse]":
        stream: grpc.aio.UnaryStreamMultiCallable[bytes, pb.GetRunResponse]
        stream = self.channel.unary_stream(
            f"/{SERVICE}/WatchRun", response_deserializer=pb.GetRunResponse.FromString
        )
        return stream(ASKED.SerializeToString(), timeout=10)


@asynccontextmanager
async def tiny(
    answer: Answer = answers_nothing,
    stream: Stream = streams_nothing,
    *,
    inner: tuple[grpc.aio.ServerInterceptor, ...] = (),
    write_s: float = 30,
) -> AsyncIterator[Tiny]:
    """
    Serve the two handlers; *inner* are more interceptors, between streams and validation.
    """
    drain = Drain()
    server = grpc.aio.server(
        interceptors=[ErrorGuard(), StreamScope(drain, write_s=write_s), *inner, Validation()],
    )
    kinds: dict[str, Any] = {
        "request_deserializer": pb.GetRunRequest.FromString,
        "response_serializer": pb.GetRunResponse.SerializeToString,
    }
    handlers: dict[str, Handler] = {
        "GetRun": grpc.unary_unary_rpc_method_handler(answer, **kinds),
        "WatchRun": grpc.unary_stream_rpc_method_handler(stream, **kinds),
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Tiny(channel, drain)
    finally:
        await server.stop(None)
