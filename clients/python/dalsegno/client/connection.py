"""
The connection to a server: channels, and patience with a server that goes away.
"""

import asyncio
import ipaddress
import random
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import grpc
from google.protobuf.message import Message

from dalsegno.client.errors import DalsegnoError, from_rpc
from dalsegno.v1.admin_service_pb2_grpc import AdminServiceStub
from dalsegno.v1.run_service_pb2_grpc import RunServiceStub
from dalsegno.v1.workflow_service_pb2_grpc import WorkflowServiceStub

if TYPE_CHECKING:  # classes that only the .pyi files have
    from dalsegno.v1.admin_service_pb2_grpc import AdminServiceAsyncStub
    from dalsegno.v1.run_service_pb2_grpc import RunServiceAsyncStub
    from dalsegno.v1.workflow_service_pb2_grpc import WorkflowServiceAsyncStub

# Asks for payloads as exact JSON text.
_EXACT = ("dalsegno-payload-form", "json")

_OPTIONS = (
    # A peer that vanished is noticed within 40 s. Servers allow a ping every 10 s, so 30 is polite.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),  # likewise, where only pings get lost; else 60 s
    # 0: an idle stream is pinged for as long as it lives. The default stops after two pings.
    ("grpc.http2.max_pings_without_data", 0),
    # gRPC's own waits between tries to connect; its default goes up to 2 min, ours end sooner.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # Else two channels to one server share a connection, and streams could starve calls.
    ("grpc.use_local_subchannel_pool", 1),
)
# A proxy named by the environment does not reach the caller's own machine.
_NO_PROXY = ("grpc.enable_http_proxy", 0)

_TRANSIENT = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)

_Answer_co = TypeVar("_Answer_co", bound=Message, covariant=True)


class Method(Protocol[_Answer_co]):
    """
    A unary method of a stub.
    """

    def __call__(
        self, request: Any, /, *, timeout: float | None, metadata: Any
    ) -> Awaitable[_Answer_co]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """
    How long a lost server is waited for; the same for calls and streams.

    Attributes:
        connect_s: For a server that has never answered. 0: the first refusal is raised.
        give_up_s: Without an answer, event or heartbeat from a server that did answer before.
        delay_s: Upper end of the first random delay; doubled with each further one.
        delay_max_s: Where doubling ends. Thousands of streams that are cut at once come back
            spread over this time.
        silence_s: Without event or heartbeat on an open stream before it is taken for dead:
            three intervals of a server's heartbeat, 15 s.
    """

    connect_s: float = 5.0
    give_up_s: float = 60.0
    delay_s: float = 0.1
    delay_max_s: float = 5.0
    silence_s: float = 45.0


