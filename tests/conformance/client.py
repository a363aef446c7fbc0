"""
Calls on one server, through the generated stubs.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message
from google.rpc import (  # type: ignore[import-untyped]  # googleapis-common-protos has no types
    error_details_pb2,
)
from grpc_status import rpc_status

from dalsegno.v1 import event_pb2, run_pb2, run_service_pb2, run_service_pb2_grpc
from tests.conformance.expect import Refusal
from tests.conformance.requests import RPCS, everything

CALL_S = 30.0  # far beyond what any call takes; a hang must not be waited for

_PAGE = 1000  # the most a page may hold
_METADATA = (("dalsegno-payload-form", "json"),)
# Ports are used again by the next server: connections must not be shared, nor found broken.
_OPTIONS = (("grpc.use_local_subchannel_pool", 1),)


class NoAnswer(Exception):
    """
    The server is gone, or took longer than `CALL_S`.
    """


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    All that the API tells of a run.
    """

    run: run_pb2.Run
    steps: Sequence[run_pb2.StepRecord]
    events: Sequence[event_pb2.RunEvent]

    def difference(self, later: "Snapshot") -> str | None:
        """
        The first place where a later snapshot is not byte for byte the same; None if it is.
        """
        pairs: list[tuple[str, Sequence[Message], Sequence[Message]]] = [
            ("GetRun", [self.run], [later.run]),
            ("ListSteps", self.steps, later.steps),
            ("ListEvents", self.events, later.events),
        ]
        for name, before, after in pairs:
            if len(before) != len(after):
                return f"{name} has {len(after)} items, had {len(before)}"
            for old, new in zip(before, after, strict=True):
                if _bytes(old) != _bytes(new):
                    return f"{name}{_first_difference(_plain(old), _plain(new))}"
        return None


class Client:
    """
    One connection to a server.
    """

    def __init__(self, address: str) -> None:
        self._channel = grpc.aio.insecure_channel(address, options=_OPTIONS)
        self._stub: Any = run_service_pb2_grpc.RunServiceStub(self._channel)

    async def close(self) -> None:
        await self._channel.close()

    async def unary(self, kind: str, request: Message) -> Any:
        """
        The answer of an RPC that scenarios call *kind*.

        Raises:
            grpc.aio.AioRpcError: It was refused, or broke; `refusal` makes sense of it.
        """
        return await self._unary(RPCS[kind], request)

    async def stream(self, kind: str, request: Message) -> AsyncGenerator[event_pb2.RunEvent, None]:
        """
        The events of a streaming RPC, heartbeats left out; leaving the iterator cancels the call.

        Raises:
            grpc.aio.AioRpcError: As above.
        """
        call = getattr(self._stub, RPCS[kind])(request, metadata=_METADATA, timeout=CALL_S)
        try:
            async for answer in call:
                if answer.event.WhichOneof("body") != "heartbeat":
                    yield answer.event
        finally:
            call.cancel()

    async def run(self, run_id: str) -> run_pb2.Run:
        request = run_service_pb2.GetRunRequest(run_id=run_id, output=everything())
        return cast("run_pb2.Run", (await self._unary("GetRun", request)).run)

    async def events(self, run_id: str) -> list[event_pb2.RunEvent]:
        """
        All stored events of a run.
        """
        request = run_service_pb2.ListEventsRequest(run_id=run_id, page_size=_PAGE)
        return [event for page in await self._pages("ListEvents", request) for event in page.events]

    async def tree(self, run_id: str) -> list[run_service_pb2.LineageRun]:
        """
        The tree of runs a run belongs to.
        """
        request = run_service_pb2.GetLineageRequest(run_id=run_id, page_size=_PAGE)
        return [run for page in await self._pages("GetLineage", request) for run in page.runs]

    async def run_ids(self, request: run_service_pb2.ListRunsRequest) -> list[str]:
        """
        The runs of one page if a size is asked for, else all.
        """
        if request.page_size:
            pages = [await self._unary("ListRuns", request)]
        else:
            pages = await self._pages("ListRuns", request)
        return [run.run_id for page in pages for run in page.runs]

    async def snapshot(self, run_id: str) -> Snapshot:
        request = run_service_pb2.ListStepsRequest(run_id=run_id, page_size=_PAGE)
        run, pages, events = await asyncio.gather(
            self.run(run_id), self._pages("ListSteps", request), self.events(run_id)
        )
        return Snapshot(run, [step for page in pages for step in page.steps], events)

    async def _pages(self, rpc: str, request: Any) -> list[Any]:
        pages = [await self._unary(rpc, request)]
        while pages[-1].next_page_token:
            request.page_token = pages[-1].next_page_token
            pages.append(await self._unary(rpc, request))
        return pages

    async def _unary(self, rpc: str, request: Message) -> Any:
        return await getattr(self._stub, rpc)(request, metadata=_METADATA, timeout=CALL_S)


def refusal(error: grpc.aio.AioRpcError) -> Refusal:
    """
    What a failed RPC says.

    Raises:
        NoAnswer: Nothing that the server has decided.
    """
    code = error.code().name
    if code == "DEADLINE_EXCEEDED":
        raise NoAnswer(f"no answer in {CALL_S:.0f} s") from error
    info = error_details_pb2.ErrorInfo()
    try:
        status = rpc_status.from_call(cast("grpc.Call", error))
    except ValueError as problem:
        raise NoAnswer(f"{code} with unreadable details: {problem}") from error
    for detail in status.details if status is not None else ():
        if detail.Unpack(info):
            break
    if code == "UNAVAILABLE" and not info.reason:
        raise NoAnswer(f"the connection is broken: {error.details()}") from error
    return Refusal(code, info.reason, dict(info.metadata), error.details() or "")


def _bytes(message: Message) -> bytes:
    return message.SerializeToString(deterministic=True)


def _plain(message: Message) -> Any:
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def _first_difference(before: Any, after: Any) -> str:
    """
    Path to the first difference, and the two values there.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            if before.get(key) != after.get(key):
                return f".{key}" + _first_difference(before.get(key), after.get(key))
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            if old != new:
                return f"[{index}]" + _first_difference(old, new)
    return f" was {str(before)[:80]}, is {str(after)[:80]}"
