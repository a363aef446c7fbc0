"""
Events: one message for each type.
"""

from typing import assert_never

from google.protobuf.message import Message

from dalsegno.model.event import Event, EventType
from dalsegno.v1 import event_pb2 as pb
from dalsegno.v1.run_service_pb2 import WatchRunResponse
from dalsegno.wire.fit import leave_out_largest
from dalsegno.wire.lineage import lineage_to_proto
from dalsegno.wire.payload import Form, payload_to_proto
from dalsegno.wire.record import error_to_proto
from dalsegno.wire.time import time_to_proto, write_time


def event_to_proto(event: Event, form: Form) -> pb.RunEvent:
    message = pb.RunEvent()
    _write(message, event, form)
    return message


def event_answer(event: Event, form: Form, bytes_max: int) -> bytes:
    """
    The answer of a stream that brings an event, serialized.

    The answers of all such streams are the same on the wire: an event as their field 1.
    """
    answer = WatchRunResponse()
    _write(answer.event, event, form)
    data = answer.SerializeToString()
    if len(data) > bytes_max:
        leave_out_largest(answer, bytes_max)
        data = answer.SerializeToString()
    return data


def heartbeat_answer(run_id: str) -> bytes:
    """
    What an idle stream sends, serialized: no event of the run, and without a sequence.
    """
    message = pb.RunEvent(run_id=run_id, heartbeat=pb.Heartbeat())
    return WatchRunResponse(event=message).SerializeToString()


def _write(message: pb.RunEvent, event: Event, form: Form) -> None:
    """
    Write in place: what is made on its own is copied into what it is part of.
    """
    message.run_id = event.run_id
    message.sequence = event.sequence
    write_time(message.time, event.time_us)
    message.address = event.address
    getattr(message, event.type).CopyFrom(_body(event, form))


def _body(event: Event, form: Form) -> Message:
    match event.type:  # the most frequent first
        case EventType.STEP_STARTED:
            return pb.StepStarted(
                input=payload_to_proto(event.payload, form),
                attempt=event.attempt,
                resume_data=payload_to_proto(event.resume_data, form),
            )
        case EventType.STEP_COMPLETED:
            return pb.StepCompleted(output=payload_to_proto(event.payload, form))
        case EventType.STEP_OUTPUT:
            return pb.StepOutput(data=payload_to_proto(event.payload, form))
        case EventType.RUN_STARTED:
            return pb.RunStarted(
                input=payload_to_proto(event.payload, form),
                lineage=lineage_to_proto(event.lineage),
                workflow_id=event.workflow_id,
                definition_hash=event.definition_hash,
            )
        case EventType.RUN_RESUMED:
            return pb.RunResumed(
                addresses=event.addresses, resume_data=payload_to_proto(event.payload, form)
            )
        case EventType.RUN_RESTARTED:
            return pb.RunRestarted()
        case EventType.RUN_WAITING:
            return pb.RunWaiting(due_time=time_to_proto(event.due_us))
        case EventType.RUN_SUSPENDED:
            return pb.RunSuspended(addresses=event.addresses)
        case EventType.RUN_PAUSED:
            return pb.RunPaused(addresses=event.addresses, reason=event.reason)
        case EventType.RUN_COMPLETED:
            return pb.RunCompleted(result=payload_to_proto(event.payload, form))
        case EventType.RUN_FAILED:
            return pb.RunFailed(error=error_to_proto(event.error))
        case EventType.RUN_CANCELED:
            return pb.RunCanceled(reason=event.reason)
        case EventType.STEP_PROGRESS:
            return pb.StepProgress(done=event.done, total=event.total)
        case EventType.STEP_RETRYING:
            return pb.StepRetrying(
                attempt=event.attempt,
                error=error_to_proto(event.error),
                due_time=time_to_proto(event.due_us),
            )
        case EventType.STEP_WAITING:
            return pb.StepWaiting(due_time=time_to_proto(event.due_us))
        case EventType.STEP_SUSPENDED:
            return pb.StepSuspended(
                payload=payload_to_proto(event.payload, form), label=event.label
            )
        case EventType.STEP_SKIPPED:
            return pb.StepSkipped()
        case EventType.STEP_FAILED:
            return pb.StepFailed(error=error_to_proto(event.error), attempt=event.attempt)
        case EventType.STEP_CANCELED:
            return pb.StepCanceled()
        case _:
            assert_never(event.type)