class Line:
    """
    One channel with its stubs.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.runs: RunServiceAsyncStub = RunServiceStub(channel)
        self.workflows: WorkflowServiceAsyncStub = WorkflowServiceStub(channel)
        self.admin: AdminServiceAsyncStub = AdminServiceStub(channel)


class Connection:
    """
    Two lines to one server, opened when first needed: one for calls, one for streams.

    They belong to the event loop that is running when they are opened.

    Attributes:
        patience: With a server that goes away.
        metadata: Sent with every call.
        is_known: Whether the server has ever answered.
    """

    def __init__(
        self,
        target: str,
        credentials: grpc.ChannelCredentials | None,
        patience: Patience,
        token: str | None,
    ) -> None:
        self.patience = patience
        self.metadata = (_EXACT, ("authorization", f"Bearer {token}")) if token else (_EXACT,)
        self.is_known = False
        self._target = target
        self._credentials = credentials
        self._calls: Line | None = None
        self._streams: Line | None = None

    @property
    def calls(self) -> Line:
        if self._calls is None:
            self._calls = Line(self._open())
        return self._calls

    @property
    def streams(self) -> Line:
        if self._streams is None:
            self._streams = Line(self._open())
        return self._streams

    def drop(self, line: Line) -> None:
        """
        Open a new line for streams when one is needed next, because this one is dead.

        Streams that are still on it end by themselves, and its channel with them.
        """
        if line is self._streams:
            self._streams = None

    async def call(
        self, method: Method[_Answer_co], request: Message, *, timeout_s: float | None
    ) -> _Answer_co:
        """
        Make a unary call, and repeat it while the server is away.

        Safe for every call that only reads, or whose request has an id.

        Raises:
            DalsegnoError: The refusal, or the last failure when time or patience ran out.
        """
        answer = await self.settle(method, request, timeout_s=timeout_s)
        assert answer is not None
        return answer

    async def settle(
        self,
        method: Method[_Answer_co],
        request: Message,
        *,
        timeout_s: float | None,
        settled_by: type[DalsegnoError] | None = None,
    ) -> _Answer_co | None:
        """
        Like `call`, for requests without an id.

        Args:
            settled_by: How a repetition is refused if an earlier try took effect.

        Returns:
            The answer; None if an earlier try took effect, and its answer got lost.
        """
        backoff = Backoff(self, timeout_s)
        while True:
            try:
                answer = await method(request, timeout=backoff.left_s, metadata=self.metadata)
            except grpc.aio.AioRpcError as failure:
                error = from_rpc(failure)
                if settled_by and isinstance(error, settled_by) and backoff.tries:
                    return None
                await backoff.wait(error, cause=failure)
            else:
                self.is_known = True
                return answer

    async def close(self) -> None:
        """
        Close both lines. Calls and streams that are open end as canceled.
        """
        for line in (self._calls, self._streams):
            if line is not None:
                await line.channel.close()
        self._calls = self._streams = None

    def _open(self) -> grpc.aio.Channel:
        options = (*_OPTIONS, _NO_PROXY) if is_loopback(self._target) else _OPTIONS
        if self._credentials is None:
            return grpc.aio.insecure_channel(self._target, options)
        return grpc.aio.secure_channel(self._target, self._credentials, options)


def is_loopback(target: str) -> bool:
    """
    Whether what is sent there stays on this machine, whatever the network and its names say.
    """
    host = target.rpartition(":")[0].strip("[]")
    if target.startswith("unix:") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Backoff:
    """
    Waits between the tries of one call or stream: exponential, with full jitter.

    Not gRPC's retryPolicy: it ends after five tries, which a restart of a server outlasts, and
    it cannot tell a server that is away from one that never was there.

    Attributes:
        tries: How many have failed since the server last answered.
    """

    def __init__(self, connection: Connection, timeout_s: float | None = None) -> None:
        self._connection = connection
        self._clock = asyncio.get_running_loop().time
        self._ends = None if timeout_s is None else self._clock() + timeout_s
        self.progress()

    @property
    def left_s(self) -> float | None:
        """
        What is left of the time given for the whole call; None without limit.
        """
        return None if self._ends is None else max(0.0, self._ends - self._clock())

    def progress(self) -> None:
        """
        The server answered: patience begins anew.
        """
        self.tries = 0
        self._since = self._clock()

    async def wait(self, error: DalsegnoError, *, cause: BaseException) -> None:
        """
        Wait before the next try.

        Raises:
            DalsegnoError: *error*, if it will not pass, or if the wait would be longer than
                patience or the time given.
        """
        patience = self._connection.patience
        is_transient = _is_transient(error)
        if not is_transient or error.reason:
            self._connection.is_known = True
        longest_s = min(patience.delay_max_s, patience.delay_s * 2**self.tries)
        delay_s = max(random.uniform(0, longest_s), error.retry_delay.total_seconds())  # noqa: S311 spreads load, hides nothing
        if not is_transient or self._is_over(delay_s):
            raise error from cause
        self.tries += 1
        await asyncio.sleep(delay_s)

    def _is_over(self, delay_s: float) -> bool:
        patience = self._connection.patience
        limit_s = patience.give_up_s if self._connection.is_known else patience.connect_s
        waited_s = self._clock() - self._since
        left_s = self.left_s
        return waited_s + delay_s > limit_s or (left_s is not None and delay_s > left_s)


def _is_transient(error: DalsegnoError) -> bool:
    """
    Whether the same call may succeed without anything being changed.

    Proxies reset the streams of a server that died. gRPC makes INTERNAL of that, as of bugs and of
    requests that cannot be written: only its words tell.
    """
    if error.code is grpc.StatusCode.INTERNAL:
        return not error.reason and "RST_STREAM" in str(error)
    return error.code in _TRANSIENT
