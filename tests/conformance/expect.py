"""
Compares what a call has shown with what its scenario expects, key by key.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dalsegno.v1 import event_pb2, run_pb2
from tests.conformance import events
from tests.conformance.compare import NOTHING, differs, same, show, unmatched
from tests.conformance.ledger import Entry


@dataclass(frozen=True, slots=True)
class Refusal:
    """
    How an RPC failed.

    Attributes:
        reason: Of its `ErrorInfo`; empty if it has none.
    """

    code: str
    reason: str
    metadata: Mapping[str, str]
    message: str

    def __str__(self) -> str:
        return f"{self.code} {self.reason or 'without reason'}: {self.message}"


@dataclass(slots=True)
class Seen:
    """
    What a call has shown.

    Attributes:
        run_id: Of the run answered; empty if the call answers none.
        run: As answered, or as it is after the call.
        log: The events streamed; if the call streams none, all of the run's.
        runs: Ids answered by `list`.
        replays: Ids of the run's direct replays, oldest first.
        entered: The bodies entered during the call.
        entered_before: The bodies entered before it.
        earlier_runs: Ids of all runs known before the call.
        changes: By run id, what is not as it was before the call.
        inner: Refusals of the calls of a parallel one, None for each that succeeded.
    """

    refusal: Refusal | None = None
    run_id: str = ""
    run: run_pb2.Run | None = None
    log: Sequence[event_pb2.RunEvent] | None = None
    runs: Sequence[str] = ()
    replays: Sequence[str] = ()
    entered: Sequence[Entry] = ()
    entered_before: Sequence[Entry] = ()
    earlier_runs: frozenset[str] = frozenset()
    changes: Mapping[str, str] = field(default_factory=dict)
    inner: Sequence[Refusal | None] = ()


def differences(expect: Mapping[str, Any], seen: Seen) -> list[str]:
    """
    Everything that is not as expected.
    """
    if seen.refusal is not None and "error" not in expect:
        return [f"refused with {seen.refusal}"]
    found: list[str] = []
    for key, expected in expect.items():
        try:
            found += _CHECKS[key](expected, seen)
        except ValueError as error:
            found.append(f"{key}: {error}")
    return found


def _error(expected: Mapping[str, Any], seen: Seen) -> Iterator[str]:
    refusal = seen.refusal
    if refusal is None:
        yield f"error: expected {expected['reason']}, but the call succeeded"
        return
    wanted = expected["code"], expected["reason"]
    if wanted != (refusal.code, refusal.reason):
        yield f"error: expected {' '.join(wanted)}, got {refusal}"
    for name, value in expected.get("metadata", {}).items():
        if refusal.metadata.get(name) != value:
            yield differs(f"error.metadata.{name}", value, refusal.metadata.get(name, NOTHING))


def _run(seen: Seen) -> run_pb2.Run:
    if seen.run is None:
        raise ValueError("there is no run to look at")
    return seen.run


def _log(seen: Seen) -> Sequence[event_pb2.RunEvent]:
    if seen.log is None:
        raise ValueError("there are no events to look at")
    return seen.log


def _status(expected: str, seen: Seen) -> Iterator[str]:
    status = _run_status(_run(seen))
    if status != expected:
        error = f" ({_run(seen).error.message})" if _run(seen).HasField("error") else ""
        yield differs("status", expected, status) + error


def _run_status(run: run_pb2.Run) -> str:
    return run_pb2.RunStatus.Name(run.status).removeprefix("RUN_STATUS_").lower()


def _result(expected: Any, seen: Seen) -> Iterator[str]:
    run = _run(seen)
    actual = events.data(run, "result")
    if expected is None and actual is NOTHING and run.status != run_pb2.RUN_STATUS_SUCCESS:
        return
    if not same(expected, actual):
        error = f" ({run.error.message})" if run.HasField("error") else ""
        yield differs("result", expected, actual) + error


def _payload(name: str) -> Callable[[Any, Seen], Iterator[str]]:
    def check(expected: Any, seen: Seen) -> Iterator[str]:
        actual = events.data(_run(seen), name)
        if not same(expected, actual):
            yield differs(name, expected, actual)

    return check


def _run_error(expected: str | None, seen: Seen) -> Iterator[str]:
    yield from _error_part("run_error", expected, _run(seen))


def _error_part(
    key: str, expected: str | None, holder: run_pb2.Run | run_pb2.StepRecord
) -> Iterator[str]:
    actual = holder.error.message if holder.HasField("error") else NOTHING
    if expected is None:
        holds = actual is NOTHING
    else:
        holds = isinstance(actual, str) and expected in actual
    if not holds:
        yield differs(key, expected, actual)


def _steps(expected: Mapping[str, Any], seen: Seen) -> Iterator[str]:
    records = _run(seen).steps
    for address, parts in expected.items():
        if address not in records:
            yield f"steps[{address}]: expected {show(parts)}, there is no record"
            continue
        for name, value in parts.items():
            yield from _record_part(f"steps[{address}].{name}", name, value, records[address])


def _record_part(key: str, name: str, expected: Any, record: run_pb2.StepRecord) -> Iterator[str]:
    if name == "error":
        yield from _error_part(key, expected, record)
        return
    actual: Any
    match name:
        case "status":
            status = run_pb2.StepStatus.Name(record.status)
            actual = status.removeprefix("STEP_STATUS_").lower()
        case "attempts":
            actual = len(record.attempts)
        case "reused":
            actual = record.reused_from_run_id != ""
        case "input" | "output" | "suspend_payload" | "resume_data":
            actual = events.data(record, name)
        case _:
            raise ValueError(f"a record has no part {name}")
    if not same(expected, actual):
        error = f" ({record.error.message})" if record.HasField("error") else ""
        yield differs(key, expected, actual) + error


def _absent_steps(expected: Sequence[str], seen: Seen) -> Iterator[str]:
    present = [address for address in expected if address in _run(seen).steps]
    if present:
        yield f"absent_steps: there are records of {show(present)}"


def _suspended(expected: Sequence[str], seen: Seen) -> Iterator[str]:
    waiting = sorted(suspension.address for suspension in _run(seen).suspensions)
    if sorted(expected) != waiting:
        yield differs("suspended", sorted(expected), waiting)


def _executed(expected: Sequence[Any], seen: Seen) -> Iterator[str]:
    if len(expected) != len(seen.entered) or not all(map(_fits, expected, seen.entered)):
        yield _entered_text("executed", expected, seen.entered)


def _executed_any_order(expected: Sequence[Any], seen: Seen) -> Iterator[str]:
    if len(expected) != len(seen.entered) or unmatched(expected, seen.entered, _fits):
        yield _entered_text("executed_any_order", expected, seen.entered)


def _fits(expected: str | Mapping[str, Any], entry: Entry) -> bool:
    parts = {"step": expected} if isinstance(expected, str) else expected
    return all(same(value, entry.get(name, NOTHING)) for name, value in parts.items())


def _entered_text(key: str, expected: Sequence[Any], entered: Sequence[Entry]) -> str:
    """
    Names the steps if these differ, else the first entry that has no match.
    """
    wanted = [part if isinstance(part, str) else part.get("step") for part in expected]
    got = [entry["step"] for entry in entered]
    if sorted(map(str, wanted)) != sorted(got) or (key == "executed" and wanted != got):
        return differs(key, wanted, got)
    pairs = (
        [part for part, entry in zip(expected, entered, strict=True) if not _fits(part, entry)]
        if key == "executed"
        else unmatched(expected, entered, _fits)
    )
    names = set(pairs[0]) if isinstance(pairs[0], dict) else {"step"}
    step = pairs[0]["step"] if isinstance(pairs[0], dict) else pairs[0]
    close = [
        {name: entry[name] for name in names if name in entry}
        for entry in entered
        if entry["step"] == step
    ]
    return differs(key, pairs[0], close)


def _executions(expected: Mapping[str, int], seen: Seen) -> Iterator[str]:
    all_entered = [entry["step"] for entry in (*seen.entered_before, *seen.entered)]
    for address, times in expected.items():
        if all_entered.count(address) != times:
            yield differs(f"executions[{address}]", times, all_entered.count(address))


def _new_run(expected: bool, seen: Seen) -> Iterator[str]:
    if (_run(seen).run_id not in seen.earlier_runs) is not expected:
        yield f"new_run: expected {show(expected)}, got {_run(seen).run_id}"


def _same_run(expected: str, seen: Seen) -> Iterator[str]:
    if _run(seen).run_id != expected:
        yield differs("same_run", expected, _run(seen).run_id)


def _unchanged(expected: Sequence[str], seen: Seen) -> Iterator[str]:
    for run_id in expected:
        if run_id in seen.changes:
            yield f"unchanged: {run_id} has changed: {seen.changes[run_id]}"


def _lineage(expected: Mapping[str, Any], seen: Seen) -> Iterator[str]:
    run = _run(seen)
    # A run that is no replay has no lineage: it is its own root.
    lineage = run.lineage if run.HasField("lineage") else run_pb2.Lineage(root_run_id=run.run_id)
    parts = {key: value for key, value in expected.items() if key != "replays"}
    yield from events.lineage(parts, lineage)
    if "replays" in expected and list(expected["replays"]) != list(seen.replays):
        yield differs("lineage.replays", expected["replays"], list(seen.replays))


def _definition_changed(expected: bool, seen: Seen) -> Iterator[str]:
    if _run(seen).definition_changed is not expected:
        yield differs("definition_changed", expected, _run(seen).definition_changed)


def _runs(expected: Sequence[str], seen: Seen) -> Iterator[str]:
    if list(expected) != list(seen.runs):
        yield differs("runs", list(expected), list(seen.runs))


def _succeed(expected: int, seen: Seen) -> Iterator[str]:
    refused = [str(refusal) for refusal in seen.inner if refusal is not None]
    if len(seen.inner) - len(refused) != expected:
        yield differs("succeed", expected, len(seen.inner) - len(refused)) + f" {show(refused)}"


def _fail_with(expected: Sequence[Mapping[str, str]], seen: Seen) -> Iterator[str]:
    allowed = {(error["code"], error["reason"]) for error in expected}
    for refusal in seen.inner:
        if refusal is not None and (refusal.code, refusal.reason) not in allowed:
            yield f"fail_with: {refusal} is none of {show(list(expected))}"


_CHECKS: Mapping[str, Callable[[Any, Seen], Iterator[str]]] = {
    "error": _error,
    "status": _status,
    "result": _result,
    "input": _payload("input"),
    "state": _payload("state"),
    "run_error": _run_error,
    "executed": _executed,
    "executed_any_order": _executed_any_order,
    "executions": _executions,
    "steps": _steps,
    "absent_steps": _absent_steps,
    "suspended": _suspended,
    "events": lambda expected, seen: events.in_order(expected, _log(seen)),
    "events_include": lambda expected, seen: events.included(expected, _log(seen)),
    "sequence_from": lambda expected, seen: events.dense_from(expected, _log(seen)),
    "new_run": _new_run,
    "same_run": _same_run,
    "unchanged": _unchanged,
    "lineage": _lineage,
    "definition_changed": _definition_changed,
    "runs": _runs,
    "succeed": _succeed,
    "fail_with": _fail_with,
}
