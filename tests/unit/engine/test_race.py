"""
Races: the first arm to succeed decides.
"""

import asyncio
from typing import Any

from dalsegno.workflow import Workflow
from tests.unit.engine.bodies import Bodies, asks_and_adds, fails
from tests.unit.engine.stage import Stages


async def waits_for_ever(*_: Any) -> None:
    await asyncio.Event().wait()


async def test_the_first_success_decides_and_the_others_are_canceled(
    stages: Stages, bodies: Bodies
) -> None:
    cleaned_up = []

    async def cleans_up(*_: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned_up.append(True)

    inner = Workflow("inner").then(bodies.step("x", cleans_up))
    workflow = Workflow("w").race(bodies.step("p", cleans_up), bodies.step("q"), inner)
    stage = await stages.open(workflow.then(bodies.step("j")))

    run = await stage.run("w", "")

    assert run.result == "qj"
    assert run.statuses == {
        "p": "canceled",
        "q": "success",
        "inner": "canceled",
        "inner.x": "canceled",
        "j": "success",
    }
    assert cleaned_up == [True, True]
    canceled = run.story.index("step_canceled inner.x")
    assert canceled < run.story.index("step_canceled inner") < run.story.index("step_started j")


async def test_a_failed_arm_does_not_decide(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").race(bodies.step("p", fails), bodies.step("q")))

    run = await stage.run("w", "")

    assert run.result == "q"
    assert run.statuses == {"p": "failed", "q": "success"}


async def test_a_race_fails_only_if_every_arm_fails(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").race(bodies.step("p", fails), bodies.step("q", fails)))

    run = await stage.run("w", "")

    assert run.status == "failed"
    assert run.error.message == "p failed", "of several errors the first in graph order"
    assert run.statuses == {"p": "failed", "q": "failed"}


async def test_a_success_cancels_arms_that_ask(stages: Stages, bodies: Bodies) -> None:
    release = asyncio.Event()

    async def succeeds_later(*_: Any) -> str:
        await release.wait()
        return "q"

    stage = await stages.open(
        Workflow("w").race(bodies.step("p", asks_and_adds), bodies.step("q", succeeds_later))
    )
    run_id = await stage.start("w", "")
    await stage.until_told(run_id, "step_suspended p")
    release.set()

    run = await stage.at_rest(run_id)

    assert run.result == "q"
    assert run.statuses == {"p": "canceled", "q": "success"}
    assert run.suspended_at == []


async def test_a_race_in_which_nobody_has_succeeded_yet_asks(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(
        Workflow("w").race(
            bodies.step("p", fails),
            bodies.step("q", asks_and_adds),
            bodies.step("r", asks_and_adds),
        )
    )
    run = await stage.run("w", "")
    assert (run.status, run.suspended_at) == ("suspended", ["q", "r"])

    run = await stage.resume(run, "ok", step="r")

    assert run.result == "<ok>"
    assert run.statuses == {"p": "failed", "q": "canceled", "r": "success"}


async def test_an_arm_that_asks_is_answered_while_another_runs(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(
        Workflow("w").race(bodies.step("p", asks_and_adds), bodies.step("q", waits_for_ever))
    )
    run_id = await stage.start("w", "")
    await stage.until_told(run_id, "step_suspended p")

    await stage.answer(run_id, "ok")
    run = await stage.at_rest(run_id)

    assert run.result == "<ok>"
    assert run.statuses == {"p": "success", "q": "canceled"}
