"""
The state of a run: who sees it, and what becomes of it when a step does not succeed.
"""

from dataclasses import dataclass
from typing import Any

import pytest

from dalsegno.engine.commands import StartRun
from dalsegno.model.errors import InvalidState
from dalsegno.model.event import EventType
from dalsegno.workflow import Context, Retry, Workflow
from tests.unit.engine.bodies import Bodies
from tests.unit.engine.seen import decoded
from tests.unit.engine.stage import Stages


def counts(_: Any, ctx: Context) -> int:
    """
    Adds one to the state, and returns what it saw.
    """
    seen: int = ctx.state.get("n", 0)
    ctx.set_state({"n": seen + 1})
    return seen


def looks(_: Any, ctx: Context) -> Any:
    return ctx.state


async def test_a_state_is_seen_by_later_steps_and_kept(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(
        Workflow("w").then(bodies.step("a", counts), bodies.step("b", counts))
    )

    run = await stage.run("w")

    assert [run.output("a"), run.output("b")] == [0, 1]
    assert run.state == {"n": 2}
    told = [event.state for event in run.events if event.type is EventType.STEP_COMPLETED]
    assert [decoded(state) for state in told] == [{"n": 1}, {"n": 2}]


async def test_a_run_begins_with_the_state_it_is_given(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a", looks)))

    assert (await stage.run("w")).result == {}
    run = await stage.run("w", state={"b": 1, "a": None})
    assert run.result == run.state == {"b": 1, "a": None}


async def test_a_body_sees_what_it_has_set_itself(stages: Stages, bodies: Bodies) -> None:
    def sets(_: Any, ctx: Context) -> Any:
        ctx.set_state({"mine": 1})
        return ctx.state

    stage = await stages.open(Workflow("w").then(bodies.step("a", sets)))

    assert (await stage.run("w")).result == {"mine": 1}


async def test_a_state_changed_in_place_is_not_set(stages: Stages, bodies: Bodies) -> None:
    def spoils(_: Any, ctx: Context) -> None:
        ctx.state["spoilt"] = True

    stage = await stages.open(Workflow("w").then(bodies.step("a", spoils), bodies.step("b", looks)))

    assert (await stage.run("w")).result == {}


async def test_a_state_set_and_changed_later_is_what_it_was_at_the_end(
    stages: Stages, bodies: Bodies
) -> None:
    held: dict[str, Any] = {}

    def sets(_: Any, ctx: Context) -> None:
        ctx.set_state(held)
        held["late"] = 1

    def spoils(_: Any, ctx: Context) -> Any:
        held["too late"] = 1
        return ctx.state

    stage = await stages.open(Workflow("w").then(bodies.step("a", sets), bodies.step("b", spoils)))

    assert (await stage.run("w")).result == {"late": 1}


@pytest.mark.parametrize("status", ["failed", "suspended", "canceled"])
async def test_a_state_set_by_a_step_that_does_not_succeed_is_dropped(
    status: str, stages: Stages, bodies: Bodies
) -> None:
    def sets(_: Any, ctx: Context) -> None:
        ctx.set_state({"dropped": True})
        if status == "suspended":
            ctx.suspend()
        if status == "canceled":
            ctx.cancel()
        raise ValueError

    stage = await stages.open(Workflow("w").then(bodies.step("a", sets)))

    run = await stage.run("w")

    assert run.status == status
    assert run.state == {}


async def test_a_state_set_by_an_attempt_that_failed_is_not_seen_by_the_next(
    stages: Stages, bodies: Bodies
) -> None:
    def sets(_: Any, ctx: Context) -> Any:
        seen = ctx.state
        ctx.set_state({"by": ctx.attempt})
        if ctx.attempt == 1:
            raise ConnectionError
        return seen

    stage = await stages.open(
        Workflow("w").then(bodies.step("a", sets, retry=Retry(max_attempts=2)))
    )

    run = await stage.run("w")

    assert (run.result, run.state) == ({}, {"by": 2})


async def test_a_state_set_before_a_question_is_not_seen_after_it(
    stages: Stages, bodies: Bodies
) -> None:
    def sets(_: Any, ctx: Context) -> Any:
        seen = ctx.state
        if not ctx.is_resumed:
            ctx.set_state({"before": True})
        ctx.suspend()
        return seen

    stage = await stages.open(Workflow("w").then(bodies.step("a", sets)))

    run = await stage.resume(await stage.run("w"), None)

    assert run.result == run.state == {}


async def test_a_state_set_by_a_step_that_bails_is_kept(stages: Stages, bodies: Bodies) -> None:
    def sets(_: Any, ctx: Context) -> None:
        ctx.set_state({"kept": True})
        ctx.bail()

    stage = await stages.open(Workflow("w").then(bodies.step("a", sets)))

    assert (await stage.run("w")).state == {"kept": True}


@pytest.mark.parametrize("state", [1, None, [], "text", {"a": {1}}], ids=repr)
async def test_a_state_that_is_no_json_object_fails_its_step(
    state: Any, stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(
        Workflow("w").then(bodies.step("a", lambda _, ctx: ctx.set_state(state)))
    )

    run = await stage.run("w", state={"old": 1})

    assert run.status == "failed"
    assert run.statuses == {"a": "failed"}
    assert run.state == {"old": 1}


@dataclass
class Counted:
    n: int


async def test_a_state_of_the_wrong_type_fails_the_step_that_set_it(
    stages: Stages, bodies: Bodies
) -> None:
    wrong = bodies.step("b", lambda _, ctx: ctx.set_state({"n": "many"}))
    workflow = Workflow("w", state=Counted)
    workflow.then(bodies.step("a", lambda _, ctx: ctx.set_state(Counted(ctx.state.n + 1))), wrong)
    stage = await stages.open(workflow)

    run = await stage.run("w", state={"n": 1})

    assert (run.status, run.error.type) == ("failed", "TypeMismatch")
    assert run.statuses == {"a": "success", "b": "failed"}
    assert run.state == {"n": 2}


@pytest.mark.parametrize("state", [b"1", b"[]", b"null", b"{", b'{"n":"many"}', b"{}"])
async def test_a_state_given_to_a_run_is_checked_before_it_begins(
    state: bytes, stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w", state=Counted).then(bodies.step("a")))

    with pytest.raises(InvalidState):
        await stage.engine.run(StartRun("w", initial_state=state))

    assert await stage.runs() == []


async def test_nested_workflows_and_arms_share_the_state_of_the_run(
    stages: Stages, bodies: Bodies
) -> None:
    inner = Workflow("inner").then(bodies.step("x", counts))
    workflow = Workflow("w").then(inner).parallel(bodies.step("p", counts)).map("m", looks)
    stage = await stages.open(workflow)

    run = await stage.run("w")

    assert run.state == {"n": 2}
    assert run.result == {"n": 2}
