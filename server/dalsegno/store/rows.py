"""
Rows of the tables, and the nouns they stand for.

A row is the columns that some statement looks for, and one JSON text for what is rare (`detail`).

Payloads are exact JSON text, each stored once: a column holds the text itself, or the column
beside it, which ends in ``_at``, holds the *place* of the event that does. A place is one integer:
the key of the run * 2^32 + the sequence of the event.

=========================  =====================================  ==================================
payload                    with `at`                              without
=========================  =====================================  ==================================
`Event.payload`            place of another event                 text; `at` is then this event
`Event.resume_data`        place of another event                 text; `at` is then this event
`Event.state`              text: an event keeps what it sets      text; `at` is then this event
`Record` (all four)        place of an event                      text that only this row knows
`Run.initial_state`        place of the event that set it         text in the run's row 0
`Run.state`                place of the event that set it         text that only this row knows
`Run` (the other three)    place of an event                      text that only this row knows
`Run.kept_resume_data`     text and `at`, in the detail           text, in the detail
=========================  =====================================  ==================================

What a place means depends on the column. For a state it is the event's `state`, for resume data
the `resume_data` of a step_started and the `payload` of any other event, else the `payload`.

*Row 0* of a run stands among its events and is none: its sequence is 0, its state is the one that
the run began with. A run that began with the state of another has none; its `initial_at` is the
place of the text, never of another reference.
"""

from collections.abc import Callable
from typing import Any

from dalsegno.model.errors import CorruptHistory
from dalsegno.model.event import Event, EventType
from dalsegno.model.payload import Payload, Ref
from dalsegno.model.record import Attempt, NodeKind, Record, StepStatus
from dalsegno.model.run import Run, RunStatus
from dalsegno.store.contract import Ancestor
from dalsegno.store.detail import RareFields

Row = tuple[Any, ...]
PlaceOf = Callable[[Ref], int]

SEQUENCE_BITS = 32
SEQUENCE_MAX = (1 << SEQUENCE_BITS) - 1

# What decoding a row raises if somebody else wrote it.
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError)

_EVENT_COLUMNS = ("run_id", "sequence", "time_us", "type", "address", "attempt")
_EVENT_PAYLOADS = ("payload", "resume_data", "state")
_RECORD_COLUMNS = ("run_id", "address", "kind", "status", "first_sequence", "last_sequence")
_RECORD_TIMES = ("started_us", "ended_us")
_RECORD_PAYLOADS = ("input", "output", "suspend_payload", "resume_data")
_RUN_COLUMNS = ("run_id", "workflow_id", "definition_hash", "status", "epoch", "newest_sequence")
_RUN_TIMES = ("created_us", "started_us", "ended_us", "due_us", "deadline_us")
_RUN_OTHERS = ("owner", "definition_changed")
_RUN_PAYLOADS = ("input", "request_context", "initial_state", "state", "result")

_RARE_OF_EVENT = RareFields(Event, columns=_EVENT_COLUMNS + _EVENT_PAYLOADS)
_RARE_OF_RECORD = RareFields(Record, columns=_RECORD_COLUMNS + _RECORD_TIMES + _RECORD_PAYLOADS)
_RARE_WITH_PLAIN_ATTEMPT = RareFields(
    Record, columns=(*_RECORD_COLUMNS, *_RECORD_TIMES, *_RECORD_PAYLOADS, "attempts")
)
_RARE_OF_RUN = RareFields(Run, columns=_RUN_COLUMNS + _RUN_TIMES + _RUN_OTHERS + _RUN_PAYLOADS)


def place(key: int, sequence: int) -> int:
    """
    Where the event of this sequence is, in the run of this key.
    """
    return key << SEQUENCE_BITS | sequence


def event_row(event: Event, key: int, place_of: PlaceOf) -> Row:
    """
    Parameters of ``insert_event``.
    """
    payload, payload_at = _own_columns(event.payload, event, place_of)
    resume_data, resume_data_at = _own_columns(event.resume_data, event, place_of)
    return (
        place(key, event.sequence),
        event.time_us,
        str(event.type),
        event.address,
        event.attempt,
        payload,
        payload_at,
        resume_data,
        resume_data_at,
        _RARE_OF_EVENT.text(event),
        event.state.json if event.state is not None else None,
    )


def initial_state_row(run: Run, key: int) -> Row:
    """
    Parameters of ``insert_event`` for the run's row 0.
    """
    state = run.initial_state.json
    return (place(key, 0), run.created_us, "", "", None, None, None, None, None, None, state)


