"""
Each refusal of a travel: its reason, and that it leaves nothing behind (semantics.md §7).
"""

import asyncio
import contextlib
import re
import sqlite3
from dataclasses import dataclass, field
from typing import Any

import pytest

from dalsegno.engine.commands import StepResult
from dalsegno.model import errors
from dalsegno.model.errors import DalsegnoError
from dalsegno.workflow import Context, Workflow, step
from tests.unit.engine.bodies import Bodies, asks, fails
from tests.unit.engine.stage import Stages, output, payload, until


@dataclass
class Counted:
    n: int = 0


@step(resume=int)
async def number(_: int, ctx: Context) -> int:
    answer: int = ctx.suspend()
    return answer


def workflows(bodies: Bodies) -> list[Workflow]:
    inner = Workflow("inner").then(*bodies.steps("xy"))
    items = Workflow("items").foreach(inner)
    return [
        Workflow("plain", input=str, state=Counted).then(*bodies.steps("abc")),
        Workflow("fails").then(bodies.step("a"), bodies.step("no", fails), bodies.step("z")),
        Workflow("asks").then(bodies.step("before"), number, bodies.step("after")),
        Workflow("nests").then(bodies.step("a"), inner).parallel(*bodies.steps("pq"), id="both"),
        Workflow("chooses").branch((lambda _: False, bodies.step("p")), id="chosen"),
        Workflow("counts").do_until(bodies.step("l"), lambda text: len(text) > 2),
        items,
    ]


@dataclass(frozen=True)
class Case:
    """
    A travel that is refused.

    Attributes:
        source: Workflow whose run is the source; None for a travel without one.
    """

    reason: str
    source: str | None
    step: str
    input: Any = None
    fields: dict[str, Any] = field(default_factory=dict)


CASES = [
    Case("WORKFLOW_NOT_FOUND", None, "a", fields={"workflow_id": "nowhere"}),
    Case("WORKFLOW_NOT_FOUND", "plain", "a", "", {"workflow_id": "nowhere"}),
    Case("WORKFLOW_MISMATCH", "plain", "a", "", {"workflow_id": "fails"}),
    Case("RUN_NOT_FOUND", None, "a", fields={"source": "nowhere"}),
    Case("INVALID_REQUEST", None, "a"),
    Case("INVALID_ADDRESS", "plain", "", ""),
    Case("INVALID_ADDRESS", "plain", "a[", ""),
    Case("STEP_NOT_FOUND", "plain", "z", ""),
    Case("STEP_NOT_FOUND", "plain", "a[0]", ""),
    Case("STEP_NOT_FOUND", "plain", "a.b", ""),
    Case("STEP_NOT_FOUND", "counts", "l.x", ""),
    Case("STEP_NOT_FOUND", "items", "inner.x", ["1"]),
    Case("STEP_NOT_FOUND", "items", "inner[1]", ["1"]),
    Case("INVALID_CONTEXT", "plain", "c", "", {"context": {"z": output(1)}}),
    Case("INVALID_CONTEXT", "plain", "c", "", {"context": {"a[": output(1)}}),
    Case("INVALID_CONTEXT", "plain", "c", "", {"context": {"b": StepResult()}}),
    Case("INVALID_CONTEXT", "plain", "c", "", {"context": {"b": StepResult(output=b"{")}}),
    Case("INVALID_CONTEXT", "plain", "c", "", {"context": {"b": StepResult("failed", b"1")}}),
    Case("INVALID_CONTEXT", "plain", "c", "", {"context": {"b": StepResult("", b"1")}}),
    Case("INVALID_CONTEXT", "nests", "p", "", {"context": {"inner.x": output(1)}}),
    Case("INVALID_CONTEXT", "nests", "p", "", {"context": {"both": output(1)}}),
    Case("INVALID_CONTEXT", "items", "inner[0]", ["1"], {"context": {"inner[1]": output(1)}}),
    Case("INVALID_CONTEXT", "plain", "c", "", {"request_context": []}),
    Case("PAYLOAD_TOO_LARGE", "plain", "c", "", {"context": {"b": output("x" * 2**21)}}),
    Case("PAYLOAD_TOO_LARGE", "plain", "c", "", {"input": "x" * 2**21}),
    Case("MISSING_HISTORY", "fails", "z", ""),
    Case("MISSING_HISTORY", None, "b", fields={"workflow_id": "plain"}),
    Case("MISSING_HISTORY", None, "a", fields={"workflow_id": "plain"}),
    Case("MISSING_HISTORY", "counts", "l[4]", ""),
    Case("INVALID_INPUT", "plain", "a", "", {"input": 1}),
    Case("INVALID_INPUT", "plain", "a", "", {"context": {"a": payload(1)}}),
    Case("INVALID_INPUT", "asks", "number", "", {"input": "text"}),
    Case("INVALID_INPUT", "items", "inner", ["1"], {"input": "text"}),
    Case("INVALID_STATE", "plain", "c", "", {"state": {"n": "many"}}),
    Case("INVALID_STATE", "plain", "c", "", {"state": None}),
    Case("TARGET_NOT_REACHED", "chooses", "p", ""),
    Case("NOTHING_TO_RESUME", "plain", "a", "", {"resume_data": None}),
    Case("NOTHING_TO_RESUME", "asks", "after", 1, {"resume_data": 1, "input": 1}),
    Case(
        "NOTHING_TO_RESUME",
        None,
        "a",
        fields={"workflow_id": "plain", "resume_data": 1, "input": ""},
    ),
    Case("INVALID_RESUME_DATA", "asks", "number", 1, {"resume_data": "text"}),
    Case("RUN_EXISTS", "plain", "a", "", {"new_run_id": "source"}),
]


