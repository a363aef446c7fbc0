"""
Events: one message for each type.
"""

from typing import assert_never

from google.protobuf.message import Message

from dalsegno.model.event import Event, EventType
from dalsegno.v1 import event_pb2 as pb
from dalsegno.wire.lineage import lineage_to_proto
from dalsegno.wire.payload import Form, payload_to_proto
from dalsegno.wire.record import error_to_proto
from dalsegno.wire.time import time_to_proto


def event_to_proto(event: Event, form: Form) -> pb.RunEvent:
    message = pb.RunEvent(
        run_id=event.run_id,
        sequence=event.sequence,
        time=time_to_proto(event.time_us),
        address=event.address,
    )
    body = getattr(message, event.type)
    body.SetInParent()
    body.MergeFrom(_body(event, form))
    return message


def heartbeat(run_id: str) -> pb.RunEvent:
    """
    What an idle stream sends: no event of the run, and without a sequence.
    """
    return pb.RunEvent(run_id=run_id, heartbeat=pb.Heartbeat())


def _body(event: Event, form: Form) -> Message:
    match event.type:
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
        case EventType.STEP_STARTED:
            return pb.StepStarted(
                input=payload_to_proto(event.payload, form),
                attempt=event.attempt,
                resume_data=payload_to_proto(event.resume_data, form),
            )
        case EventType.STEP_OUTPUT:
            return pb.StepOutput(data=payload_to_proto(event.payload, form))
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
        case EventType.STEP_COMPLETED:
            return pb.StepCompleted(output=payload_to_proto(event.payload, form))
        case EventType.STEP_FAILED:
            return pb.StepFailed(error=error_to_proto(event.error), attempt=event.attempt)
        case EventType.STEP_CANCELED:
            return pb.StepCanceled()
        case _:
            assert_never(event.type)
