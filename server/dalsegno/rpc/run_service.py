"""
`RunService`: decode, ask the engine, encode.
"""

# ruff: noqa: ARG002, N802 - methods are named and called as the RPCs say

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from dalsegno.engine import Engine
from dalsegno.engine.commands import Accepted
from dalsegno.rpc.answers import Answers, form_of
from dalsegno.rpc.interceptors.wrap import Context
from dalsegno.v1 import event_pb2, run_pb2, run_service_pb2_grpc
from dalsegno.v1 import run_service_pb2 as pb
from dalsegno.wire import command
from dalsegno.wire.event import event_to_proto
from dalsegno.wire.lineage import lineage_run_to_proto
from dalsegno.wire.page import sequence_from_proto, token_from_proto
from dalsegno.wire.record import record_to_proto
from dalsegno.wire.run import restarted_to_proto, run_summary_to_proto

# Of `Ready`, which stands for the answers that the generated base class speaks of.
Stream = AsyncGenerator[Any, None]


class RunService(run_service_pb2_grpc.RunServiceServicer):
    def __init__(self, engine: Engine, answers: Answers) -> None:
        self._engine = engine
        self._answers = answers

    async def Run(self, request: pb.RunRequest, context: Context) -> pb.RunResponse:
        form = form_of(context)
        accepted = await self._engine.run(command.start_run(request))
        run = await self._answers.at_rest(accepted.run_id, request.output, form)
        return pb.RunResponse(run=run)

    def RunStream(self, request: pb.RunStreamRequest, context: Context) -> Stream:
        return self._answers.events(
            lambda: self._engine.run(command.start_run(request)), context, follow=request.follow
        )

    async def StartRun(self, request: pb.StartRunRequest, context: Context) -> pb.StartRunResponse:
        form = form_of(context)
        accepted = await self._engine.run(command.start_run(request))
        run = await self._answers.now(accepted.run_id, request.output, form)
        return pb.StartRunResponse(run=run)

    async def WaitRun(self, request: pb.WaitRunRequest, context: Context) -> pb.WaitRunResponse:
        run = await self._answers.at_rest(request.run_id, request.output, form_of(context))
        return pb.WaitRunResponse(run=run)

    async def Resume(self, request: pb.ResumeRequest, context: Context) -> pb.ResumeResponse:
        form = form_of(context)
        accepted = await self._engine.resume(command.resume(request))
        run = await self._answers.at_rest(accepted.run_id, request.output, form)
        return pb.ResumeResponse(run=run)

    def ResumeStream(self, request: pb.ResumeStreamRequest, context: Context) -> Stream:
        return self._answers.events(
            lambda: self._engine.resume(command.resume(request)), context, follow=request.follow
        )

    async def TimeTravel(
        self, request: pb.TimeTravelRequest, context: Context
    ) -> pb.TimeTravelResponse:
        form = form_of(context)
        accepted = await self._engine.time_travel(command.time_travel(request))
        run = await self._answers.at_rest(accepted.run_id, request.output, form)
        return pb.TimeTravelResponse(run=run)

    def TimeTravelStream(self, request: pb.TimeTravelStreamRequest, context: Context) -> Stream:
        return self._answers.events(
            lambda: self._engine.time_travel(command.time_travel(request)),
            context,
            follow=request.follow,
        )

    def WatchRun(self, request: pb.WatchRunRequest, context: Context) -> Stream:
        async def accepted() -> Accepted:
            return Accepted(request.run_id, request.after_sequence)

        return self._answers.events(accepted, context, follow=request.follow)

    async def GetRun(self, request: pb.GetRunRequest, context: Context) -> pb.GetRunResponse:
        run = await self._answers.now(request.run_id, request.output, form_of(context))
        return pb.GetRunResponse(run=run)

    async def ListRuns(self, request: pb.ListRunsRequest, context: Context) -> pb.ListRunsResponse:
        form = form_of(context)
        where, start = command.run_filter(request), token_from_proto(request)

        async def fetch(limit: int) -> tuple[Sequence[run_pb2.Run], str | None]:
            page = await self._engine.list_runs(where, page=start, limit=limit)
            return [run_summary_to_proto(run, form=form) for run in page.runs], page.next

        runs, token = await self._answers.page(request, fetch)
        return pb.ListRunsResponse(runs=runs, next_page_token=token)

    async def ListSteps(
        self, request: pb.ListStepsRequest, context: Context
    ) -> pb.ListStepsResponse:
        run_id, form, start = request.run_id, form_of(context), token_from_proto(request)

        async def fetch(limit: int) -> tuple[Sequence[run_pb2.StepRecord], str | None]:
            page = await self._engine.steps(run_id, page=start, limit=limit)
            records = [record_to_proto(it, run_id=run_id, form=form) for it in page.records]
            return records, page.next

        steps, token = await self._answers.page(request, fetch)
        return pb.ListStepsResponse(steps=steps, next_page_token=token)

    async def ListEvents(
        self, request: pb.ListEventsRequest, context: Context
    ) -> pb.ListEventsResponse:
        form, after = form_of(context), sequence_from_proto(request)

        async def fetch(limit: int) -> tuple[Sequence[event_pb2.RunEvent], str | None]:
            # One more than is shown tells whether there is another page; so does a full page.
            found = await self._engine.events(
                request.run_id,
                after_sequence=after,
                limit=limit + 1,
                bytes_max=self._answers.bytes_max,
            )
            shown = found[:limit]
            is_full = sum(event.size for event in found) >= self._answers.bytes_max
            start = str(shown[-1].sequence) if len(found) > limit or is_full else None
            return [event_to_proto(event, form) for event in shown], start

        events, token = await self._answers.page(request, fetch)
        return pb.ListEventsResponse(events=events, next_page_token=token)

    async def GetLineage(
        self, request: pb.GetLineageRequest, context: Context
    ) -> pb.GetLineageResponse:
        start = token_from_proto(request)

        async def fetch(limit: int) -> tuple[Sequence[pb.LineageRun], str | None]:
            page = await self._engine.lineage(request.run_id, page=start, limit=limit)
            return [lineage_run_to_proto(run) for run in page.runs], page.next

        runs, token = await self._answers.page(request, fetch)
        return pb.GetLineageResponse(runs=runs, next_page_token=token)

    async def Cancel(self, request: pb.CancelRequest, context: Context) -> pb.CancelResponse:
        form = form_of(context)
        accepted = await self._engine.cancel(command.cancel(request))
        run = await self._answers.at_rest(accepted.run_id, request.output, form)
        return pb.CancelResponse(run=run)

    async def Pause(self, request: pb.PauseRequest, context: Context) -> pb.PauseResponse:
        form = form_of(context)
        accepted = await self._engine.pause(command.pause(request))
        run = await self._answers.now(accepted.run_id, request.output, form)
        return pb.PauseResponse(run=run)

    async def Restart(self, request: pb.RestartRequest, context: Context) -> pb.RestartResponse:
        form = form_of(context)
        accepted = await self._engine.restart(request.run_id)
        run = await self._answers.at_rest(accepted.run_id, request.output, form)
        return pb.RestartResponse(run=run)

    async def RestartActive(
        self, request: pb.RestartActiveRequest, context: Context
    ) -> pb.RestartActiveResponse:
        return restarted_to_proto(await self._engine.restart_active(request.workflow_id or None))

    async def DeleteRun(
        self, request: pb.DeleteRunRequest, context: Context
    ) -> pb.DeleteRunResponse:
        await self._engine.delete(request.run_id)
        return pb.DeleteRunResponse()
