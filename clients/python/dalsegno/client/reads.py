"""
The verbs that only read.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar

from dalsegno.client import decode, encode
from dalsegno.client.connection import Connection, Method
from dalsegno.client.events import RunEvent
from dalsegno.client.model import (
    LineageRun,
    OutputOptions,
    Run,
    RunStatus,
    Step,
    Workflow,
)
from dalsegno.client.stream import EventStream
from dalsegno.v1 import run_service_pb2, workflow_service_pb2

_Item = TypeVar("_Item")


class Reads:
    """
    The half of `Client` that changes nothing. Every call may raise `DalsegnoError`.
    """

    def __init__(self, connection: Connection, timeout_s: float) -> None:
        self._connection = connection
        self._timeout_s = timeout_s

    async def get_run(self, run_id: str, *, output: OutputOptions | None = None) -> Run:
        """
        A run as it is now.
        """
        request = run_service_pb2.GetRunRequest(run_id=run_id, output=encode.output(output))
        answer = await self._ask(self._connection.calls.runs.GetRun, request)
        return decode.run(answer.run)

    async def wait_run(
        self, run_id: str, *, output: OutputOptions | None = None, timeout_s: float | None = None
    ) -> Run:
        """
        A run, once it is at rest: ended, suspended or paused.

        Raises:
            DeadlineExceeded: It was not at rest after *timeout_s* (default: no limit). It goes on.
        """
        request = run_service_pb2.WaitRunRequest(run_id=run_id, output=encode.output(output))
        method = self._connection.calls.runs.WaitRun
        answer = await self._connection.call(method, request, timeout_s=timeout_s)
        return decode.run(answer.run)

    def watch_run(
        self, run_id: str, *, after_sequence: int = 0, follow: bool = False
    ) -> EventStream:
        """
        The events of a run after a sequence, those of the past first.

        The stream ends when the run is at rest; with *follow* it stays open while the run is
        suspended or paused, until it has ended.
        """
        return EventStream(
            self._connection, run_id=run_id, last_sequence=after_sequence, follow=follow
        )

    def list_runs(
        self,
        *,
        workflow_id: str | None = None,
        statuses: Iterable[RunStatus] = (),
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        source_run_id: str | None = None,
        root_run_id: str | None = None,
        page_size: int = 0,
    ) -> AsyncIterator[Run]:
        """
        Runs that match every filter given, newest first, without steps and state.

        Pages are asked for as the loop gets to them.

        Args:
            workflow_id: Only runs of this workflow.
            statuses: One of these; any if empty.
            created_after: At or after this time, which has a time zone.
            created_before: Before this time, which has a time zone.
            source_run_id: Only direct replays of this run.
            root_run_id: Only the tree of replays of this run, itself included.
            page_size: At most 1000; 0 is the server's default.
        """
        request = run_service_pb2.ListRunsRequest(
            workflow_id=workflow_id,
            statuses=[f"RUN_STATUS_{name.upper()}" for name in statuses],
            created_after=_aware(created_after),
            created_before=_aware(created_before),
            source_run_id=source_run_id,
            root_run_id=root_run_id,
            page_size=page_size,
        )
        method = self._connection.calls.runs.ListRuns
        return self._pages(method, request, lambda answer: map(decode.run, answer.runs))

    def list_steps(self, run_id: str, *, page_size: int = 0) -> AsyncIterator[Step]:
        """
        The records of a run with all their payloads, in execution order, reused ones first.
        """
        request = run_service_pb2.ListStepsRequest(run_id=run_id, page_size=page_size)
        method = self._connection.calls.runs.ListSteps
        return self._pages(method, request, lambda answer: map(decode.step, answer.steps))

    def list_events(
        self, run_id: str, *, after_sequence: int = 0, page_size: int = 0
    ) -> AsyncIterator[RunEvent]:
        """
        The stored events of a run after a sequence, oldest first. Does not wait for more.
        """
        request = run_service_pb2.ListEventsRequest(
            run_id=run_id, after_sequence=after_sequence, page_size=page_size
        )
        method = self._connection.calls.runs.ListEvents
        return self._pages(method, request, lambda answer: map(decode.event, answer.events))

    async def get_lineage(self, run_id: str) -> list[LineageRun]:
        """
        The whole tree of runs a run belongs to: parents before children, oldest first.
        """
        request = run_service_pb2.GetLineageRequest(run_id=run_id)
        method = self._connection.calls.runs.GetLineage
        pages = self._pages(method, request, lambda answer: map(decode.lineage_run, answer.runs))
        return [run async for run in pages]

    def list_workflows(self, *, page_size: int = 0) -> AsyncIterator[Workflow]:
        """
        The workflows the server executes, by id, without schemas and nodes.
        """
        request = workflow_service_pb2.ListWorkflowsRequest(page_size=page_size)
        method = self._connection.calls.workflows.ListWorkflows
        return self._pages(method, request, lambda answer: map(decode.workflow, answer.workflows))

    async def get_workflow(self, workflow_id: str) -> Workflow:
        """
        A workflow with its schemas and its graph.
        """
        request = workflow_service_pb2.GetWorkflowRequest(workflow_id=workflow_id)
        answer = await self._ask(self._connection.calls.workflows.GetWorkflow, request)
        return decode.workflow(answer.workflow)

    async def _ask(self, method: Method[Any], request: Any) -> Any:
        return await self._connection.call(method, request, timeout_s=self._timeout_s)

    async def _pages(
        self, method: Method[Any], request: Any, items: Callable[[Any], Iterable[_Item]]
    ) -> AsyncIterator[_Item]:
        while True:
            answer = await self._ask(method, request)
            for item in items(answer):
                yield item
            if not answer.next_page_token:
                return
            request.page_token = answer.next_page_token


def _aware(time: datetime | None) -> datetime | None:
    # protobuf would take a time without zone for UTC, the rest of Python takes it for local.
    if time is not None and time.tzinfo is None:
        raise ValueError(f"{time} has no time zone")
    return time
