"""
Bail ends the workflow around a step, with success.
"""

import asyncio
from typing import Any

from dalsegno.workflow import Context, Workflow, step
from tests.unit.engine.bodies import Bodies, asks_and_adds, fails
from tests.unit.engine.stage import Stages, until


def bails(value: Any, ctx: Context) -> Any:
    ctx.bail(f"{value}!")


async def test_a_bail_ends_the_run_with_success(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a", bails), bodies.step("b")))

    run = await stage.run("w", "in")

    assert (run.status, run.result) == ("success", "in!")
    assert run.statuses == {"a": "success"}
    assert run.output("a") == "in!"
    assert run.records["a"].is_bailed
    assert run.story[-2:] == ["step_completed a", "run_completed"]


async def test_a_bail_without_a_result_is_null(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a", lambda _, ctx: ctx.bail())))

    run = await stage.run("w")

    assert (run.status, run.result) == ("success", None)


async def test_a_bail_in_a_nested_workflow_ends_that_alone(stages: Stages, bodies: Bodies) -> None:
    inner = Workflow("inner").then(bodies.step("x", bails), bodies.step("y"))
    stage = await stages.open(Workflow("w").then(inner, bodies.step("b")))

    run = await stage.run("w", "in")

    assert run.result == "in!b"
    assert run.statuses == {"inner": "success", "inner.x": "success", "b": "success"}
    assert not run.records["inner"].is_bailed


async def test_arms_beside_a_bail_settle_first(stages: Stages, bodies: Bodies) -> None:
    release = asyncio.Event()

    async def waits(value: Any, _: Context) -> Any:
        await release.wait()
        return value

    workflow = Workflow("w").parallel(bodies.step("p", bails), bodies.step("q", waits))
    stage = await stages.open(workflow.then(bodies.step("j")))
    run_id = await stage.start("w", "in")
    await stage.until_told(run_id, "step_completed p")
    assert (await stage.seen(run_id)).status == "running"
    release.set()

    run = await stage.at_rest(run_id)

    assert run.result == "in!"
    assert run.statuses == {"p": "success", "q": "success"}


async def test_a_failed_arm_beats_a_bail(stages: Stages, bodies: Bodies) -> None:
    workflow = Workflow("w").parallel(bodies.step("p", bails), bodies.step("q", fails))
    stage = await stages.open(workflow)

    run = await stage.run("w", "in")

    assert (run.status, run.error.message) == ("failed", "q failed")
    assert run.statuses == {"p": "success", "q": "failed"}


async def test_a_suspended_arm_beats_a_bail_until_it_is_answered(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w").parallel(bodies.step("p", bails), bodies.step("q", asks_and_adds))
    stage = await stages.open(workflow.then(bodies.step("j")))
    run = await stage.run("w", "in")
    assert (run.status, run.suspended_at) == ("suspended", ["q"])

    run = await stage.resume(run, "ok")

    assert run.result == "in!"
    assert run.output("q") == "in<ok>"


async def test_a_bail_of_an_arm_inside_a_nested_workflow_ends_that(
    stages: Stages, bodies: Bodies
) -> None:
    inner = Workflow("inner").parallel(bodies.step("x", bails), bodies.step("y"))
    stage = await stages.open(Workflow("w").then(inner.then(bodies.step("z")), bodies.step("b")))

    run = await stage.run("w", "in")

    assert run.result == "in!b"
    assert "inner.z" not in run.statuses


async def test_an_item_that_bails_ends_the_workflow_and_no_other_begins(
    stages: Stages, bodies: Bodies
) -> None:
    def bails_at_two(value: Any, ctx: Context) -> Any:
        return ctx.bail("two") if value == 2 else value

    workflow = Workflow("w").foreach(bodies.step("f", bails_at_two)).then(bodies.step("b"))
    stage = await stages.open(workflow)

    run = await stage.run("w", [1, 2, 3])

    assert run.result == "two"
    assert run.statuses == {"f": "success", "f[0]": "success", "f[1]": "success"}
    assert run.output("f") == "two"


async def test_an_iteration_that_bails_ends_the_workflow(stages: Stages, bodies: Bodies) -> None:
    def bails_second(value: Any, ctx: Context) -> Any:
        return ctx.bail("second") if ctx.address == "l[1]" else value

    workflow = Workflow("w").do_while(bodies.step("l", bails_second), lambda _: True)
    stage = await stages.open(workflow.then(bodies.step("b")))

    run = await stage.run("w")

    assert run.result == "second"
    assert run.statuses == {"l": "success", "l[0]": "success", "l[1]": "success"}


async def test_a_tap_that_bails_ends_the_workflow(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").tap(bodies.step("t", bails)).then(bodies.step("b")))

    run = await stage.run("w", "in")

    assert run.result == "in!"
    assert bodies.calls == ["t"]


async def test_a_bailed_value_must_be_what_the_workflow_gives(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w", output=int).then(bodies.step("a", bails)))

    run = await stage.run("w", "in")

    assert (run.status, run.error.type) == ("failed", "TypeMismatch")


async def test_a_bailed_value_need_not_be_what_its_step_gives(stages: Stages) -> None:
    @step
    async def typed(_: Any, ctx: Context) -> int:
        ctx.bail("no number")

    stage = await stages.open(Workflow("w").then(typed))

    assert (await stage.run("w")).result == "no number"


async def test_a_travel_past_a_bailed_step_takes_its_value(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a", bails), bodies.step("b")))
    source = await stage.run("w", "in")

    replay = await stage.travel("b", source)

    assert replay.result == "in!b"
    assert replay.reused == ["a"]


async def test_a_bail_survives_its_siblings_resumption_elsewhere(
    stages: Stages, bodies: Bodies
) -> None:
    """
    That an arm has bailed is in its record: a server that did not see it knows it.
    """
    workflow = Workflow("w").parallel(bodies.step("p", bails), bodies.step("q", asks_and_adds))
    workflow.then(bodies.step("j"))
    stage = await stages.open(workflow)
    run = await stage.run("w", "in")

    stage = await stages.open(workflow)
    run = await stage.resume(run, "ok")

    assert run.result == "in!"
    assert bodies.calls == ["p", "q", "q"]
    await until(lambda: not stage.is_live(run.run_id))
