"""
Rows of the tables, and the nouns they stand for.

A row is the columns that some statement looks for, and one JSON text for what is rare
(`detail.py`). Payloads are exact JSON text and stored once: a column holds the text itself, or
beside it, in the column ending in ``_at``, the *place* of the event that does. A place is one
integer: the key of the run * 2^32 + the sequence of the event.

===========================  =======================================  =============================
payload                      with `at`                                without
===========================  =======================================  =============================
`Event.payload`              place of another event                   text; `at` is then this event
`Event.resume_data`          place of the run_resumed event           text, known to this row alone
`Event.state`                text, whatever `at` says                 text; `at` is then this event
`Record` (all four)          place of an event                        text, known to this row alone
`Run.initial_state`          place of the event whose state it is     text in the run's row 0
`Run.state`                  place of the event whose state it is     text, known to this row alone
`Run` (the other three)      place of an event                        text, known to this row alone
`Run.kept_resume_data`       text and `at` in the detail              text in the detail
===========================  =======================================  =============================

*Row 0* is a row among the events of a run that is no event, with sequence 0; its state is the one
the run began with. So every state is found in the same way. What began with the state of another
run has no row 0; its `initial_at` names the place of the text, never of another reference.
"""

from collections.abc import Callable
from typing import Any

from dalsegno.model.errors import CorruptHistory
from dalsegno.model.event import Event, EventType
from dalsegno.model.payload import Payload, Ref
from dalsegno.model.record import Attempt, NodeKind, Record, StepStatus
from dalsegno.model.run import Run, RunStatus
from dalsegno.store import detail

Row = tuple[Any, ...]
PlaceOf = Callable[[Ref], int]

SEQUENCE_BITS = 32
SEQUENCE_MAX = (1 << SEQUENCE_BITS) - 1

_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError)


def place(key: int, sequence: int) -> int:
    """
    Where the event of this sequence is, in the run of this key.
    """
    return key << SEQUENCE_BITS | sequence


