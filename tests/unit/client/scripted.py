"""
A server whose answers the test scripts, and a network between it and the client that can fail.

The server keeps one log of events and sends it as the API says. What it is for is what a right
server does at a bad moment: break off, stop, fall silent, answer twice.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import (  # type: ignore[import-untyped]  # googleapis-common-protos has no types
    error_details_pb2,
    status_pb2,
)
from grpc_status import rpc_status

from dalsegno.v1 import run_service_pb2 as pb
from dalsegno.v1.event_pb2 import RunEvent
from dalsegno.v1.run_pb2 import RUN_STATUS_SUCCESS, Run

HEARTBEAT = RunEvent(heartbeat={})
_ENDS = {"run_completed", "run_failed", "run_canceled"}
_RESTS = {"run_suspended", "run_paused"}


class ScriptedRuns:
    """
    Attributes:
        log: The events of the only run.
        requests: Every request, in order of arrival.
        metadata: Of the newest call.
        failures: Taken from the front by each call, which then fails so; None lets it pass.
        extra: Messages that a stream sends before the log.
        breaks_at_end: Streams fail as UNAVAILABLE where they should end.
        open_streams: How many streams are being sent.
        beats: How many heartbeats were asked for.
    """

    def __init__(self) -> None:
        self.log: list[RunEvent] = []
        self.requests: list[Any] = []
        self.metadata: dict[str, str] = {}
        self.failures: list[tuple[grpc.StatusCode, str] | status_pb2.Status | None] = []
        self.extra: list[RunEvent] = []
        self.breaks_at_end = False
        self.open_streams = 0
        self.beats = 0
        self.changed = asyncio.Condition()

    async def tell(self, *events: RunEvent) -> None:
        async with self.changed:
            self.log.extend(events)
            self.changed.notify_all()

    async def beat(self) -> None:
        """
        Send a heartbeat on every open stream that is idle.
        """
        async with self.changed:
            self.beats += 1
            self.changed.notify_all()

    async def until(self, open_streams: int) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: self.open_streams == open_streams)

    async def until_asked(self) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: bool(self.requests))

    def handlers(self) -> grpc.GenericRpcHandler:
        unary = {
            "Run": pb.RunRequest,
            "StartRun": pb.StartRunRequest,
            "TimeTravel": pb.TimeTravelRequest,
            "WaitRun": pb.WaitRunRequest,
            "ListRuns": pb.ListRunsRequest,
            "Pause": pb.PauseRequest,
            "Restart": pb.RestartRequest,
            "DeleteRun": pb.DeleteRunRequest,
        }
        streams = {
            "RunStream": pb.RunStreamRequest,
            "ResumeStream": pb.ResumeStreamRequest,
            "WatchRun": pb.WatchRunRequest,
        }
        methods = {name: _method(self._answer, kind) for name, kind in unary.items()}
        methods |= {name: _stream_method(self._stream, kind) for name, kind in streams.items()}
        return grpc.method_handlers_generic_handler("dalsegno.v1.RunService", methods)

    async def _answer(self, request: Any, context: Any) -> Any:
        await self._arrive(request, context)
        match request:
            case pb.ListRunsRequest():
                first = int(request.page_token or 0)
                runs = [Run(run_id=f"r-{first + n}", status=RUN_STATUS_SUCCESS) for n in (0, 1)]
                token = "" if first >= 2 else str(first + 2)
                return pb.ListRunsResponse(runs=runs, next_page_token=token)
            case pb.DeleteRunRequest():
                return pb.DeleteRunResponse()
            case pb.WaitRunRequest():
                async with self.changed:
                    await self.changed.wait_for(lambda: bool(self.log))
        answer = getattr(pb, type(request).__name__.replace("Request", "Response"))
        return answer(run=Run(run_id="r-1", status=RUN_STATUS_SUCCESS))

    async def _arrive(self, request: Any, context: Any) -> None:
        async with self.changed:
            self.requests.append(request)
            self.changed.notify_all()
        self.metadata = dict(context.invocation_metadata())
        failure = self.failures.pop(0) if self.failures else None
        if isinstance(failure, tuple):
            await context.abort(*failure)
        elif failure is not None:
            await context.abort_with_status(rpc_status.to_status(failure))

    async def _stream(self, request: Any, context: Any) -> AsyncIterator[Any]:
        await self._arrive(request, context)
        await context.send_initial_metadata(())
        await self._count_streams(+1)
        answer = getattr(pb, type(request).__name__.replace("Request", "Response"))
        try:
            async for event in self._events(self._begin(request), request.follow):
                yield answer(event=event)
            if self.breaks_at_end:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "broken off")
        finally:
            await self._count_streams(-1)

    def _begin(self, request: Any) -> int:
        match request:
            case pb.WatchRunRequest():
                return request.after_sequence
            case pb.ResumeStreamRequest():
                kinds = [event.WhichOneof("body") for event in self.log]
                return kinds.index("run_resumed")
            case _:
                return 0

    async def _events(self, after: int, follow: bool) -> AsyncIterator[RunEvent]:
        for event in self.extra:
            yield event
        while True:
            beats = self.beats
            news = self.log[after:]
            for event in news:
                yield event
            after += len(news)
            kind = self.log[-1].WhichOneof("body") if self.log else ""
            if after == len(self.log) and (kind in _ENDS or (kind in _RESTS and not follow)):
                return
            if await self._is_idle(after, beats):
                yield HEARTBEAT

    async def _is_idle(self, after: int, beats: int) -> bool:
        async with self.changed:
            await self.changed.wait_for(lambda: len(self.log) > after or self.beats > beats)
            return len(self.log) <= after

    async def _count_streams(self, change: int) -> None:
        async with self.changed:
            self.open_streams += change
            self.changed.notify_all()


class Wire:
    """
    TCP between client and server: connections can be cut, refused, and fall silent.

    Attributes:
        connections: How many were ever accepted.
    """

    def __init__(self, port_behind: int) -> None:
        self.connections = 0
        self.port = 0
        self._port_behind = port_behind
        self._writers: set[asyncio.StreamWriter] = set()
        self._silent: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """
        Break every connection, as a dying process does. New ones are accepted.
        """
        for writer in self._writers:
            writer.transport.abort()

    def silence(self) -> None:
        """
        Let nothing through any more on the connections there are. New ones are accepted.
        """
        self._silent |= self._writers

    def refuse(self) -> None:
        """
        Break every connection, and accept none until `listen`.
        """
        assert self._server is not None
        self._server.close()
        self.cut()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        answers, questions = await asyncio.open_connection("127.0.0.1", self._port_behind)
        await asyncio.gather(self._pump(reader, questions), self._pump(answers, writer))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        self._writers.add(sink)
        try:
            while data := await source.read(65536):
                if sink not in self._silent:
                    sink.write(data)
                    await sink.drain()
        except ConnectionError:
            pass  # cut
        finally:
            self._writers.discard(sink)
            sink.close()


@asynccontextmanager
async def scripted_server(
    options: Sequence[tuple[str, Any]] = (),
) -> AsyncIterator[tuple[ScriptedRuns, Wire]]:
    runs = ScriptedRuns()
    server = grpc.aio.server(options=options)
    server.add_generic_rpc_handlers((runs.handlers(),))
    wire = Wire(server.add_insecure_port("127.0.0.1:0"))
    await server.start()
    await wire.listen()
    try:
        yield runs, wire
    finally:
        wire.refuse()
        await server.stop(None)


def refusal(code: grpc.StatusCode, reason: str, **facts: str) -> status_pb2.Status:
    """
    A status with the details a server of ours sends.
    """
    details = [
        error_details_pb2.ErrorInfo(reason=reason, domain="dalsegno", metadata=facts),
        error_details_pb2.BadRequest(
            field_violations=[{"field": "input_data.amount", "description": "is no number"}]
        ),
        error_details_pb2.RetryInfo(retry_delay={"nanos": 20_000_000}),
    ]
    packed = []
    for detail in details:
        packed.append(AnyMessage())
        packed[-1].Pack(detail)
    return status_pb2.Status(code=code.value[0], message=f"refused: {reason}", details=packed)


def event(sequence: int, kind: str, **fields: Any) -> RunEvent:
    body = {kind: fields}
    return RunEvent(run_id="r-1", sequence=sequence, address="a" * kind.startswith("step"), **body)


def _method(answer: Any, request: Any) -> "grpc.RpcMethodHandler[Any, Any]":
    return grpc.unary_unary_rpc_method_handler(answer, request.FromString, _serialize)


def _stream_method(answer: Any, request: Any) -> "grpc.RpcMethodHandler[Any, Any]":
    return grpc.unary_stream_rpc_method_handler(answer, request.FromString, _serialize)


def _serialize(message: Any) -> bytes:
    serialized: bytes = message.SerializeToString()
    return serialized
