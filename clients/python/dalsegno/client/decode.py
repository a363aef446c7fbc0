"""
Messages to plain Python: one function per noun.
"""

from datetime import UTC, datetime
from typing import Any, TypeVar

from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from dalsegno.client import events, model
from dalsegno.client.payloads import UNSET, decode
from dalsegno.v1 import event_pb2, run_pb2, run_service_pb2, workflow_service_pb2
from dalsegno.v1.error_reason_pb2 import ErrorReason
from dalsegno.v1.payload_pb2 import Payload

_Name = TypeVar("_Name", bound=model.OpenEnum)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def run(message: run_pb2.Run) -> model.Run:
    steps = sorted(map(step, message.steps.values()), key=_execution_order)
    return model.Run(
        run_id=message.run_id,
        workflow_id=message.workflow_id,
        definition_hash=message.definition_hash,
        status=run_status(message.status),
        create_time=message.create_time.ToDatetime(UTC),
        input=_payload(message, "input"),
        result=_payload(message, "result"),
        error=_error(message),
        state=_payload(message, "state"),
        steps={step.address: step for step in steps},
        suspensions=tuple(map(_suspension, message.suspensions)),
        labels=dict(message.labels),
        lineage=_lineage(message.lineage) if message.HasField("lineage") else None,
        definition_changed=message.definition_changed,
        request_context=_payload(message, "request_context"),
        start_time=_time(message, "start_time"),
        end_time=_time(message, "end_time"),
        due_time=_time(message, "due_time"),
        newest_sequence=message.newest_sequence,
        steps_truncated=message.steps_truncated,
        trace_id=message.trace_id or None,
        tracing=_tracing(message.tracing) if message.HasField("tracing") else None,
    )


def step(message: run_pb2.StepRecord) -> model.Step:
    return model.Step(
        address=message.address,
        step_id=message.step_id,
        kind=_named(run_pb2.NodeKind.DESCRIPTOR, message.kind, model.NodeKind),
        status=_named(run_pb2.StepStatus.DESCRIPTOR, message.status, model.StepStatus),
        input=_payload(message, "input"),
        output=_payload(message, "output"),
        error=_error(message),
        attempts=tuple(map(_attempt, message.attempts)),
        suspend_payload=_payload(message, "suspend_payload"),
        suspend_label=message.suspend_label or None,
        suspend_time=_time(message, "suspend_time"),
        resume_time=_time(message, "resume_time"),
        resume_data=_payload(message, "resume_data"),
        start_time=_time(message, "start_time"),
        end_time=_time(message, "end_time"),
        due_time=_time(message, "due_time"),
        iteration=message.iteration if message.HasField("iteration") else None,
        reused_from_run_id=message.reused_from_run_id or None,
        given=message.given,
        first_sequence=message.first_sequence,
    )


def lineage_run(message: run_service_pb2.LineageRun) -> model.LineageRun:
    return model.LineageRun(
        run_id=message.run_id,
        workflow_id=message.workflow_id,
        status=run_status(message.status),
        create_time=message.create_time.ToDatetime(UTC),
        source_run_id=message.source_run_id or None,
        step=message.step or None,
        depth=message.depth,
    )


def restarted(message: run_service_pb2.RestartActiveResponse) -> model.Restarted:
    failures = (
        model.RestartFailure(
            run_id=failure.run_id,
            reason=_reason(failure.reason),
            message=failure.message,
        )
        for failure in message.failures
    )
    return model.Restarted(run_ids=tuple(message.run_ids), failures=tuple(failures))


def workflow(message: workflow_service_pb2.Workflow) -> model.Workflow:
    return model.Workflow(
        workflow_id=message.workflow_id,
        definition_hash=message.definition_hash,
        description=message.description,
        input_schema=_payload(message, "input_schema") or None,
        output_schema=_payload(message, "output_schema") or None,
        state_schema=_payload(message, "state_schema") or None,
        nodes=tuple(map(_node, message.nodes)),
    )


def event(message: event_pb2.RunEvent) -> events.RunEvent:
    """
    The event; not for heartbeats, which are none.
    """
    name = message.WhichOneof("body")
    kind = events.KINDS.get(name or "", events.UnknownEvent)
    body = getattr(message, name) if name else None
    # The attributes of a kind are the fields of its message, by name.
    fields = (
        {field.name: _field(body, field.name) for field in body.DESCRIPTOR.fields} if body else {}
    )
    return kind(
        run_id=message.run_id,
        sequence=message.sequence,
        time=message.time.ToDatetime(UTC),
        address=message.address,
        **fields,
    )


