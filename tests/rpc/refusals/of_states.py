"""
Refusals because of where a run stands.
"""

from typing import Any

from tests.rpc.refusals.asking import given, text
from tests.rpc.refusals.case import Case
from tests.rpc.refusals.stage import ONE


def _alive(method: str, run_id: str, status: str) -> Case:
    return Case(method, {"run_id": run_id}, "RUN_ACTIVE", {"run_id": run_id, "status": status})


def _ended(method: str, run_id: str, status: str, **fields: Any) -> Case:
    facts = {"run_id": run_id, "status": status}
    return Case(method, {"run_id": run_id, **fields}, "RUN_FINISHED", facts)


def _active_source(run_id: str, step: str, status: str) -> Case:
    facts = {"run_id": run_id, "status": status}
    return Case("TimeTravel", {"run_id": run_id, "step": step}, "SOURCE_RUN_ACTIVE", facts)


ALIVE_OR_ENDED = [
    _alive("Restart", "running", "running"),
    _alive("Restart", "half", "running"),
    _alive("Restart", "waiting", "waiting"),
    _alive("Restart", "suspended", "suspended"),
    _alive("Restart", "paused", "paused"),
    _alive("DeleteRun", "running", "running"),
    _alive("DeleteRun", "half", "running"),
    _alive("DeleteRun", "waiting", "waiting"),
    _active_source("running", "gate", "running"),
    _active_source("half", "asks", "running"),
    _active_source("waiting", "echo", "waiting"),
    _ended("Resume", "finished", "success"),
    _ended("Resume", "finished", "success", step="add", resume_data=ONE),
    _ended("Resume", "failed", "failed", resume_data=ONE),
    _ended("Resume", "canceled", "canceled", step="ask", resume_data=ONE),
    _ended("Cancel", "finished", "success"),
    _ended("Cancel", "failed", "failed"),
    _ended("Pause", "finished", "success"),
    _ended("Pause", "failed", "failed"),
    _ended("Pause", "canceled", "canceled"),
    Case(
        "DeleteRun",
        {"run_id": "source"},
        "RUN_HAS_REPLAYS",
        {"run_id": "source", "replays": "replay"},
    ),
]


def _not_suspended(run_id: str, status: str, **fields: Any) -> Case:
    asked = {name: value for name, value in fields.items() if name in ("step", "label")}
    facts = {"run_id": run_id, "status": status, **asked}
    return Case("Resume", {"run_id": run_id, **fields}, "NOT_SUSPENDED", facts)


def _ambiguous(**fields: Any) -> Case:
    return Case(
        "Resume",
        {"run_id": "suspended-twice", **fields},
        "AMBIGUOUS_SUSPENSION",
        {"run_id": "suspended-twice", "steps": "left, right"},
    )


SUSPENSIONS = [
    _not_suspended("running", "running", resume_data=ONE),
    _not_suspended("running", "running"),
    _not_suspended("running", "running", step="gate", resume_data=ONE),
    _not_suspended("waiting", "waiting", resume_data=ONE),
    _not_suspended("waiting", "waiting", step="nap", resume_data=ONE),
    _not_suspended("half", "running", step="runs", resume_data=ONE),
    _not_suspended("paused", "paused", resume_data=ONE),
    _not_suspended("paused", "paused", step="double"),
    _not_suspended("paused", "paused", label="question"),
    _not_suspended("suspended", "suspended", step="after", resume_data=ONE),
    _not_suspended("suspended", "suspended", label="answer", resume_data=ONE),
    _not_suspended("suspended-inside", "suspended", step="inner", resume_data=ONE),
    _ambiguous(resume_data=ONE),
    _ambiguous(resume_data=ONE, label="question"),
    _ambiguous(),
]


def _nothing_to_resume(run_id: str, step: str, **fields: Any) -> Case:
    return Case(
        "TimeTravel",
        {"run_id": run_id, "step": step, "resume_data": ONE, **fields},
        "NOTHING_TO_RESUME",
        {"run_id": run_id, "step": step},
    )