def event(row: Row, run_id: str) -> Event:
    """
    The event in a row of ``event_rows``.

    Raises:
        CorruptHistory: It cannot be read.
    """
    sequence, time_us, type_, address, attempt, rare, *payloads = row[1:]
    input_at, input_run, input_, data_at, data_run, data, state = payloads
    here = Ref(run_id, sequence)
    try:
        return Event(
            run_id,
            sequence,
            time_us,
            EventType(type_),
            address,
            _payload("payload", input_, input_at, input_run or run_id, here=here),
            _payload("resume data", data, data_at, data_run or run_id, here=here),
            _payload("state", state, None, run_id, here=here),
            attempt,
            **_RARE_OF_EVENT.arguments(rare),
        )
    except _UNREADABLE as problem:
        raise CorruptHistory(run_id, f"event {sequence}", str(problem)) from problem


def record_row(record: Record, key: int, place_of: PlaceOf) -> Row:
    """
    Parameters of ``put_record``.
    """
    container, iteration = _iteration(record.address)
    attempt = _plain_attempt(record)
    rare = _RARE_OF_RECORD if attempt is None else _RARE_WITH_PLAIN_ATTEMPT
    return (
        key,
        record.address,
        str(record.kind),
        str(record.status),
        record.first_sequence,
        record.last_sequence,
        record.started_us,
        record.ended_us,
        attempt,
        container,
        iteration,
        *_columns(record.input, place_of),
        *_columns(record.output, place_of),
        *_columns(record.suspend_payload, place_of),
        *_columns(record.resume_data, place_of),
        rare.text(record),
    )


def record(row: Row, run_id: str) -> Record:
    """
    The record in a row of ``record_rows``.

    Raises:
        CorruptHistory: It cannot be read.
    """
    address, kind, status, first, last, started_us, ended_us, attempt, rare, *payloads = row[3:]
    input_at, input_run, input_, output_at, output_run, output, *payloads = payloads
    asked_at, asked_run, asked, data_at, data_run, data = payloads
    try:
        others = _RARE_OF_RECORD.arguments(rare)
        if attempt is not None:
            others["attempts"] = (Attempt(attempt, started_us, ended_us),)
        return Record(
            run_id,
            address,
            NodeKind(kind),
            StepStatus(status),
            first,
            started_us,
            _payload("input", input_, input_at, input_run or run_id),
            _payload("output", output, output_at, output_run or run_id),
            ended_us=ended_us,
            suspend_payload=_payload("suspend payload", asked, asked_at, asked_run or run_id),
            resume_data=_payload("resume data", data, data_at, data_run or run_id),
            last_sequence=last,
            **others,
        )
    except _UNREADABLE as problem:
        raise CorruptHistory(run_id, f"record {address!r}", str(problem)) from problem


def moving_columns(run: Run, state_place_of: PlaceOf) -> Row:
    """
    What of a run changes from one append to the next: parameters of ``move_run``, and the first
    ones of ``update_run`` and ``insert_run``.

    Args:
        state_place_of: Of references that name a state.
    """
    now = run.state
    if now.at is None and now.json == run.initial_state.json:
        now = Payload(now.json, Ref(run.run_id, 0))
    return (run.newest_sequence, *_columns(now, state_place_of))


def lasting_columns(run: Run, place_of: PlaceOf) -> Row:
    """
    What of a run may change, but seldom does: the next parameters of ``update_run`` and
    ``insert_run``.
    """
    return (
        run.definition_hash,
        str(run.status),
        run.epoch,
        run.started_us,
        run.ended_us,
        run.due_us,
        run.deadline_us,
        run.owner,
        run.definition_changed,
        *_columns(run.result, place_of),
        _RARE_OF_RUN.text(run),
        *_columns(run.request_context, place_of),
    )


def fixed_columns(
    run: Run,
    key: int,
    key_of: Callable[[str], int],
    place_of: PlaceOf,
    state_place_of: PlaceOf,
) -> Row:
    """
    What of a run never changes: the last parameters of ``insert_run``.

    A run that is no replay is the root of a tree of its own.
    """
    source = run.lineage.source_run_id if run.lineage is not None else None
    root = run.lineage.root_run_id if run.lineage is not None else run.run_id
    return (
        key,
        run.run_id,
        run.workflow_id,
        run.created_us,
        key_of(source) if source is not None else None,
        key_of(root),
        state_place_of(Ref(run.run_id, 0)),
        *_columns(run.input, place_of),
    )