def run_status(value: run_pb2.RunStatus) -> model.RunStatus:
    return _named(run_pb2.RunStatus.DESCRIPTOR, value, model.RunStatus)


def _execution_order(step: model.Step) -> tuple[bool, datetime, int, str]:
    # Reused records first. They may come from several runs, each with sequences of its own, so
    # that times order them; records without a time were given or not run, and come first.
    is_own = step.reused_from_run_id is None
    started = step.start_time if not is_own and step.start_time else _LONG_AGO
    return is_own, started, step.first_sequence, step.address


def _suspension(message: run_pb2.Suspension) -> model.Suspension:
    return model.Suspension(
        address=message.address,
        label=message.label or None,
        payload=_payload(message, "payload"),
        suspend_time=_time(message, "suspend_time"),
        resume_schema=_payload(message, "resume_schema") or None,
    )


def _attempt(message: run_pb2.Attempt) -> model.Attempt:
    return model.Attempt(
        number=message.number,
        start_time=message.start_time.ToDatetime(UTC),
        end_time=_time(message, "end_time"),
        error=_error(message),
    )


def _lineage(message: run_pb2.Lineage) -> model.Lineage:
    return model.Lineage(
        source_run_id=message.source_run_id or None,
        step=message.step,
        root_run_id=message.root_run_id,
        depth=message.depth,
        overrides=tuple(message.overrides),
    )


def _tracing(message: run_pb2.TracingOptions) -> model.TracingOptions:
    return model.TracingOptions(
        trace_id=message.trace_id or None,
        parent_span_id=message.parent_span_id or None,
        tags=tuple(message.tags),
        metadata=dict(message.metadata),
        request_context_keys=tuple(message.request_context_keys),
    )


def _node(message: workflow_service_pb2.Node) -> model.Node:
    has = message.HasField
    return model.Node(
        address=message.address,
        kind=_named(run_pb2.NodeKind.DESCRIPTOR, message.kind, model.NodeKind),
        description=message.description,
        nodes=tuple(map(_node, message.nodes)),
        input_schema=_payload(message, "input_schema") or None,
        output_schema=_payload(message, "output_schema") or None,
        resume_schema=_payload(message, "resume_schema") or None,
        retry=_retry(message.retry) if has("retry") else None,
        timeout=message.timeout.ToTimedelta() if has("timeout") else None,
        max_iterations=message.max_iterations if has("max_iterations") else None,
        concurrency=message.concurrency if has("concurrency") else None,
    )


def _retry(message: workflow_service_pb2.RetryPolicy) -> model.RetryPolicy:
    return model.RetryPolicy(
        max_attempts=message.max_attempts,
        initial_interval=message.initial_interval.ToTimedelta(),
        backoff=message.backoff,
        max_interval=message.max_interval.ToTimedelta(),
        non_retryable=tuple(message.non_retryable),
    )


def _payload(message: Message, field: str) -> Any:
    return decode(getattr(message, field)) if message.HasField(field) else UNSET


def _time(message: Message, field: str) -> datetime | None:
    if not message.HasField(field):
        return None
    time: Timestamp = getattr(message, field)
    return time.ToDatetime(UTC)


def _error(message: Message, field: str = "error") -> model.Error | None:
    return _plain_error(getattr(message, field)) if message.HasField(field) else None


def _plain_error(message: run_pb2.Error) -> model.Error:
    return model.Error(
        type=message.type,
        message=message.message,
        retryable=message.retryable,
        cause=_error(message, "cause"),
    )


def _field(body: Message, name: str) -> Any:
    match value := getattr(body, name):
        case Payload():
            return _payload(body, name)
        case Timestamp():
            return _time(body, name)
        case run_pb2.Error():
            return _error(body, name)
        case run_pb2.Lineage():
            return _lineage(value) if body.HasField(name) else None
        case str():
            return value or None
        case int():
            return value
        case _:
            return tuple(value)


def _named(enum: EnumDescriptor, number: int, names: type[_Name]) -> _Name:
    known = enum.values_by_number.get(number)
    if known is None or number == 0:
        return names(f"unknown_{number}")
    # RUN_STATUS_SUCCESS, NODE_KIND_DO_WHILE: two words name the enum.
    return names(known.name.split("_", 2)[2].lower())


def _reason(number: int) -> str:
    known = ErrorReason.DESCRIPTOR.values_by_number.get(number)
    return known.name.removeprefix("ERROR_REASON_") if known else f"UNKNOWN_{number}"