def named(case: Case) -> str:
    shown = re.sub(r"x{9,}", "xx", " ".join(f"{key}={value}" for key, value in case.fields.items()))
    return f"{case.reason}-{case.source}-{case.step}-{shown}"[:80]


@pytest.mark.parametrize("case", CASES, ids=named)
async def test_a_travel_is_refused_and_leaves_nothing_behind(
    case: Case, stages: Stages, bodies: Bodies
) -> None:
    bodies.step("before", lambda *_: 1)
    stage = await stages.open(*workflows(bodies))
    source = await stage.run(case.source, case.input, run_id="source") if case.source else None
    written = len(stage.store.appends)
    bodies.calls.clear()

    with pytest.raises(DalsegnoError) as refusal:
        await stage.begin_travel(case.step, **{"source": source, **case.fields})

    assert refusal.value.reason == case.reason
    assert len(stage.store.appends) == written
    assert bodies.calls == []
    assert [run.run_id for run in await stage.runs()] == ([source.run_id] if source else [])
    if source is not None:
        assert await stage.seen(source) == source


@pytest.mark.parametrize("status", ["running", "waiting"])
async def test_a_source_that_is_alive_is_refused(
    status: str, stages: Stages, bodies: Bodies
) -> None:
    async def waits(*_: Any) -> None:
        await asyncio.Event().wait()

    stage = await stages.open(
        Workflow("running").then(bodies.step("a", waits)), Workflow("waiting").sleep("a", 60)
    )
    with stage.clock.still():
        run_id = await stage.start(status)
        if status == "waiting":
            await stage.until_told(run_id, "run_waiting")
        await until(lambda: bool(bodies.calls) or status == "waiting")

        with pytest.raises(errors.SourceRunActive) as refusal:
            await stage.begin_travel("a", run_id)

        assert refusal.value.facts == {"run_id": run_id, "status": status}
        await stage.cancel(run_id)
    assert len(await stage.runs()) == 1


async def test_finished_suspended_and_paused_runs_are_sources(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(
        Workflow("w").then(bodies.step("a"), bodies.step("b", asks), bodies.step("c"))
    )
    suspended = await stage.run("w", "")
    paused = await stage.run("w", "", per_step=True)
    canceled = await stage.cancel((await stage.run("w", "")).run_id)
    bodies.will("b", fails)
    failed = await stage.run("w", "")
    bodies.will_add("b")
    success = await stage.run("w", "")

    for source in (suspended, paused, canceled, failed, success):
        assert (await stage.travel("a", source)).result == "abc", source.status


async def test_of_several_reasons_the_first_in_order_is_given(
    stages: Stages, bodies: Bodies
) -> None:
    """
    The method: a command wrong in all ways, put right one by one, in the order of readings.md 9.
    """
    stage = await stages.open(*workflows(bodies))
    source = await stage.run("nests", "")
    command: dict[str, Any] = {
        "source": "nowhere",
        "step": "a[",
        "workflow_id": "unknown",
        "context": {"nowhere": output(1)},
        "input": "x",
        "state": 1,
        "resume_data": 1,
    }
    repairs: list[tuple[str, dict[str, Any]]] = [
        ("RUN_NOT_FOUND", {"source": source.run_id}),
        ("WORKFLOW_NOT_FOUND", {"workflow_id": "plain"}),
        ("WORKFLOW_MISMATCH", {"workflow_id": "nests"}),
        ("INVALID_ADDRESS", {"step": "nowhere"}),
        ("STEP_NOT_FOUND", {"step": "inner.y"}),
        ("INVALID_CONTEXT", {"context": {}}),
        ("INVALID_STATE", {"state": {}}),
        ("NOTHING_TO_RESUME", {}),
    ]

    for reason, repair in repairs:
        with pytest.raises(DalsegnoError) as refusal:
            await stage.begin_travel(**command)
        assert refusal.value.reason == reason
        command |= repair
    del command["resume_data"]

    assert (await stage.travel(**command)).status == "success"


@pytest.mark.parametrize("corrupt", ["b", "c"])
@pytest.mark.parametrize(
    "change", ["status = 'succeeded'", "kind = 'stepp'", "output = x'7b', output_at = NULL"]
)
async def test_a_record_that_cannot_be_read_is_never_taken_for_a_success(
    change: str, corrupt: str, stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(*workflows(bodies))
    source = await stage.run("plain", "")
    await stages.close()
    with contextlib.closing(sqlite3.connect(stages.path)) as connection:
        connection.execute(f"UPDATE records SET {change} WHERE address = '{corrupt}'")
        connection.commit()
    stage = await stages.open(*workflows(bodies), is_audited=False)

    with pytest.raises(errors.CorruptHistory) as refusal:
        await stage.begin_travel("c", source)

    assert refusal.value.facts["run_id"] == source.run_id
    assert len(await stage.runs()) == 1
