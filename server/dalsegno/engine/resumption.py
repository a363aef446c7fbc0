"""
Resuming: which suspended step an answer is for, and what a run that goes on is entered at.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from dalsegno.engine import checks
from dalsegno.engine.commands import Resume
from dalsegno.engine.drive import in_graph_order, is_resumable
from dalsegno.engine.live import LiveRun
from dalsegno.model import address as addresses
from dalsegno.model.errors import (
    AmbiguousSuspension,
    InvalidResumeData,
    NotSuspended,
    RunFinished,
)
from dalsegno.model.event import EventType
from dalsegno.model.payload import Payload
from dalsegno.model.record import Record, StepStatus
from dalsegno.model.run import Run, RunStatus
from dalsegno.model.shape import GraphShape
from dalsegno.workflow.types import Type


def check_goes_on(command: Resume, run: Run, shape: GraphShape) -> None:
    """
    Refuse a resumption of a run that has ended, or of a place that is not there.

    Raises:
        RunFinished: It has ended.
        InvalidAddress, StepNotFound: The step named is none.
        NotSuspended: It is paused, and the request answers a step.
    """
    if run.status.is_terminal:
        raise RunFinished(run.run_id, run.status)
    if command.step is not None:
        shape.locate(addresses.parse(command.step))
    answers = command.resume_data is not None or command.step or command.label
    if run.status is RunStatus.PAUSED and answers:
        raise NotSuspended(run.run_id, run.status, command.step, command.label)


def choose(command: Resume, run: Run, records: Sequence[Record], shape: GraphShape) -> Record:
    """
    The suspended step that a resumption is for.

    Args:
        records: The run's suspended records.

    Raises:
        NotSuspended: There is none of this address or label, or none at all.
        AmbiguousSuspension: There are several, and the request does not say which.
    """
    waiting = in_graph_order([record for record in records if is_resumable(record)], shape)
    if command.step is not None:
        waiting = [record for record in waiting if record.address == command.step]
    elif command.label is not None:
        waiting = [record for record in waiting if record.suspend_label == command.label]
    if not waiting:
        raise NotSuspended(run.run_id, run.status, command.step, command.label)
    if len(waiting) > 1:
        raise AmbiguousSuspension(run.run_id, [record.address for record in waiting])
    return waiting[0]


def answer_of(command: Resume, record: Record, type_: Type, bytes_max: int) -> Payload:
    """
    The resume data, checked against what the step takes.

    Raises:
        InvalidResumeData: It is missing or does not fit.
        PayloadTooLarge: It takes more bytes than the limit.
    """
    field = "resume_data"
    if command.resume_data is None:
        raise InvalidResumeData(field, f"is needed by {record.address!r}; null is data, too")
    return checks.payload(command.resume_data, field, InvalidResumeData, bytes_max, types=(type_,))


def tell_resumed(live: LiveRun, record: Record, answer: Payload) -> None:
    """
    Record that a suspended step has its answer; its next attempt is the walk's to begin.
    """
    event = live.tell(EventType.RUN_RESUMED, addresses=(record.address,), payload=answer)
    live.put(
        replace(
            record,
            status=StepStatus.RUNNING,
            resume_data=live.stored(answer, event),
            resumed_us=event.time_us,
            last_sequence=event.sequence,
        )
    )
    live.change(status=RunStatus.RUNNING, due_us=None)
