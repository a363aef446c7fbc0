"""
The server: services, interceptors in their order, options, address, and how it stops.
"""

import asyncio

import grpc
from grpc_health.v1 import health_pb2_grpc

from dalsegno.config import Settings
from dalsegno.engine import Engine
from dalsegno.rpc import health
from dalsegno.rpc.admin_service import AdminService
from dalsegno.rpc.answers import Answers
from dalsegno.rpc.drain import Drain
from dalsegno.rpc.interceptors.error_guard import ErrorGuard
from dalsegno.rpc.interceptors.open_calls import OpenCalls
from dalsegno.rpc.interceptors.resolved import Resolved
from dalsegno.rpc.interceptors.span_status import SpanStatus
from dalsegno.rpc.interceptors.stream_scope import StreamScope
from dalsegno.rpc.interceptors.validation import Validation
from dalsegno.rpc.reflection import add_reflection
from dalsegno.rpc.run_service import RunService
from dalsegno.rpc.workflow_service import WorkflowService
from dalsegno.v1 import admin_service_pb2, run_service_pb2, workflow_service_pb2
from dalsegno.v1.admin_service_pb2_grpc import add_AdminServiceServicer_to_server
from dalsegno.v1.run_service_pb2_grpc import add_RunServiceServicer_to_server
from dalsegno.v1.workflow_service_pb2_grpc import add_WorkflowServiceServicer_to_server

_FILES = (
    run_service_pb2.DESCRIPTOR,
    workflow_service_pb2.DESCRIPTOR,
    admin_service_pb2.DESCRIPTOR,
)
SERVICES = tuple(service.full_name for file in _FILES for service in file.services_by_name.values())

# A minute for streams to end by themselves before a connection that is too old is cut.
_CONNECTION_AGE_GRACE_MS = 60_000

# For the statuses of streams that were ended to reach their readers, before those that read nothing
# are cut off. 1,000 watchers took 0.3 s on two cores.
_LAST_WORDS_S = 2.0


