"""
Comparison of a run with what a scenario expects of it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from dalsegno.v1 import run_pb2
from tests.conformance import events
from tests.conformance.compare import NOTHING, differs, same, show

Check = Callable[[Any, run_pb2.Run], Iterator[str]]


def _status(expected: str, run: run_pb2.Run) -> Iterator[str]:
    status = run_pb2.RunStatus.Name(run.status).removeprefix("RUN_STATUS_").lower()
    if status != expected:
        yield differs("status", expected, status) + _why(run)


def _result(expected: Any, run: run_pb2.Run) -> Iterator[str]:
    actual = events.data(run, "result")
    if expected is None and actual is NOTHING and run.status != run_pb2.RUN_STATUS_SUCCESS:
        return
    if not same(expected, actual):
        yield differs("result", expected, actual) + _why(run)


def _payload(name: str) -> Check:
    def check(expected: Any, run: run_pb2.Run) -> Iterator[str]:
        actual = events.data(run, name)
        if not same(expected, actual):
            yield differs(name, expected, actual)

    return check


def _run_error(expected: str | None, run: run_pb2.Run) -> Iterator[str]:
    yield from _error_part("run_error", expected, run)


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


def _steps(expected: Mapping[str, Any], run: run_pb2.Run) -> Iterator[str]:
    records = run.steps
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
        yield differs(key, expected, actual) + _why(record)


def _absent_steps(expected: Sequence[str], run: run_pb2.Run) -> Iterator[str]:
    present = [address for address in expected if address in run.steps]
    if present:
        yield f"absent_steps: there are records of {show(present)}"


def _suspended(expected: Sequence[str], run: run_pb2.Run) -> Iterator[str]:
    waiting = sorted(suspension.address for suspension in run.suspensions)
    if sorted(expected) != waiting:
        yield differs("suspended", sorted(expected), waiting)


def _definition_changed(expected: bool, run: run_pb2.Run) -> Iterator[str]:
    if run.definition_changed is not expected:
        yield differs("definition_changed", expected, run.definition_changed)


def _why(holder: run_pb2.Run | run_pb2.StepRecord) -> str:
    return f" ({holder.error.message})" if holder.HasField("error") else ""


CHECKS: Mapping[str, Check] = {
    "status": _status,
    "result": _result,
    "input": _payload("input"),
    "state": _payload("state"),
    "run_error": _run_error,
    "steps": _steps,
    "absent_steps": _absent_steps,
    "suspended": _suspended,
    "definition_changed": _definition_changed,
}
