"""
Ending a run as canceled, wherever it stands.
"""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from dalsegno.engine import EngineSettings
from dalsegno.engine.commands import Cancel
from dalsegno.model.errors import RunFinished, RunNotFound
from dalsegno.model.event import EventType
from dalsegno.workflow import Context, Workflow
from tests.unit.engine.bodies import Bodies, asks_and_adds
from tests.unit.engine.stage import Stages, until


async def waits_for_ever(*_: Any) -> None:
    await asyncio.Event().wait()


async def test_a_running_body_is_canceled_and_cleans_up(stages: Stages, bodies: Bodies) -> None:
    cleaned_up = []

    async def cleans_up(*_: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned_up.append(True)

    stage = await stages.open(Workflow("w").then(bodies.step("a", cleans_up), bodies.step("b")))
    run_id = await stage.start("w")
    await until(lambda: bodies.calls == ["a"])

    run = await stage.cancel(run_id, "no longer needed")

    assert cleaned_up == [True]
    assert run.status == "canceled"
    assert run.statuses == {"a": "canceled"}
    assert run.story[-2:] == ["step_canceled a", "run_canceled"]
    assert run.events[-1].reason == "no longer needed"


async def test_a_clean_up_that_fails_does_not_keep_the_run(stages: Stages, bodies: Bodies) -> None:
    async def fails_to_clean_up(*_: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("no clean-up")

    stage = await stages.open(Workflow("w").then(bodies.step("a", fails_to_clean_up)))
    run_id = await stage.start("w")
    await until(lambda: bodies.calls == ["a"])

    run = await stage.cancel(run_id)

    assert run.status == "canceled"
    assert run.statuses == {"a": "canceled"}


async def test_everything_under_way_is_canceled_innermost_first(
    stages: Stages, bodies: Bodies
) -> None:
    inner = Workflow("inner").then(bodies.step("x", waits_for_ever))
    workflow = Workflow("w").parallel(
        inner, bodies.step("p", asks_and_adds), bodies.step("q", waits_for_ever)
    )
    stage = await stages.open(workflow)
    run_id = await stage.start("w")
    await until(lambda: len(bodies.calls) == 3)

    run = await stage.cancel(run_id)

    assert set(run.statuses.values()) == {"canceled"}
    canceled = [event.address for event in run.events if event.type is EventType.STEP_CANCELED]
    assert sorted(canceled) == ["inner", "inner.x", "p", "q"]
    assert canceled.index("inner.x") < canceled.index("inner")
    assert run.suspended_at == []


async def test_a_suspended_run_ends_at_once(stages: Stages, bodies: Bodies) -> None:
    inner = Workflow("inner").then(bodies.step("x", asks_and_adds))
    stage = await stages.open(Workflow("w").then(inner))
    run = await stage.run("w")

    run = await stage.cancel(run.run_id, "nobody answers")

    assert run.status == "canceled"
    assert run.story[-3:] == ["step_canceled inner.x", "step_canceled inner", "run_canceled"]
    assert run.events[-1].reason == "nobody answers"
    assert bodies.calls == ["inner.x"]


async def test_a_paused_run_ends_at_once(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(*bodies.steps("ab")))
    run = await stage.run("w", "", per_step=True)
    assert run.status == "paused"

    run = await stage.cancel(run.run_id)

    assert run.status == "canceled"
    assert run.statuses == {"a": "success"}
    assert run.view.run.paused_at == ()


@pytest.mark.parametrize("wait_in_memory_s", [0, 10_000], ids=["put down", "in memory"])
async def test_a_waiting_run_ends_at_once(
    wait_in_memory_s: int, stages: Stages, bodies: Bodies
) -> None:
    settings = EngineSettings(wait_in_memory=timedelta(seconds=wait_in_memory_s))
    stage = await stages.open(
        Workflow("w").sleep("nap", 3600).then(bodies.step("a")), settings=settings
    )

    with stage.clock.still():
        run_id = await stage.start("w")
        await stage.until_told(run_id, "run_waiting")
        await until(lambda: stage.is_live(run_id) == bool(wait_in_memory_s))
        run = await stage.cancel(run_id)

    assert run.status == "canceled"
    assert run.statuses == {"nap": "canceled"}
    assert run.view.run.due_us is None
    assert bodies.calls == []


async def test_a_canceled_run_is_never_woken(stages: Stages, bodies: Bodies) -> None:
    settings = EngineSettings(wait_in_memory=timedelta(0))
    stage = await stages.open(
        Workflow("w").sleep("nap", 60).then(bodies.step("a")),
        Workflow("other").sleep("nap", 120),
        settings=settings,
    )
    with stage.clock.still():
        run_id = await stage.start("w")
        await stage.until_told(run_id, "run_waiting")
        other_id = await stage.start("other")
        await stage.cancel(run_id)

    await stage.at_rest(other_id)

    assert (await stage.seen(run_id)).status == "canceled"
    assert bodies.calls == []


async def test_no_step_begins_after_the_cancellation(stages: Stages, bodies: Bodies) -> None:
    """
    The goal: a cancellation that comes while a step's end is being written still ends the run.
    The method: hold the append that ends a and starts b.
    """
    stage = await stages.open(Workflow("w").then(*bodies.steps("ab")))
    release = stage.store.hold_append(2)
    run_id = await stage.start("w", "")
    await until(lambda: len(stage.store.appends) == 2)
    walk = stage.engine._supervisor.walk_of(run_id)
    assert walk is not None

    canceling = asyncio.create_task(stage.engine.cancel(Cancel(run_id)))
    await until(lambda: walk.live.is_canceling)
    release.set()
    await canceling
    run = await stage.seen(run_id)

    assert run.status == "canceled"
    assert run.statuses == {"a": "success", "b": "canceled"}
    assert bodies.calls == ["a"]


async def test_two_cancellations_at_once_end_the_run_once(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a", waits_for_ever)))
    run_id = await stage.start("w")
    await until(lambda: bodies.calls == ["a"])

    await asyncio.gather(*(stage.engine.cancel(Cancel(run_id, reason)) for reason in "xy"))
    run = await stage.seen(run_id)

    assert run.story.count("run_canceled") == 1
    assert run.events[-1].reason == "x"


async def test_canceling_what_is_not_there_is_refused(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a")))

    with pytest.raises(RunNotFound):
        await stage.cancel("nowhere")


async def test_a_body_that_cancels_ends_there_and_ends_the_run(
    stages: Stages, bodies: Bodies
) -> None:
    reached = []

    def cancels(_: Any, ctx: Context) -> None:
        for line in ("before", "behind"):
            reached.append(line)
            ctx.cancel("of its own accord")

    stage = await stages.open(Workflow("w").then(bodies.step("a", cancels), bodies.step("b")))

    run = await stage.run("w")

    assert run.status == "canceled"
    assert run.statuses == {"a": "canceled"}
    assert run.story[-2:] == ["step_canceled a", "run_canceled"]
    assert run.events[-1].reason == "of its own accord"
    assert reached == ["before"]


async def test_an_arm_that_cancels_cancels_its_siblings_at_once(
    stages: Stages, bodies: Bodies
) -> None:
    def cancels(_: Any, ctx: Context) -> None:
        ctx.cancel()

    inner = Workflow("inner").then(bodies.step("x", cancels))
    workflow = Workflow("w").parallel(bodies.step("p", waits_for_ever), inner)
    stage = await stages.open(workflow.then(bodies.step("j")))

    run = await stage.run("w")

    assert run.status == "canceled"
    assert run.statuses == {"p": "canceled", "inner": "canceled", "inner.x": "canceled"}


async def test_an_item_that_cancels_ends_the_run(stages: Stages, bodies: Bodies) -> None:
    def cancels_at_two(value: Any, ctx: Context) -> Any:
        if value == 2:
            ctx.cancel()
        return value

    for concurrency in (1, 2):
        workflow = Workflow("w").foreach(bodies.step("f", cancels_at_two), concurrency)
        stage = await stages.open(workflow)

        run = await stage.run("w", [1, 2, 3])

        assert run.status == "canceled"
        assert run.statuses == {"f": "canceled", "f[0]": "success", "f[1]": "canceled"}


async def test_a_cancellation_that_comes_while_the_end_is_being_written_is_refused(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a")))
    release = stage.store.hold_append(2)
    run_id = await stage.start("w", "")
    await until(lambda: len(stage.store.appends) == 2)

    canceling = asyncio.create_task(stage.engine.cancel(Cancel(run_id)))
    for _ in range(20):
        await asyncio.sleep(0)
    release.set()

    with pytest.raises(RunFinished):
        await canceling
    assert (await stage.seen(run_id)).result == "a"


async def test_a_cancellation_that_comes_while_a_question_is_being_written_ends_the_run(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a", asks_and_adds)))
    release = stage.store.hold_append(2)
    run_id = await stage.start("w", "")
    await until(lambda: len(stage.store.appends) == 2)

    canceling = asyncio.create_task(stage.engine.cancel(Cancel(run_id)))
    for _ in range(20):
        await asyncio.sleep(0)
    release.set()
    await canceling
    run = await stage.seen(run_id)

    assert run.status == "canceled"
    assert run.statuses == {"a": "canceled"}


async def test_a_request_to_cancel_is_kept_with_the_cancellation_and_not_before(
    stages: Stages, bodies: Bodies
) -> None:
    """
    The goal: a server that dies while bodies clean up has not canceled, and says so when asked
    again. The method: a clean-up that has something written before it ends.
    """

    async def cleans_up(_: Any, ctx: Context) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ctx.emit("bye")
            written = len(stage.store.appends)
            await until(lambda: len(stage.store.appends) > written)

    stage = await stages.open(Workflow("w").then(bodies.step("a", cleans_up)))
    run_id = await stage.start("w", "")
    await until(lambda: bodies.calls == ["a"])

    await stage.engine.cancel(Cancel(run_id, request_id="q"))

    (kept,) = [append for append in stage.store.appends if append.request is not None]
    assert [event.type for event in kept.events][-1] is EventType.RUN_CANCELED
    assert (await stage.seen(run_id)).status == "canceled"
