"""
Rare fields of a row as one compact JSON object, so that the common row does not pay for them.

A field that has its default is left out, and a row with nothing left has no object at all.
"""

import json
from typing import Any

from dalsegno.model.event import Event
from dalsegno.model.lineage import Lineage
from dalsegno.model.payload import Payload, Ref
from dalsegno.model.record import Attempt, Error, Record
from dalsegno.model.run import Run

Detail = dict[str, Any]


def to_text(detail: Detail) -> str | None:
    """
    ASCII only: the text of an error may hold lone surrogates, which no database takes.
    """
    return json.dumps(detail, separators=(",", ":")) if detail else None


def from_text(text: str | None) -> Detail:
    """
    The object again, empty if there is none.

    Raises:
        ValueError: The text is not a JSON object.
    """
    detail = json.loads(text) if text is not None else {}
    if not isinstance(detail, dict):
        raise ValueError("detail is not an object")  # noqa: TRY004 - it is data, not an argument
    return detail


def of_event(event: Event) -> Detail:
    """
    What an event has beyond its columns.
    """
    detail: Detail = {}
    if event.error is not None:
        detail["error"] = _of_error(event.error)
    if event.due_us is not None:
        detail["due_us"] = event.due_us
    if event.label is not None:
        detail["label"] = event.label
    if event.addresses:
        detail["addresses"] = event.addresses
    if event.done is not None:
        detail["done"] = event.done
    if event.total is not None:
        detail["total"] = event.total
    if event.reason is not None:
        detail["reason"] = event.reason
    if event.lineage is not None:
        detail["lineage"] = _of_lineage(event.lineage)
    if event.workflow_id is not None:
        detail["workflow_id"] = event.workflow_id
    if event.definition_hash is not None:
        detail["definition_hash"] = event.definition_hash
    return detail


def event_fields(detail: Detail) -> Detail:
    """
    The same as arguments of `Event`.
    """
    fields = dict(detail)
    if "error" in fields:
        fields["error"] = _error(fields["error"])
    if "addresses" in fields:
        fields["addresses"] = tuple(fields["addresses"])
    if "lineage" in fields:
        fields["lineage"] = _lineage(fields["lineage"])
    return fields


def of_record(record: Record) -> Detail:
    """
    What a record has beyond its columns; its attempts unless they are one plain one.
    """
    detail: Detail = {}
    if record.error is not None:
        detail["error"] = _of_error(record.error)
    if record.attempts and not has_plain_attempt(record):
        detail["attempts"] = [_of_attempt(attempt) for attempt in record.attempts]
    if record.suspend_label is not None:
        detail["suspend_label"] = record.suspend_label
    if record.suspended_us is not None:
        detail["suspended_us"] = record.suspended_us
    if record.resumed_us is not None:
        detail["resumed_us"] = record.resumed_us
    if record.is_given:
        detail["is_given"] = True
    if record.is_bailed:
        detail["is_bailed"] = True
    if record.due_us is not None:
        detail["due_us"] = record.due_us
    return detail


def record_fields(detail: Detail) -> Detail:
    """
    The same as arguments of `Record`.
    """
    fields = dict(detail)
    if "error" in fields:
        fields["error"] = _error(fields["error"])
    if "attempts" in fields:
        fields["attempts"] = tuple(_attempt(fact) for fact in fields["attempts"])
    return fields


def has_plain_attempt(record: Record) -> bool:
    """
    Whether the record's one attempt began and ended with it and has no error of its own, so that
    its number alone tells it.
    """
    if len(record.attempts) != 1:
        return False
    (attempt,) = record.attempts
    return (attempt.started_us, attempt.ended_us, attempt.error) == (
        record.started_us,
        record.ended_us,
        None,
    )


def of_run(run: Run) -> Detail:
    """
    What a run has beyond its columns; of its lineage what is not an id of a run.
    """
    detail: Detail = {}
    if run.error is not None:
        detail["error"] = _of_error(run.error)
    if run.lineage is not None:
        lineage = run.lineage
        detail["lineage"] = [lineage.step, lineage.depth, lineage.overrides, lineage.entry]
    if run.paused_at:
        detail["paused_at"] = run.paused_at
    if run.kept_resume_data:
        detail["kept_resume_data"] = [
            [address, _of_payload(payload)] for address, payload in run.kept_resume_data
        ]
    return detail


def run_fields(detail: Detail, *, source_run_id: str | None, root_run_id: str) -> Detail:
    """
    The same as arguments of `Run`.
    """
    fields = dict(detail)
    if "error" in fields:
        fields["error"] = _error(fields["error"])
    if "lineage" in fields:
        step, depth, overrides, entry = fields["lineage"]
        fields["lineage"] = Lineage(
            source_run_id, step, root_run_id, depth, tuple(overrides), entry
        )
    if "paused_at" in fields:
        fields["paused_at"] = tuple(fields["paused_at"])
    if "kept_resume_data" in fields:
        fields["kept_resume_data"] = tuple(
            (address, _payload(fact)) for address, fact in fields["kept_resume_data"]
        )
    return fields


def _of_error(error: Error) -> list[Any]:
    cause = _of_error(error.cause) if error.cause is not None else None
    return [error.type, error.message, error.is_retryable, cause]


def _error(fact: Any) -> Error:
    type_, message, is_retryable, cause = fact
    return Error(type_, message, is_retryable, _error(cause) if cause is not None else None)


def _of_attempt(attempt: Attempt) -> list[Any]:
    error = _of_error(attempt.error) if attempt.error is not None else None
    return [attempt.number, attempt.started_us, attempt.ended_us, error]


def _attempt(fact: Any) -> Attempt:
    number, started_us, ended_us, error = fact
    return Attempt(number, started_us, ended_us, _error(error) if error is not None else None)


def _of_lineage(lineage: Lineage) -> list[Any]:
    return [
        lineage.source_run_id,
        lineage.step,
        lineage.root_run_id,
        lineage.depth,
        lineage.overrides,
        lineage.entry,
    ]


def _lineage(fact: Any) -> Lineage:
    source_run_id, step, root_run_id, depth, overrides, entry = fact
    return Lineage(source_run_id, step, root_run_id, depth, tuple(overrides), entry)


def _of_payload(payload: Payload) -> list[Any]:
    at = [payload.at.run_id, payload.at.sequence] if payload.at is not None else None
    return [payload.json.decode(), at]


def _payload(fact: Any) -> Payload:
    text, at = fact
    return Payload(text.encode(), Ref(*at) if at is not None else None)
