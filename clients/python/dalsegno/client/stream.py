"""
Streams of events that outlive their connections.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import grpc

from dalsegno.client import decode
from dalsegno.client.connection import Backoff, Connection, Line
from dalsegno.client.errors import DalsegnoError, EventGap, Unavailable, from_rpc
from dalsegno.client.events import RunEvent
from dalsegno.v1.event_pb2 import RunEvent as EventMessage
from dalsegno.v1.run_service_pb2 import WatchRunRequest

if TYPE_CHECKING:  # what only the .pyi files have
    from dalsegno.v1.run_service_pb2_grpc import RunServiceAsyncStub

    _Call = grpc.aio.UnaryStreamCall[Any, Any]
    Opening = Callable[[RunServiceAsyncStub], _Call]


class EventStream(AsyncIterator[RunEvent]):
    """
    The events of a run, in order, each exactly once.

        async for event in client.watch_run(run_id):
            ...

    A connection that is lost, cut by the server or silent is replaced by another one, which goes
    on after the last event. Leaving the loop, by `break` or an exception, cancels the call; a
    further loop over the same stream goes on where the first was left. `async with` closes the
    stream at its end. Iterate it in one asyncio task at a time.

    Raises (while iterating):
        DalsegnoError: A refusal; `Unavailable` when the server stayed away for too long; `EventGap`
            when events are missing. The stream can be iterated again after `Unavailable`.

    Attributes:
        run_id: The run; None before the first event of a run that has no name yet.
        last_sequence: Of the newest event delivered; None before the first of a resumed run.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        run_id: str | None,
        last_sequence: int | None,
        follow: bool,
        open_first: "Opening | None" = None,
    ) -> None:
        self.run_id = run_id
        self.last_sequence = last_sequence
        self._connection = connection
        self._follow = follow
        # Asks for a run and its events, the same run however often it is called: the request has
        # an id. Needed until the first event has come; from then on the run is watched. None if
        # there is nothing to ask for but watching.
        self._open_first = open_first
        self._ends_at_rest = open_first is not None and not follow
        self._loops = 0
        self._is_at_rest = False
        self._is_over = False
        self._line: Line | None = None
        self._call: _Call | None = None
        self._backoff: Backoff | None = None

    def __aiter__(self) -> AsyncIterator[RunEvent]:  # noqa: PYI034 a loop is left on its own
        self._loops += 1
        return _Loop(self, self._loops)

    async def __anext__(self) -> RunEvent:
        while not self._is_over:
            message = await self._receive()
            event = None if message is None else self._accept(message)
            if event is not None:
                return event
        raise StopAsyncIteration

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """
        Cancel the call and end the stream. The run goes on.
        """
        self._is_over = True
        self._detach()

    def leave(self, loop: int) -> None:
        """
        Cancel the call if that loop is the newest; iterating on opens another one.

        An older loop may be deleted late, as a traceback or a cycle held it.
        """
        if loop == self._loops:
            self._detach()

    def _detach(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._line = self._call = None

    async def _receive(self) -> EventMessage | None:
        """
        The next message; None if the call brought none and another one has to be made, or not.
        """
        silence_s = self._connection.patience.silence_s
        self._line = self._line or self._connection.streams
        self._call = self._call or self._open(self._line)
        try:
            async with asyncio.timeout(silence_s):
                answer: Any = await self._call.read()
        except asyncio.CancelledError:
            self._detach()
            if _is_canceled():
                raise
            # Not this task but the call was canceled: by aclose, or as the client was closed.
            if not self._is_over:
                raise Unavailable("the client was closed") from None
            return None
        except TimeoutError as failure:
            # A call on the same line would share its dead connection.
            self._connection.drop(self._line)
            await self._lose(Unavailable(f"no sign of life for {silence_s:g} s"), failure)
            return None
        except grpc.aio.AioRpcError as failure:
            await self._lose(from_rpc(failure), failure)
            return None
        self._connection.is_known = True
        self._backoff = None
        if answer is grpc.aio.EOF:
            self._is_over = True
            return None
        message: EventMessage = answer.event
        return message

    def _open(self, line: Line) -> "_Call":
        if self._open_first is not None:
            return self._open_first(line.runs)
        request = WatchRunRequest(
            run_id=self.run_id, after_sequence=self.last_sequence, follow=self._follow
        )
        return line.runs.WatchRun(request, metadata=self._connection.metadata)

    def _accept(self, message: EventMessage) -> RunEvent | None:
        if self._is_at_rest:
            # Somebody else let the run go on at once. What follows is no longer what was asked for.
            self._is_over = True
            self._detach()
            return None
        if not message.sequence:
            return None  # a heartbeat, or another sign of life that a newer server gives
        last = self.last_sequence
        if last is not None and message.sequence <= last:
            return None
        if last is not None and message.sequence > last + 1:
            self._detach()
            raise EventGap(f"event {message.sequence} of run {message.run_id!r} came after {last}")
        event = decode.event(message)
        self.run_id, self.last_sequence = event.run_id, event.sequence
        self._open_first = None
        self._is_at_rest = self._ends_at_rest and event.rests_run
        return event

    async def _lose(self, error: DalsegnoError, cause: BaseException) -> None:
        self._detach()
        if self._is_at_rest:
            self._is_over = True
            return
        backoff, self._backoff = self._backoff or Backoff(self._connection), None
        await backoff.wait(error, cause=cause)
        self._backoff = backoff  # kept until the next message: tries without any count together


class _Loop(AsyncIterator[RunEvent]):
    """
    One `async for` over a stream. Python tells an iterator that its loop was left by deleting it.
    """

    __slots__ = ("_number", "_stream")

    def __init__(self, stream: EventStream, number: int) -> None:
        self._stream = stream
        self._number = number

    def __anext__(self) -> Coroutine[Any, Any, RunEvent]:
        # No coroutine of its own: its frame would keep this object alive in tracebacks.
        return self._stream.__anext__()

    def __del__(self) -> None:
        self._stream.leave(self._number)


def _is_canceled() -> bool:
    """
    Whether the cancellation that is being raised was asked of the current task.
    """
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
