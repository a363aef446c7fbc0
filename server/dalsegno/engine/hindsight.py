"""
What a record was at an earlier time.

A suspended or paused source may go on after a replay was made. Its records are then younger than
what the replay saw, and the events tell what they were.
"""

from msgspec.structs import replace

from dalsegno.model.event import Event, EventType
from dalsegno.model.record import Attempt, Record, StepStatus
from dalsegno.store.contract import Store

_PAGE = 500  # events read at once


async def as_it_was(store: Store, record: Record, sequence: int) -> Record | None:
    """
    A record as it was when the newest event of its run had this sequence; None if it was not yet.

    Costs the events in between, and only for records that have changed since: those of steps that
    were suspended then, and of the containers around them.
    """
    if record.last_sequence <= sequence:
        return record
    if record.first_sequence > sequence:
        return None
    was = _at_first(record)
    after = record.first_sequence - 1
    while after < sequence:
        page = await store.events(record.run_id, after=after, limit=min(_PAGE, sequence - after))
        for event in page:
            if event.address == record.address:
                was = _told(was, event)
        after = page[-1].sequence if page else sequence
    return was


def _at_first(record: Record) -> Record:
    return Record(
        run_id=record.run_id,
        address=record.address,
        kind=record.kind,
        status=StepStatus.RUNNING,
        first_sequence=record.first_sequence,
        started_us=record.started_us,
        input=record.input,
    )


def _told(was: Record, event: Event) -> Record:
    """
    What the record became by an event; of those that leave it open.
    """
    was = replace(was, last_sequence=event.sequence)
    match event.type:
        case EventType.STEP_STARTED if event.attempt is not None:
            answer = event.resume_data
            return replace(
                was,
                status=StepStatus.RUNNING,
                attempts=(*was.attempts, Attempt(event.attempt, event.time_us)),
                resume_data=answer if answer is not None else was.resume_data,
                resumed_us=event.time_us if answer is not None else None,
                error=None,
                due_us=None,
            )
        case EventType.STEP_RETRYING | EventType.STEP_WAITING:
            return replace(
                _ended(was, event),
                status=StepStatus.WAITING,
                error=event.error,
                due_us=event.due_us,
            )
        case EventType.STEP_SUSPENDED:
            return replace(
                _ended(was, event),
                status=StepStatus.SUSPENDED,
                suspend_payload=event.payload,
                suspend_label=event.label,
                suspended_us=event.time_us,
                resumed_us=None,
            )
        case _:
            return was


def _ended(was: Record, event: Event) -> Record:
    if not was.attempts:
        return was
    last = replace(was.attempts[-1], ended_us=event.time_us, error=event.error)
    return replace(was, attempts=(*was.attempts[:-1], last))
