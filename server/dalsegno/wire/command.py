"""
Requests as what they ask of the engine.
"""

from google.protobuf.message import Message

from dalsegno.engine.commands import (
    Cancel,
    Pause,
    Resume,
    RunFilter,
    StartRun,
    StepResult,
    TimeTravel,
)
from dalsegno.model.errors import (
    InvalidContext,
    InvalidInput,
    InvalidResumeData,
    InvalidState,
)
from dalsegno.model.run import Tracing
from dalsegno.v1 import run_pb2
from dalsegno.v1 import run_service_pb2 as pb
from dalsegno.wire.enums import RUN_STATUS_FROM, STEP_STATUS_FROM
from dalsegno.wire.payload import Refusal, payload_from_proto
from dalsegno.wire.time import time_from_proto

_REFUSALS: dict[str, Refusal] = {
    "input_data": InvalidInput,
    "initial_state": InvalidState,
    "resume_data": InvalidResumeData,
    "request_context": InvalidContext,
}


def start_run(request: pb.RunRequest | pb.RunStreamRequest | pb.StartRunRequest) -> StartRun:
    """
    Raises:
        InvalidInput, InvalidState, InvalidContext: A payload is no JSON.
    """
    return StartRun(
        workflow_id=request.workflow_id,
        input_data=_payload(request, "input_data"),
        run_id=request.run_id or None,
        request_id=request.request_id or None,
        initial_state=_payload(request, "initial_state"),
        request_context=_payload(request, "request_context"),
        per_step=request.per_step,
        tracing=_tracing(request),
    )


def resume(request: pb.ResumeRequest | pb.ResumeStreamRequest) -> Resume:
    """
    Raises:
        InvalidResumeData, InvalidContext: A payload is no JSON.
    """
    return Resume(
        run_id=request.run_id,
        step=request.step or None,
        label=request.label or None,
        resume_data=_payload(request, "resume_data"),
        request_context=_payload(request, "request_context"),
        per_step=request.per_step,
        request_id=request.request_id or None,
    )


def time_travel(request: pb.TimeTravelRequest | pb.TimeTravelStreamRequest) -> TimeTravel:
    """
    Raises:
        InvalidInput, InvalidState, InvalidResumeData: A payload is no JSON.
        InvalidContext: Likewise, or a status is none.
    """
    return TimeTravel(
        step=request.step,
        run_id=request.run_id or None,
        workflow_id=request.workflow_id or None,
        input_data=_payload(request, "input_data"),
        resume_data=_payload(request, "resume_data"),
        initial_state=_payload(request, "initial_state"),
        # Sorted, as a repeated request must give the same command again.
        context={
            address: _step_result(request.context[address], f'context["{address}"]')
            for address in sorted(request.context)
        },
        request_context=_payload(request, "request_context"),
        per_step=request.per_step,
        force=request.force,
        allow_definition_change=request.allow_definition_change,
        new_run_id=request.new_run_id or None,
        request_id=request.request_id or None,
        tracing=_tracing(request),
    )


def cancel(request: pb.CancelRequest) -> Cancel:
    return Cancel(
        run_id=request.run_id,
        reason=request.reason or None,
        request_id=request.request_id or None,
    )


def pause(request: pb.PauseRequest) -> Pause:
    return Pause(
        run_id=request.run_id,
        reason=request.reason or None,
        request_id=request.request_id or None,
    )


def _tracing(
    request: pb.RunRequest
    | pb.RunStreamRequest
    | pb.StartRunRequest
    | pb.TimeTravelRequest
    | pb.TimeTravelStreamRequest,
) -> Tracing | None:
    if not request.HasField("tracing"):
        return None
    given = request.tracing
    return Tracing(
        trace_id=given.trace_id,
        parent_span_id=given.parent_span_id,
        tags=tuple(given.tags),
        metadata=tuple(sorted(given.metadata.items())),
        request_context_keys=tuple(given.request_context_keys),
    )


def run_filter(request: pb.ListRunsRequest) -> RunFilter:
    """
    Raises:
        InvalidRequest: A time is none.
    """
    return RunFilter(
        workflow_id=request.workflow_id or None,
        statuses=tuple(RUN_STATUS_FROM[status] for status in request.statuses),
        created_from_us=_time(request, "created_after"),
        created_before_us=_time(request, "created_before"),
        source_run_id=request.source_run_id or None,
        root_run_id=request.root_run_id or None,
    )


def _payload(request: Message, field: str) -> bytes | None:
    if not request.HasField(field):
        return None
    return payload_from_proto(getattr(request, field), field, _REFUSALS[field])


def _time(request: Message, field: str) -> int | None:
    return time_from_proto(getattr(request, field), field) if request.HasField(field) else None


def _step_result(result: run_pb2.StepResult, field: str) -> StepResult:
    return StepResult(
        status=_status(result, f"{field}.status"),
        output=_record_payload(result, field, "output"),
        payload=_record_payload(result, field, "payload"),
    )


def _status(result: run_pb2.StepResult, field: str) -> str | None:
    if result.status == run_pb2.STEP_STATUS_UNSPECIFIED:
        return None
    if result.status not in STEP_STATUS_FROM:
        raise InvalidContext(field, f"{result.status} is no StepStatus")
    return STEP_STATUS_FROM[result.status]


def _record_payload(result: run_pb2.StepResult, parent: str, field: str) -> bytes | None:
    if not result.HasField(field):
        return None
    return payload_from_proto(getattr(result, field), f"{parent}.{field}", InvalidContext)
