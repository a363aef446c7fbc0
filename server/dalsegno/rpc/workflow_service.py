"""
`WorkflowService`: which workflows this server executes.
"""

# ruff: noqa: ARG002, N802 - methods are named and called as the RPCs say

from collections.abc import Sequence

from dalsegno.engine import Engine
from dalsegno.rpc.answers import Answers, form_of
from dalsegno.rpc.interceptors.wrap import Context
from dalsegno.v1 import workflow_service_pb2 as pb
from dalsegno.v1 import workflow_service_pb2_grpc
from dalsegno.wire.page import token_from_proto
from dalsegno.wire.workflow import workflow_summary_to_proto, workflow_to_proto


class WorkflowService(workflow_service_pb2_grpc.WorkflowServiceServicer):
    def __init__(self, engine: Engine, answers: Answers) -> None:
        self._engine = engine
        self._answers = answers

    async def ListWorkflows(
        self, request: pb.ListWorkflowsRequest, context: Context
    ) -> pb.ListWorkflowsResponse:
        after = token_from_proto(request) or ""

        async def fetch(limit: int) -> tuple[Sequence[pb.Workflow], str | None]:
            workflows = sorted(self._engine.workflows(), key=lambda it: it.id)
            left = [workflow for workflow in workflows if workflow.id > after]
            shown = left[:limit]
            start = shown[-1].id if len(left) > limit else None
            return [workflow_summary_to_proto(workflow) for workflow in shown], start

        found, token = await self._answers.page(request, fetch)
        return pb.ListWorkflowsResponse(workflows=found, next_page_token=token)

    async def GetWorkflow(
        self, request: pb.GetWorkflowRequest, context: Context
    ) -> pb.GetWorkflowResponse:
        workflow = self._engine.workflow(request.workflow_id)
        return pb.GetWorkflowResponse(workflow=workflow_to_proto(workflow, form_of(context)))