def _not_reached(run_id: str, step: str, container: str, **fields: Any) -> Case:
    return Case(
        "TimeTravel",
        {"run_id": run_id, "step": step, **fields},
        "TARGET_NOT_REACHED",
        {"step": step, "container": container},
    )


TRAVELS = [
    _nothing_to_resume("finished", "add"),
    _nothing_to_resume("canceled", "ask"),
    _nothing_to_resume("suspended", "after", input_data=ONE),
    _nothing_to_resume("paused", "add"),
    Case(
        "TimeTravel",
        {"workflow_id": "asking", "step": "echo", "input_data": ONE, "resume_data": ONE},
        "NOTHING_TO_RESUME",
        {"step": "echo"},
    ),
    _not_reached("chosen", "echo", "echo"),
    _not_reached("chosen", "plus", "plus", input_data=text("-1")),
    _not_reached("chosen-inside", "arm.echo", "arm.echo"),
    _not_reached("minded", "minded.echo", "minded"),
]


def _missing(step: str, steps: str, **fields: Any) -> Case:
    return Case(
        "TimeTravel", {"step": step, **fields}, "MISSING_HISTORY", {"step": step, "steps": steps}
    )


HISTORY = [
    _missing("double", "add", workflow_id="math"),
    _missing("after", "fail", run_id="failed"),
    _missing("b", "fresh", run_id="grown"),
    _missing("one", "fresh", run_id="changed", allow_definition_change=True),
    _missing("turn[2]", "turn[1]", run_id="looped"),
    _missing("left", "echo", workflow_id="joining", input_data=ONE),
    _missing("echo", "echo", workflow_id="joining"),
    _missing("after", "ask", run_id="suspended"),
    _missing("after", "ask", workflow_id="asking", context=given(echo="1")),
    Case(
        "TimeTravel",
        {"run_id": "changed", "step": "one"},
        "DEFINITION_CHANGED",
        {"step": "one", "recorded": "a, b, one", "defined": "b, a, one"},
    ),
    Case(
        "TimeTravel",
        {"run_id": "changed", "step": "a", "input_data": ONE},
        "DEFINITION_CHANGED",
        {"step": "a", "recorded": "a, b", "defined": "b, a"},
    ),
]


def _corrupt(method: str, run_id: str, what: str, **fields: Any) -> Case:
    facts = {"run_id": run_id, "what": what}
    return Case(method, {"run_id": run_id, **fields}, "CORRUPT_HISTORY", facts)


DAMAGE = [
    *(
        _corrupt(method, run_id, "record 'add'")
        for run_id in ("bad-status", "bad-kind", "bad-detail", "bad-output")
        for method in ("GetRun", "WaitRun", "ListSteps")
    ),
    *(
        _corrupt("TimeTravel", run_id, "record 'add'", step="double")
        for run_id in ("bad-status", "bad-kind", "bad-detail")
    ),
    _corrupt("TimeTravel", "bad-output", "record 'double'", step="double"),  # it is its input
    _corrupt("ListEvents", "bad-event", "event 2"),
    _corrupt("WatchRun", "bad-event", "event 2"),
    _corrupt("ListEvents", "bad-output", "event 3"),
    _corrupt("WatchRun", "bad-output", "event 3"),
    _corrupt("ListEvents", "gap", "event 2"),
    _corrupt("WatchRun", "gap", "event 2"),
]


def _beyond(method: str, run_id: str, newest: int, after: int) -> Case:
    return Case(
        method,
        {"run_id": run_id, "after_sequence": after},
        "SEQUENCE_OUT_OF_RANGE",
        {"run_id": run_id, "after_sequence": str(after), "newest": str(newest)},
    )


CURSORS = [
    _beyond(method, run_id, newest, after)
    for method in ("WatchRun", "ListEvents")
    for run_id, newest in (("finished", 6), ("running", 2), ("paused", 4))
    for after in (newest + 1, 2**63 - 1)
]