def event_row(event: Event, key: int, place_of: PlaceOf) -> Row:
    """
    Parameters of ``insert_event``.
    """
    payload, payload_at = _columns(event.payload, place_of, own=Ref(event.run_id, event.sequence))
    resume_data, resume_data_at = _columns(event.resume_data, place_of)
    return (
        place(key, event.sequence),
        event.time_us,
        event.type.value,
        event.address,
        event.attempt,
        payload,
        payload_at,
        resume_data,
        resume_data_at,
        detail.to_text(detail.of_event(event)),
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
    (_, _, sequence, time_us, type_, address, attempt, rare, *slots) = row
    payload_at, payload_run, payload, data_at, data_run, data, state = slots
    here = Ref(run_id, sequence)
    try:
        return Event(
            run_id,
            sequence,
            time_us,
            EventType(type_),
            address,
            _payload("payload", payload, payload_at, payload_run or run_id, inline_at=here),
            _payload("resume data", data, data_at, data_run or run_id),
            _payload("state", state, None, run_id, inline_at=here),
            attempt,
            **(detail.event_fields(detail.from_text(rare)) if rare is not None else {}),
        )
    except _UNREADABLE as problem:
        raise CorruptHistory(run_id, f"event {sequence}", str(problem)) from problem


def record_row(record: Record, key: int, place_of: PlaceOf) -> Row:
    """
    Parameters of ``put_record``.
    """
    container, iteration = _iteration(record.address)
    return (
        key,
        record.address,
        record.kind.value,
        record.status.value,
        record.first_sequence,
        record.started_us,
        record.ended_us,
        record.attempts[0].number if detail.has_plain_attempt(record) else None,
        container,
        iteration,
        *_columns(record.input, place_of),
        *_columns(record.output, place_of),
        *_columns(record.suspend_payload, place_of),
        *_columns(record.resume_data, place_of),
        detail.to_text(detail.of_record(record)),
    )


def record(row: Row, run_id: str) -> Record:
    """
    The record in a row of ``record_rows``.

    Raises:
        CorruptHistory: It cannot be read.
    """
    address, kind, status, first_sequence, started_us, ended_us, number, rare, *slots = row[3:]
    input_at, input_run, input_, output_at, output_run, output, *slots = slots
    asked_at, asked_run, asked, data_at, data_run, data = slots
    try:
        fields = detail.record_fields(detail.from_text(rare)) if rare is not None else {}
        if number is not None:
            fields["attempts"] = (Attempt(number, started_us, ended_us),)
        return Record(
            run_id,
            address,
            NodeKind(kind),
            StepStatus(status),
            first_sequence,
            started_us,
            _payload("input", input_, input_at, input_run or run_id),
            _payload("output", output, output_at, output_run or run_id),
            ended_us=ended_us,
            suspend_payload=_payload("suspend payload", asked, asked_at, asked_run or run_id),
            resume_data=_payload("resume data", data, data_at, data_run or run_id),
            **fields,
        )
    except _UNREADABLE as problem:
        raise CorruptHistory(run_id, f"record {address!r}", str(problem)) from problem


def run_values(run: Run, key: int, place_of: PlaceOf, state_place_of: PlaceOf) -> dict[str, Any]:
    """
    Parameters of ``update_run`` and ``insert_run`` that any append of the run may change.

    Args:
        state_place_of: As *place_of*, for references that name a state.
    """
    state: tuple[bytes | None, int | None]
    if run.state.at is None and run.state.json == run.initial_state.json:
        state = None, state_place_of(Ref(run.run_id, 0))
    else:
        state = _columns(run.state, state_place_of)
    result, result_at = _columns(run.result, place_of)
    request_context, request_context_at = _columns(run.request_context, place_of)
    return {
        "key": key,
        "definition_hash": run.definition_hash,
        "status": run.status.value,
        "epoch": run.epoch,
        "newest_sequence": run.newest_sequence,
        "started_us": run.started_us,
        "ended_us": run.ended_us,
        "due_us": run.due_us,
        "deadline_us": run.deadline_us,
        "definition_changed": run.definition_changed,
        "per_step": run.per_step,
        "state": state[0],
        "state_at": state[1],
        "result": result,
        "result_at": result_at,
        "detail": detail.to_text(detail.of_run(run)),
        "request_context": request_context,
        "request_context_at": request_context_at,
    }


def new_run_values(
    run: Run, key_of: Callable[[str], int], place_of: PlaceOf, state_place_of: PlaceOf
) -> dict[str, Any]:
    """
    Parameters of ``insert_run`` that never change.
    """
    input_, input_at = _columns(run.input, place_of)
    source = run.lineage.source_run_id if run.lineage is not None else None
    root = run.lineage.root_run_id if run.lineage is not None else run.run_id
    return {
        "run_id": run.run_id,
        "workflow_id": run.workflow_id,
        "created_us": run.created_us,
        "source": key_of(source) if source is not None else None,
        "root": key_of(root),
        "initial_at": state_place_of(Ref(run.run_id, 0)),
        "input": input_,
        "input_at": input_at,
    }


def run(row: Row) -> Run:
    """
    The run in a row of ``run_rows``.

    Raises:
        CorruptHistory: It cannot be read.
    """
    run_id, workflow_id, definition_hash, status, created_us, epoch, newest_sequence = row[3:10]
    started_us, ended_us, due_us, deadline_us, changed, per_step, rare, source, root = row[10:19]
    initial_at, initial_run, initial, state_at, state_run, state, *slots = row[19:]
    input_at, input_run, input_, context_at, context_run, context, *slots = slots
    result_at, result_run, result = slots
    try:
        fields = detail.run_fields(
            detail.from_text(rare), source_run_id=source, root_run_id=root or run_id
        )
        return Run(
            run_id,
            workflow_id,
            definition_hash,
            RunStatus(status),
            created_us,
            _needed("input", input_, input_at, input_run or run_id),
            _needed("request context", context, context_at, context_run or run_id),
            _needed("initial state", initial, initial_at, initial_run or run_id),
            _needed("state", state, state_at, state_run or run_id),
            epoch,
            newest_sequence,
            started_us,
            ended_us,
            _payload("result", result, result_at, result_run or run_id),
            definition_changed=bool(changed),
            per_step=bool(per_step),
            due_us=due_us,
            deadline_us=deadline_us,
            **fields,
        )
    except _UNREADABLE as problem:
        raise CorruptHistory(run_id, "the run", str(problem)) from problem


def run_order(row: Row) -> tuple[int, str]:
    """
    What runs are listed by, of a row of ``run_rows``.
    """
    return row[7], row[3]


def payload(text: bytes, ref: Ref, what: str) -> Payload:
    """
    The payload that a reference names.

    Raises:
        CorruptHistory: It cannot be read.
    """
    try:
        return Payload(_checked(what, text), ref)
    except ValueError as problem:
        raise CorruptHistory(ref.run_id, f"event {ref.sequence}", str(problem)) from problem


def _checked(what: str, text: bytes) -> bytes:
    """
    Payload text as a view shows it: the empty text stands for one that is missing or no JSON.

    Raises:
        ValueError: It is that, or not UTF-8.
    """
    if not text:
        raise ValueError(f"its {what} is missing or no JSON")
    if not text.isascii():
        text.decode()
    return text


def _columns(
    payload: Payload | None, place_of: PlaceOf, *, own: Ref | None = None
) -> tuple[bytes | None, int | None]:
    """
    Text and place of a payload: one of them is set, or none if there is no payload.

    Args:
        own: Where the row itself is; what is said to be stored there is stored now.
    """
    if payload is None:
        return None, None
    if payload.at is None or payload.at == own:
        return payload.json, None
    return None, place_of(payload.at)


def _payload(
    what: str, text: bytes | None, at: int | None, run_id: str, *, inline_at: Ref | None = None
) -> Payload | None:
    """
    Args:
        run_id: Of the run that the place lies in.
        inline_at: What refers to a text that stands in the row itself.
    """
    if text is None:
        return None
    ref = Ref(run_id, at & SEQUENCE_MAX) if at is not None else inline_at
    return Payload(_checked(what, text), ref)


def _needed(what: str, text: bytes, at: int | None, run_id: str) -> Payload:
    ref = Ref(run_id, at & SEQUENCE_MAX) if at is not None else None
    return Payload(_checked(what, text), ref)


def _iteration(address: str) -> tuple[str | None, int | None]:
    """
    Container and index of an iteration or item; nothing for what is no iteration itself.
    """
    if not address.endswith("]"):
        return None, None
    container, _, index = address.rpartition("[")
    return container, int(index[:-1])
