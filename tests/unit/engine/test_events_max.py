"""
A run has so many events and no more: it ends, whatever it is doing.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from dalsegno.engine import EngineSettings
from dalsegno.model.errors import TooManyEvents
from dalsegno.workflow import Context, Retry, Workflow
from tests.unit.engine.bodies import Bodies, asks, fails
from tests.unit.engine.stage import Stages

LIMIT = 50
FEW = EngineSettings(events_max=LIMIT)


async def emits_patiently(_: Any, ctx: Context) -> None:
    while True:
        ctx.emit("more")
        await asyncio.sleep(0)


def emits_at_once(_: Any, ctx: Context) -> str:
    for _ in range(10 * LIMIT):
        ctx.emit("more")
    return "done"


async def emits_until_canceled(_: Any, ctx: Context) -> None:
    while True:
        emits_at_once(_, ctx)
        await asyncio.sleep(0)


def endless(bodies: Bodies) -> Workflow:
    return Workflow("w").do_while(bodies.step("a"), lambda _: True)


def retrying(bodies: Bodies) -> Workflow:
    retry = Retry(10_000)
    return Workflow("w").then(bodies.step("a", fails, retry=retry))


def emitting(bodies: Bodies) -> Workflow:
    return Workflow("w").then(bodies.step("a", emits_patiently))


def emitting_in_arms(bodies: Bodies) -> Workflow:
    arms = [bodies.step(id, emits_patiently) for id in "abc"]
    return Workflow("w").parallel(*arms)


def flooding(bodies: Bodies) -> Workflow:
    return Workflow("w").then(bodies.step("a", emits_until_canceled))


def napping(_: Bodies) -> Workflow:
    nap = Workflow("nap").sleep("s", 60)
    return Workflow("w").do_while(nap, lambda _: True)


@pytest.mark.parametrize(
    "workflow", [endless, retrying, emitting, emitting_in_arms, flooding, napping]
)
async def test_a_run_that_reaches_its_last_event_fails(
    workflow: Callable[[Bodies], Workflow], stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(workflow(bodies), settings=FEW)

    run = await stage.run("w", "")

    assert (run.status, run.error.type) == ("failed", "TooManyEvents")
    assert run.error.message == "the run has 50 events, which is the limit"
    assert not run.error.is_retryable
    assert LIMIT < len(run.events) <= LIMIT + 5, "what ends it comes on top"
    assert run.story[-1] == "run_failed"
    assert not stage.is_live(run.run_id)


async def test_a_run_that_ends_with_its_last_event_but_one_is_none_of_these(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w").then(*bodies.steps("abc"))
    stage = await stages.open(workflow)
    whole = await stage.run("w", "")
    stage = await stages.open(workflow, settings=EngineSettings(events_max=len(whole.events)))

    run = await stage.run("w", "")

    assert (run.status, run.story) == ("success", whole.story)


async def test_a_run_without_room_is_not_resumed_but_canceled_and_travelled_from(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w").then(bodies.step("s", asks), bodies.step("b"))
    stage = await stages.open(workflow)
    run = await stage.run("w", "")
    newest = len(run.events)
    stage = await stages.open(workflow, settings=EngineSettings(events_max=newest + 1))

    with pytest.raises(TooManyEvents) as refusal:
        await stage.answer(run, "ok")
    assert await stage.seen(run) == run
    replay = await stage.travel("s", run, resume_data="ok")
    canceled = await stage.cancel(run.run_id)

    assert refusal.value.facts == {
        "run_id": run.run_id,
        "events": str(newest),
        "events_max": str(newest + 1),
    }
    assert canceled.status == "canceled"
    assert replay.status == "success"


async def test_a_run_that_is_resumed_with_too_little_room_fails(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w").then(bodies.step("s", asks), *bodies.steps("bcdef"))
    stage = await stages.open(workflow)
    run = await stage.run("w", "")
    few = EngineSettings(events_max=len(run.events) + 4)
    stage = await stages.open(workflow, settings=few)

    run = await stage.resume(run, "ok")

    assert (run.status, run.error.type) == ("failed", "TooManyEvents")


async def test_a_run_that_is_over_the_limit_when_it_is_taken_up_fails(
    stages: Stages, bodies: Bodies
) -> None:
    async def waits(*_: Any) -> None:
        await asyncio.Event().wait()

    workflow = Workflow("w").then(*bodies.steps("abc"), bodies.step("d", waits))
    stage = await stages.open(workflow)
    run_id = await stage.start("w", "")
    await stage.until_told(run_id, "step_started d")
    stage = await stages.open(workflow, settings=EngineSettings(events_max=3))

    run = await stage.at_rest(run_id)

    assert (run.status, run.error.type) == ("failed", "TooManyEvents")
    assert run.story[-3:] == ["run_restarted", "step_canceled d", "run_failed"]
