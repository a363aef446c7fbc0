"""
Compares what a call has shown with what its scenario expects, key by key.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dalsegno.v1 import event_pb2, run_pb2
from tests.conformance import events, runs
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
    Everything that is not as expected, and then what may explain it.
    """
    found = _differences(expect, seen)
    if found:
        refusals = (refusal for refusal in seen.inner if refusal is not None)
        found += [f"one was refused with {refusal}" for refusal in refusals]
    return found


def _differences(expect: Mapping[str, Any], seen: Seen) -> list[str]:
    if seen.refusal is not None and "error" not in expect:
        return [f"refused with {seen.refusal}"]
    found: list[str] = []
    for key, expected in expect.items():
        try:
            if key in runs.CHECKS:
                found += runs.CHECKS[key](expected, _run(seen))
            else:
                found += _CHECKS[key](expected, seen)
        except ValueError as error:
            found.append(f"{key}: {error}")
    return found


def _error(expected: Mapping[str, Any], seen: Seen) -> Iterator[str]:
    refusal = seen.refusal
    wanted = {key: value for key, value in expected.items() if key != "metadata"}
    if refusal is None:
        yield f"error: expected {show(wanted)}, but the call succeeded"
        return
    if any(value != getattr(refusal, key) for key, value in wanted.items()):
        yield f"error: expected {show(wanted)}, got {refusal}"
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
    if key == "executed":
        pairs = zip(expected, entered, strict=True)
        misfit = next(part for part, entry in pairs if not _fits(part, entry))
    else:
        misfit = unmatched(expected, entered, _fits)[0]
    parts = {"step": misfit} if isinstance(misfit, str) else misfit
    close = [
        {name: entry[name] for name in parts if name in entry}
        for entry in entered
        if entry["step"] == parts["step"]
    ]
    return differs(key, misfit, close)


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
    "executed": _executed,
    "executed_any_order": _executed_any_order,
    "executions": _executions,
    "events": lambda expected, seen: events.in_order(expected, _log(seen)),
    "events_include": lambda expected, seen: events.included(expected, _log(seen)),
    "sequence_from": lambda expected, seen: events.dense_from(expected, _log(seen)),
    "new_run": _new_run,
    "same_run": _same_run,
    "unchanged": _unchanged,
    "lineage": _lineage,
    "runs": _runs,
    "succeed": _succeed,
    "fail_with": _fail_with,
}