def run(row: Row) -> Run:
    """
    The run in a row of ``run_rows``.

    Raises:
        CorruptHistory: It cannot be read.
    """
    run_id, workflow_id, definition_hash, status, created_us, epoch, newest_sequence = row[3:10]
    started_us, ended_us, due_us, deadline_us, owner, changed, rare, *payloads = row[10:]
    initial_at, initial_run, initial, state_at, state_run, state, *payloads = payloads
    input_at, input_run, input_, context_at, context_run, context, *payloads = payloads
    result_at, result_run, result = payloads
    try:
        return Run(
            run_id,
            workflow_id,
            definition_hash,
            RunStatus(status),
            created_us,
            _stored("input", input_, input_at, input_run or run_id),
            _stored("request context", context, context_at, context_run or run_id),
            _stored("initial state", initial, initial_at, initial_run or run_id),
            _stored("state", state, state_at, state_run or run_id),
            epoch,
            newest_sequence,
            started_us,
            ended_us,
            _payload("result", result, result_at, result_run or run_id),
            owner=owner,
            definition_changed=bool(changed),
            due_us=due_us,
            deadline_us=deadline_us,
            **_RARE_OF_RUN.arguments(rare),
        )
    except _UNREADABLE as problem:
        raise CorruptHistory(run_id, "the run", str(problem)) from problem


def ancestor(row: Row) -> Ancestor:
    """
    The run in a row of ``lineage_chain``.

    Raises:
        CorruptHistory: It cannot be read.
    """
    run_id, definition_hash, created_us, status, rare = row
    try:
        is_final = RunStatus(status).is_terminal
        lineage = _RARE_OF_RUN.arguments(rare).get("lineage")
        return Ancestor(run_id, definition_hash, created_us, is_final, lineage)
    except _UNREADABLE as problem:
        raise CorruptHistory(run_id, "the run", str(problem)) from problem


def list_order(row: Row) -> tuple[int, str]:
    """
    What runs are listed by, of a row of ``run_rows``.
    """
    return row[7], row[3]


def payload(text: bytes | None, ref: Ref) -> Payload:
    """
    What a reference names.

    Raises:
        CorruptHistory: It cannot be read.
    """
    try:
        return Payload(_checked("payload", text), ref)
    except ValueError as problem:
        raise CorruptHistory(ref.run_id, f"event {ref.sequence}", str(problem)) from problem


def _columns(payload: Payload | None, place_of: PlaceOf) -> tuple[bytes | None, int | None]:
    """
    Text and place of a payload: one of them is set, or none if there is no payload.
    """
    if payload is None:
        return None, None
    if payload.at is None:
        return payload.json, None
    return None, place_of(payload.at)


def _own_columns(
    payload: Payload | None, event: Event, place_of: PlaceOf
) -> tuple[bytes | None, int | None]:
    """
    The same for a payload of an event: what is said to be stored there is stored now.
    """
    if payload is None or payload.at is None:
        return _columns(payload, place_of)
    is_here = payload.at.sequence == event.sequence and payload.at.run_id == event.run_id
    return (payload.json, None) if is_here else (None, place_of(payload.at))


def _payload(
    what: str, text: bytes | None, at: int | None, run_id: str, *, here: Ref | None = None
) -> Payload | None:
    if text is None:
        return None
    return _stored(what, text, at, run_id, here=here)


def _stored(
    what: str, text: bytes, at: int | None, run_id: str, *, here: Ref | None = None
) -> Payload:
    """
    Args:
        run_id: Of the run that the place lies in.
        here: What names a text that stands in the row itself.
    """
    ref = here if at is None else Ref(run_id, at & SEQUENCE_MAX)
    return Payload(_checked(what, text), ref)


def _checked(what: str, text: bytes | None) -> bytes:
    """
    Payload text as a view shows it: empty stands for one that is missing or no JSON.

    Raises:
        ValueError: It is that, or not UTF-8.
    """
    if not text:
        raise ValueError(f"its {what} is missing or no JSON")
    if not text.isascii():
        text.decode()
    return text


def _plain_attempt(record: Record) -> int | None:
    """
    Number of the record's attempt if it is the only one, began and ended with the record, and has
    no error of its own: then the number tells it all.
    """
    if len(record.attempts) != 1:
        return None
    number = record.attempts[0].number
    plain = Attempt(number, record.started_us, record.ended_us)
    return number if record.attempts[0] == plain else None


def _iteration(address: str) -> tuple[str | None, int | None]:
    """
    Container and index of an iteration or item; nothing for what is no iteration itself.
    """
    if not address.endswith("]"):
        return None, None
    container, _, index = address.rpartition("[")
    return container, int(index[:-1])
