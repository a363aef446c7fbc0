"""
Records, their attempts and errors.
"""

from dalsegno.model.address import parse
from dalsegno.model.record import Attempt, Error, Record, StepStatus
from dalsegno.v1 import run_pb2 as pb
from dalsegno.wire.enums import NODE_KIND, STEP_STATUS
from dalsegno.wire.payload import Form, payload_to_proto
from dalsegno.wire.time import time_to_proto

# Readers of protobuf give up 100 messages deep; nobody reads this far down.
_CAUSES_MAX = 16


def record_to_proto(
    record: Record, *, run_id: str, form: Form, with_payloads: bool = True
) -> pb.StepRecord:
    """
    A record as the run *run_id* shows it: one of another run is marked as reused.

    Without payloads it has no attempts either: it is to take little room.
    """
    last = parse(record.address)[-1]
    has_run = not record.is_given and record.status is not StepStatus.NOT_RUN
    message = pb.StepRecord(
        address=record.address,
        step_id=last.id,
        kind=NODE_KIND[record.kind],
        status=STEP_STATUS[record.status],
        error=error_to_proto(record.error),
        suspend_label=record.suspend_label or "",
        suspend_time=time_to_proto(record.suspended_us),
        resume_time=time_to_proto(record.resumed_us),
        start_time=time_to_proto(record.started_us if has_run else None),
        end_time=time_to_proto(record.ended_us if has_run else None),
        due_time=time_to_proto(record.due_us),
        iteration=last.index,
        reused_from_run_id="" if record.run_id == run_id else record.run_id,
        given=record.is_given,
        first_sequence=record.first_sequence,
    )
    if with_payloads:
        message.MergeFrom(_payloads(record, form))
    return message


def _payloads(record: Record, form: Form) -> pb.StepRecord:
    return pb.StepRecord(
        input=payload_to_proto(record.input, form),
        output=payload_to_proto(record.output, form),
        suspend_payload=payload_to_proto(record.suspend_payload, form),
        resume_data=payload_to_proto(record.resume_data, form),
        attempts=map(_attempt_to_proto, record.attempts),
    )


def _attempt_to_proto(attempt: Attempt) -> pb.Attempt:
    return pb.Attempt(
        number=attempt.number,
        start_time=time_to_proto(attempt.started_us),
        end_time=time_to_proto(attempt.ended_us),
        error=error_to_proto(attempt.error),
    )


def error_to_proto(error: Error | None) -> pb.Error | None:
    if error is None:
        return None
    outermost = message = pb.Error()
    for _ in range(_CAUSES_MAX):
        message.type = error.type
        message.message = error.message
        message.retryable = error.is_retryable
        if error.cause is None:
            break
        error, message = error.cause, message.cause
    return outermost
