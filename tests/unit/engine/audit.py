"""
What must hold of every history a store has, whatever a run did (semantics.md §8).

Records are made again from the events alone, by rules that know nothing of the engine, and are
compared with those that are stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from dalsegno.model.event import Event, EventType
from dalsegno.model.record import Record, StepStatus
from dalsegno.model.run import Run, RunStatus
from dalsegno.store.contract import RunFilter, Store

_MANY = 100_000

_STEP_STATUS = {
    EventType.STEP_STARTED: StepStatus.RUNNING,
    EventType.STEP_WAITING: StepStatus.WAITING,
    EventType.STEP_RETRYING: StepStatus.WAITING,
    EventType.STEP_SUSPENDED: StepStatus.SUSPENDED,
    EventType.STEP_SKIPPED: StepStatus.SKIPPED,
    EventType.STEP_COMPLETED: StepStatus.SUCCESS,
    EventType.STEP_FAILED: StepStatus.FAILED,
    EventType.STEP_CANCELED: StepStatus.CANCELED,
}
_RUN_STATUS = {
    EventType.RUN_WAITING: RunStatus.WAITING,
    EventType.RUN_SUSPENDED: RunStatus.SUSPENDED,
    EventType.RUN_PAUSED: RunStatus.PAUSED,
    EventType.RUN_COMPLETED: RunStatus.SUCCESS,
    EventType.RUN_FAILED: RunStatus.FAILED,
    EventType.RUN_CANCELED: RunStatus.CANCELED,
}
_CHANGING = (*_STEP_STATUS, EventType.RUN_RESUMED)


async def audit(store: Store) -> list[Run]:
    """
    Check every run of a store; returns them, newest first.
    """
    runs = await store.list_runs(RunFilter(), after=None, limit=_MANY)
    for run in runs:
        events = await store.events(run.run_id, after=0, limit=_MANY)
        records = await store.steps(run.run_id, after_sequence=-1, after_address="", limit=_MANY)
        check_run(run, events)
        check_records(events, records)
        left = [record.address for record in records if record.status.is_active]
        assert not (run.status.is_terminal and left), f"{run.run_id} has ended, but not {left}"
    return list(runs)


def check_run(run: Run, events: Sequence[Event]) -> None:
    """
    The events are dense, and tell what the run's row says.
    """
    assert [event.sequence for event in events] == list(range(1, run.newest_sequence + 1))
    types = [event.type for event in events]
    assert types[0] is EventType.RUN_STARTED
    assert types.count(EventType.RUN_STARTED) == 1
    assert not any(type_.ends_run for type_ in types[:-1]), "something came after the end"
    newest = types[-1]
    is_awake = newest is EventType.RUN_WAITING and run.status is RunStatus.RUNNING
    has_waited = newest in (EventType.RUN_STARTED, EventType.STEP_STARTED)
    is_pending = run.status is RunStatus.PENDING and run.started_us is None and has_waited
    told = _RUN_STATUS.get(newest, RunStatus.RUNNING)
    assert run.status is told or is_awake or is_pending, (
        f"{run.run_id} is {run.status}, after {types[-5:]}"
    )
    assert run.result == (events[-1].payload if newest is EventType.RUN_COMPLETED else None)
    assert run.error == (events[-1].error if newest is EventType.RUN_FAILED else None)
    states = [event.state for event in events if event.state is not None]
    assert run.state.json == (states[-1] if states else run.initial_state).json
    assert (run.ended_us is not None) == run.status.is_terminal


@dataclass
class _Told:
    """
    What the events tell of one address.
    """

    first: int
    events: list[Event] = field(default_factory=list)

    @property
    def last(self) -> Event:
        return self.events[-1]

    @property
    def status(self) -> StepStatus:
        return _STEP_STATUS.get(self.last.type, StepStatus.RUNNING)


def check_records(events: Sequence[Event], records: Sequence[Record]) -> None:
    """
    Each record says what the events say of its address, and there is one for each.
    """
    told: dict[str, _Told] = {}
    for event in events:
        about = event.addresses if event.type is EventType.RUN_RESUMED else (event.address,)
        if event.type is EventType.RUN_RESUMED and event.payload is None:
            continue  # a paused run goes on; no record changes
        for address in about if event.type in _CHANGING else ():
            told.setdefault(address, _Told(event.sequence)).events.append(event)
    made = {record.address: record for record in records if not record.is_given}
    assert made.keys() == told.keys()
    for address, record in made.items():
        _check_record(record, told[address])
    _check_payloads(events)


def _check_record(record: Record, told: _Told) -> None:
    story = f"{record.run_id}, {record.address}: {[(e.sequence, e.type) for e in told.events]}"
    assert record.first_sequence == told.first, story
    assert record.last_sequence == told.last.sequence, story
    is_reopened = record.status is StepStatus.RUNNING and told.status is StepStatus.SUSPENDED
    assert record.status is told.status or is_reopened, f"{record.status}, {story}"
    _check_story(told.events)
    started = [event for event in told.events if event.type is EventType.STEP_STARTED]
    numbers = [event.attempt for event in started if event.attempt is not None]
    assert [attempt.number for attempt in record.attempts] == sorted(set(numbers))
    if told.last.type is EventType.STEP_COMPLETED:
        assert record.output == told.last.payload
        assert record.error is None
    elif told.last.type in (EventType.STEP_FAILED, EventType.STEP_RETRYING):
        assert record.error == told.last.error
    assert record.due_us == (told.last.due_us if record.status is StepStatus.WAITING else None)
    if started:
        assert record.input == started[0].payload


def _check_story(events: Sequence[Event]) -> None:
    """
    What has ended never goes on, and a success above all is never tried again.
    """
    ends = (
        EventType.STEP_SKIPPED,
        EventType.STEP_COMPLETED,
        EventType.STEP_FAILED,
        EventType.STEP_CANCELED,
    )
    assert not any(event.type in ends for event in events[:-1]), [e.type for e in events]


def _check_payloads(events: Sequence[Event]) -> None:
    """
    What an event carries is stored, by itself or by an event that came before it.
    """
    for event in events:
        for payload in (event.payload, event.resume_data):
            if payload is None or payload.at is None:
                continue
            is_own = payload.at.run_id == event.run_id
            assert not is_own or payload.at.sequence <= event.sequence
