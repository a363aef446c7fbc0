"""
Refusals of names: of workflows, runs, steps and requests.
"""

from itertools import product
from typing import Any

from tests.rpc.refusals.asking import Fields, text
from tests.rpc.refusals.case import Case
from tests.rpc.refusals.stage import ANSWERED, ONE
from tests.rpc.refusals.workflows import NOW

_REGISTERED = ", ".join(sorted(workflow.id for workflow in NOW))


def _no_workflow(method: str, wanted: str, **fields: Any) -> Case:
    facts = {"workflow_id": wanted, "workflows": _REGISTERED}
    return Case(method, fields, "WORKFLOW_NOT_FOUND", facts)


WORKFLOWS = [
    _no_workflow("Run", "nope", workflow_id="nope"),
    _no_workflow("TimeTravel", "nope", workflow_id="nope", step="add"),
    _no_workflow("TimeTravel", "nope", run_id="finished", workflow_id="nope", step="add"),
    _no_workflow("TimeTravel", "orphan", run_id="orphan", step="ask"),
    _no_workflow("Resume", "orphan", run_id="orphan", resume_data=ONE),
    _no_workflow("RestartActive", "nope", workflow_id="nope"),
    _no_workflow("GetWorkflow", "nope", workflow_id="nope"),
    Case(
        "TimeTravel",
        {"run_id": "finished", "workflow_id": "failing", "step": "add"},
        "WORKFLOW_MISMATCH",
        {"run_id": "finished", "expected": "failing", "actual": "math"},
    ),
]

_ABOUT_A_RUN: tuple[tuple[str, Fields], ...] = (
    ("GetRun", {}),
    ("WaitRun", {}),
    ("WatchRun", {}),
    ("Resume", {}),
    ("TimeTravel", {"step": "add"}),
    ("Cancel", {}),
    ("Pause", {}),
    ("Restart", {}),
    ("DeleteRun", {}),
    ("ListSteps", {}),
    ("ListEvents", {}),
    ("GetLineage", {}),
)

RUNS = [
    *(
        Case(method, {"run_id": run_id, **more}, "RUN_NOT_FOUND", {"run_id": run_id})
        for run_id, (method, more) in product(("nope", "deleted"), _ABOUT_A_RUN)
    ),
    *(
        Case(
            "Run",
            {"workflow_id": "math", "input_data": ONE, "run_id": run_id},
            "RUN_EXISTS",
            {"run_id": run_id},
        )
        for run_id in ("finished", "suspended", "waiting", "running", "bad-status")
    ),
    *(
        Case(
            "TimeTravel",
            {"run_id": "finished", "step": "add", "new_run_id": run_id},
            "RUN_EXISTS",
            {"run_id": run_id},
        )
        for run_id in ("finished", "suspended", "waiting", "running", "bad-status")
    ),
]


def _no_step(run_id: str, workflow_id: str, step: str, there: str, **fields: Any) -> Case:
    return Case(
        "TimeTravel",
        {"run_id": run_id, "step": step, **fields},
        "STEP_NOT_FOUND",
        {"step": step, "workflow_id": workflow_id, "addresses": there},
    )


_IN_EACH = "item, item[i], item[i].add, item[i].double"

STEPS = [
    _no_step("finished", "math", "duoble", "add, double"),
    _no_step("finished", "math", "add.add", "add, double"),
    _no_step("finished", "math", "add[0]", "add, double"),
    _no_step("each", "each", "item.add", _IN_EACH),
    _no_step("each", "each", "item[0].nope", _IN_EACH),
    _no_step("each", "each", "item[2]", _IN_EACH),
    _no_step("each", "each", "item[2].add", _IN_EACH),
    _no_step("each", "each", "item[2]", _IN_EACH, input_data=ONE),
    Case(
        "Resume",
        {"run_id": "suspended", "step": "aks", "resume_data": ONE},
        "STEP_NOT_FOUND",
        {"step": "aks", "workflow_id": "asking", "addresses": "echo, ask, after"},
    ),
]


def _no_address(method: str, run_id: str, address: str) -> Case:
    return Case(
        method,
        {"run_id": run_id, "step": address, "resume_data": ONE},
        "INVALID_ADDRESS",
        {"address": address},
        {"step": repr(address)},
    )


_MALFORMED = ("a[x]", "a[", "a[-1]", "[0]", "a.", ".a", "a b", "9", "é")

ADDRESSES = [
    *(_no_address("TimeTravel", "suspended", address) for address in ("", *_MALFORMED)),
    *(_no_address("Resume", "suspended", address) for address in _MALFORMED),
]


def _reused(request_id: str, method: str, **fields: Any) -> Case:
    """
    A request under an id that another one has, which was about the run that is named there.
    """
    first = ANSWERED[request_id][1]
    return Case(
        method,
        {**fields, "request_id": request_id},
        "REQUEST_ID_REUSED",
        {"request_id": request_id, "run_id": first.get("new_run_id", first["run_id"])},
    )


REQUESTS = [
    _reused("q-run", "Run", run_id="finished", workflow_id="math", input_data=text('{"v": 2}')),
    _reused("q-run", "Run", run_id="another", workflow_id="math", input_data=ONE),
    _reused("q-run", "Run", run_id="finished", workflow_id="math", input_data=ONE, per_step=True),
    _reused("q-resume", "Resume", run_id="answered", resume_data=text('{"v": 2}')),
    _reused("q-resume", "Resume", run_id="answered", step="ask", resume_data=ONE),
    _reused("q-resume", "Resume", run_id="suspended", resume_data=ONE),
    _reused("q-go-on", "Resume", run_id="gone-on", per_step=True),
    _reused("q-travel", "TimeTravel", run_id="source", step="add", new_run_id="replay"),
    _reused("q-travel", "TimeTravel", run_id="source", step="double", new_run_id="another"),
    _reused("q-cancel", "Cancel", run_id="canceled", reason="changed my mind"),
    _reused("q-cancel-live", "Cancel", run_id="running"),
    _reused("q-pause", "Pause", run_id="halted", reason="lunch"),
    _reused("q-pause", "Pause", run_id="running"),
    _reused("q-pause-paused", "Pause", run_id="paused", reason="lunch"),
    # Of another kind, and each of a request that would be refused for itself as well.
    _reused("q-run", "Resume", run_id="nope"),
    _reused("q-run", "Cancel", run_id="finished"),
    _reused("q-cancel", "Pause", run_id="canceled", reason="enough"),
    _reused("q-pause", "Cancel", run_id="halted"),
    _reused("q-resume", "TimeTravel", run_id="nope", step=""),
    _reused("q-travel", "Run", workflow_id="nope"),
]