class RpcServer:
    """
    Answers gRPC calls by asking the engine.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._settings = settings
        self._streams = Drain()
        self._health = health.Health(SERVICES)
        engine.tell_health(self._health.tell)
        self._calls = OpenCalls(
            streams_per_connection_max=settings.streams_per_connection_max,
            streams_max=settings.streams_max,
        )
        scope = StreamScope(self._streams, write_s=settings.stream_write_s)
        self._server = grpc.aio.server(
            interceptors=_interceptors(self._calls, scope, with_tracing=settings.tracing),
            options=_options(settings),
        )
        answers = Answers(
            engine,
            heartbeat_s=settings.heartbeat_s,
            message_bytes_max=settings.message_bytes_max,
        )
        add_RunServiceServicer_to_server(RunService(engine, answers), self._server)
        add_WorkflowServiceServicer_to_server(WorkflowService(engine, answers), self._server)
        admin = AdminService(engine, message_bytes_max=settings.message_bytes_max)
        add_AdminServiceServicer_to_server(admin, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        add_reflection(self._server, [*SERVICES, health.SERVICE])

    def bind(self) -> str:
        """
        Take the address, without answering yet.

        Returns:
            HOST:PORT, with the port that was taken if any was allowed.

        Raises:
            RuntimeError: It is taken, or not an address of this machine.
            OSError: A TLS file cannot be read.
        """
        listen = self._settings.listen
        if self._settings.has_tls:
            port = self._server.add_secure_port(listen, _credentials(self._settings))
        else:
            port = self._server.add_insecure_port(listen)
        return f"{listen.rpartition(':')[0]}:{port}"

    async def start(self) -> None:
        """
        Begin to answer.
        """
        await self._server.start()

    async def drain(self, delay_s: float) -> None:
        """
        Say NOT_SERVING, give load balancers the delay to notice, and end the streams.
        """
        self._health.stop()
        await asyncio.sleep(delay_s)
        self._streams.end()

    async def stop(self, grace_s: float) -> None:
        """
        Accept no more calls, and give those in flight this long to end.

        Streams were ended before. Those whose readers take nothing, and so not their end either,
        are cut off once all calls are answered.
        """
        stopping = asyncio.ensure_future(self._server.stop(grace_s))
        await asyncio.wait({stopping}, timeout=_LAST_WORDS_S)
        answered = asyncio.ensure_future(self._calls.answered())
        await asyncio.wait({stopping, answered}, return_when=asyncio.FIRST_COMPLETED)
        answered.cancel()
        await self._server.stop(None)
        await stopping


def _interceptors(
    calls: OpenCalls, streams: StreamScope, *, with_tracing: bool
) -> list[grpc.aio.ServerInterceptor]:
    """
    The interceptors, outermost first; their order has reasons.

    1. OpenCalls counts a call until its status is sent, which the guard does. It is the only one
       that refuses by itself: a stream too many is to cost as little as possible.
    2. ErrorGuard sees whatever the others raise.
    3. StreamScope is around everything that is an async generator, so that all of them end in
       the call's own task; what it raises itself still needs the guard.
    4. OpenTelemetry makes the call's span; it can only drive generators, and does not close them.
    5. SpanStatus needs that span, and errors as they were before they became statuses.
    6. Validation is last: a refused request has a span, and a status like any other error.
    """
    tracing = _tracing() if with_tracing else []
    return [Resolved([calls, ErrorGuard(), streams, *tracing, Validation()])]


def _tracing() -> list[grpc.aio.ServerInterceptor]:
    # Imported only if it is used: a start without it is faster.
    from opentelemetry.instrumentation.grpc import aio_server_interceptor  # noqa: PLC0415
    from opentelemetry.instrumentation.grpc.filters import health_check, negate  # noqa: PLC0415

    spans = aio_server_interceptor(  # type: ignore[no-untyped-call] # ships no types
        filter_=negate(health_check())
    )
    return [spans, SpanStatus()]


def _options(settings: Settings) -> list[tuple[str, int]]:
    """
    Channel arguments; `config.py` says why each value is what it is.
    """
    options = {
        # Otherwise a second server takes the same port, and half of the calls.
        "grpc.so_reuseport": 0,
        "grpc.max_concurrent_streams": settings.calls_per_connection_max,
        # Otherwise it counts streams that have just ended, too, and refuses new ones of a client
        # that keeps to the limit, with UNAVAILABLE: 16 % of calls where 60 callers share 6 places.
        "grpc.http.overload_protection": 0,
        "grpc.max_receive_message_length": settings.message_bytes_max,
        "grpc.max_send_message_length": settings.message_bytes_max,
        "grpc.max_metadata_size": settings.metadata_bytes_max,
        # Otherwise twice as much, and what lies between is refused at random.
        "grpc.absolute_max_metadata_size": settings.metadata_bytes_max,
        "grpc.keepalive_time_ms": _ms(settings.keepalive_s),
        "grpc.keepalive_timeout_ms": _ms(settings.keepalive_timeout_s),
        # What ends a connection whose packets arrive and whose pings stay unanswered, as behind a
        # proxy; the line above is for packets that get lost. 60 s unless given (grpcio 1.85).
        "grpc.http2.ping_timeout_ms": _ms(settings.keepalive_timeout_s),
        "grpc.keepalive_permit_without_calls": 1,
        # Not `min_recv_ping_interval…`, which is in many posts and silently ignored.
        "grpc.http2.min_ping_interval_without_data_ms": _ms(settings.ping_interval_s_min),
    }
    if settings.connection_idle_s_max:
        options["grpc.max_connection_idle_ms"] = _ms(settings.connection_idle_s_max)
    if settings.connection_age_s_max:
        options["grpc.max_connection_age_ms"] = _ms(settings.connection_age_s_max)
        options["grpc.max_connection_age_grace_ms"] = _CONNECTION_AGE_GRACE_MS
    return list(options.items())


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _credentials(settings: Settings) -> grpc.ServerCredentials:
    assert settings.tls_cert is not None
    assert settings.tls_key is not None
    pair = (settings.tls_key.read_bytes(), settings.tls_cert.read_bytes())
    return grpc.ssl_server_credentials([pair])
