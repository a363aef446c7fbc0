"""
Runs of which only timers are left: they wait in the store, not in memory.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dalsegno.engine import EngineSettings
from dalsegno.model.clock import SECOND_US
from dalsegno.model.event import EventType
from dalsegno.workflow import Context, Retry, Workflow
from tests.fakes import NOON_US
from tests.unit.engine.bodies import Bodies, asks_and_adds, fails
from tests.unit.engine.stage import Stage, Stages, until

PUTS_DOWN = EngineSettings(wait_in_memory=timedelta(0))
HOUR = timedelta(hours=1)


async def put_down(stage: Stage, run_id: str) -> None:
    """
    Wait until the run waits, out of memory.
    """
    await stage.until_told(run_id, "run_waiting")
    await until(lambda: not stage.is_live(run_id))


def fails_once(_: Any, ctx: Context) -> int:
    if ctx.attempt == 1:
        raise ConnectionError
    return ctx.attempt


async def test_a_sleeping_run_leaves_memory_and_comes_back_when_it_is_due(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w").then(bodies.step("a")).sleep("nap", HOUR).then(bodies.step("b"))
    stage = await stages.open(workflow, settings=PUTS_DOWN)

    with stage.clock.still():
        run_id = await stage.start("w", "")
        await put_down(stage, run_id)
        waiting = await stage.seen(run_id)
    run = await stage.at_rest(run_id)

    assert waiting.status == "waiting"
    assert waiting.view.run.due_us == NOON_US + 3600 * SECOND_US
    assert waiting.statuses == {"a": "success", "nap": "waiting"}
    assert run.result == "ab"
    assert bodies.calls == ["a", "b"]
    assert run.story[3:6] == ["step_waiting nap", "run_waiting", "step_completed nap"]
    assert run.records["nap"].ended_us == NOON_US + 3600 * SECOND_US
    assert run.view.run.due_us is None


async def test_a_run_that_was_put_down_is_not_taken_up_before_it_is_due(
    stages: Stages, bodies: Bodies
) -> None:
    """
    Whoever looks for runs that nobody drives may have seen it while it was still running.
    """
    workflow = Workflow("w").sleep("nap", HOUR).then(bodies.step("b"))
    stage = await stages.open(workflow, settings=PUTS_DOWN)

    with stage.clock.still():
        run_id = await stage.start("w", "")
        await put_down(stage, run_id)
        await stage.engine._take_up(run_id)
        assert not stage.is_live(run_id)
    run = await stage.at_rest(run_id)

    assert run.story.count("run_waiting") == 1


async def test_a_backoff_leaves_memory_and_keeps_its_count(stages: Stages, bodies: Bodies) -> None:
    retry = Retry(max_attempts=2, initial_interval=HOUR, max_interval=HOUR, jitter=0)
    workflow = Workflow("w").then(bodies.step("a", fails_once, retry=retry))
    stage = await stages.open(workflow, settings=PUTS_DOWN)

    with stage.clock.still():
        run_id = await stage.start("w", "")
        await put_down(stage, run_id)
        waiting = await stage.seen(run_id)
    run = await stage.at_rest(run_id)

    assert waiting.statuses == {"a": "waiting"}
    assert waiting.records["a"].due_us == NOON_US + 3600 * SECOND_US
    assert run.result == 2
    assert [attempt.number for attempt in run.records["a"].attempts] == [1, 2]
    assert run.story.count("run_waiting") == 1


async def test_attempts_are_counted_over_all_the_times_a_run_is_put_down(
    stages: Stages, bodies: Bodies
) -> None:
    retry = Retry(max_attempts=3, jitter=0)
    workflow = Workflow("w").then(bodies.step("a", fails, retry=retry))
    stage = await stages.open(workflow, settings=PUTS_DOWN)

    run = await stage.run("w", "")

    assert run.status == "failed"
    assert [event.attempt for event in run.told(EventType.STEP_STARTED, "a")] == [1, 2, 3]
    assert run.story.count("run_waiting") == 2


async def test_a_short_wait_stays_in_memory(stages: Stages, bodies: Bodies) -> None:
    workflow = Workflow("w").sleep("nap", 1).then(bodies.step("a"))
    stage = await stages.open(
        workflow, settings=EngineSettings(wait_in_memory=timedelta(seconds=1))
    )

    with stage.clock.still():
        run_id = await stage.start("w", "")
        await stage.until_told(run_id, "run_waiting")
        assert stage.is_live(run_id)

    assert (await stage.at_rest(run_id)).result == "a"


async def test_another_server_wakes_a_run_at_its_original_time(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w").sleep("nap", HOUR).then(bodies.step("a"))
    stage = await stages.open(workflow, settings=PUTS_DOWN)
    with stage.clock.still():
        run_id = await stage.start("w", "")
        await put_down(stage, run_id)
        stage.clock.advance(60 * SECOND_US)
        stage = await stages.open(workflow)

    run = await stage.at_rest(run_id)

    assert run.result == "a"
    assert run.records["nap"].ended_us == NOON_US + 3600 * SECOND_US


async def test_a_timer_that_fell_due_while_no_server_ran_fires_at_once(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w").sleep("nap", HOUR).then(bodies.step("a"))
    stage = await stages.open(workflow, settings=PUTS_DOWN)
    with stage.clock.still():
        run_id = await stage.start("w", "")
        await put_down(stage, run_id)
        late_us = 7200 * SECOND_US
        stage.clock.advance(late_us)
        stage = await stages.open(workflow)
        run = await stage.at_rest(run_id)

    assert run.records["nap"].ended_us == NOON_US + late_us
    assert run.records["nap"].due_us is None


async def test_a_run_waits_for_the_earliest_of_its_timers(stages: Stages, bodies: Bodies) -> None:
    slow = Workflow("slow").sleep("nap", 60).then(bodies.step("a"))
    quick = Workflow("quick").sleep("nap", 20).then(bodies.step("b"))
    stage = await stages.open(Workflow("w").parallel(slow, quick), settings=PUTS_DOWN)

    with stage.clock.still():
        run_id = await stage.start("w", "")
        await put_down(stage, run_id)
        waiting = await stage.seen(run_id)
    run = await stage.at_rest(run_id)

    assert waiting.view.run.due_us == NOON_US + 20 * SECOND_US
    assert run.result == {"slow": "a", "quick": "b"}
    assert run.records["quick.nap"].ended_us == NOON_US + 20 * SECOND_US
    assert run.records["slow.nap"].ended_us == NOON_US + 60 * SECOND_US
    assert bodies.calls == ["quick.b", "slow.a"]
    assert run.story.count("step_waiting slow.nap") == 1


async def test_a_run_that_waits_and_asks_is_waiting_until_its_timer_has_fired(
    stages: Stages, bodies: Bodies
) -> None:
    slow = Workflow("slow").sleep("nap", 60)
    workflow = Workflow("w").parallel(slow, bodies.step("p", asks_and_adds))
    stage = await stages.open(workflow, settings=PUTS_DOWN)

    with stage.clock.still():
        run_id = await stage.start("w", "")
        await put_down(stage, run_id)
        waiting = await stage.seen(run_id)
    run = await stage.at_rest(run_id)

    assert (waiting.status, waiting.suspended_at) == ("waiting", ["p"])
    assert (run.status, run.suspended_at) == ("suspended", ["p"])
    assert (await stage.resume(run, "ok")).result == {"slow": "", "p": "<ok>"}


async def test_an_arm_is_resumed_while_another_waits_out_of_memory(
    stages: Stages, bodies: Bodies
) -> None:
    slow = Workflow("slow").sleep("nap", 60)
    workflow = Workflow("w").parallel(slow, bodies.step("p", asks_and_adds))
    stage = await stages.open(workflow, settings=PUTS_DOWN)

    with stage.clock.still():
        run_id = await stage.start("w", "")
        await put_down(stage, run_id)
        await stage.answer(run_id, "ok")
        await until(lambda: not stage.is_live(run_id))
        waiting = await stage.seen(run_id)
    run = await stage.at_rest(run_id)

    assert waiting.status == "waiting"
    assert waiting.output("p") == "<ok>"
    assert run.result == {"slow": "", "p": "<ok>"}
    assert run.records["slow.nap"].ended_us == NOON_US + 60 * SECOND_US


async def test_a_sleep_until_a_time_ends_then(stages: Stages) -> None:
    noon = datetime.fromtimestamp(NOON_US / SECOND_US, UTC)
    workflow = (
        Workflow("w")
        .sleep_until("fixed", noon + timedelta(minutes=1))
        .sleep_until("computed", lambda minutes: noon + timedelta(minutes=minutes))
        .sleep_until("past", noon)
    )
    stage = await stages.open(workflow)

    run = await stage.run("w", 2)

    assert run.result == 2
    ended = [(run.records[at].ended_us or 0) - NOON_US for at in ("fixed", "computed", "past")]
    assert ended == [60 * SECOND_US, 120 * SECOND_US, 120 * SECOND_US]


@pytest.mark.parametrize(
    "until_", [lambda _: "tomorrow", lambda _: datetime(2026, 1, 1), lambda value: value["no"]]
)
async def test_a_time_that_cannot_be_computed_fails_the_sleep(until_: Any, stages: Stages) -> None:
    stage = await stages.open(Workflow("w").sleep_until("nap", until_))

    run = await stage.run("w", {})

    assert run.status == "failed"
    assert run.statuses == {"nap": "failed"}


async def test_sleeping_twice_in_a_row_tells_of_both(stages: Stages) -> None:
    workflow = Workflow("w").sleep("one", 1).sleep("two", 1)
    for settings in (PUTS_DOWN, EngineSettings()):
        stage = await stages.open(workflow, settings=settings)

        run = await stage.run("w", "")

        assert run.story == [
            "run_started",
            "step_waiting one",
            "run_waiting",
            "step_completed one",
            "step_waiting two",
            "run_waiting",
            "step_completed two",
            "run_completed",
        ]


async def test_a_run_that_cannot_be_woken_keeps_no_other_from_waking(
    stages: Stages, bodies: Bodies
) -> None:
    """
    The workflow of the run that is due first is gone.
    """
    gone = Workflow("gone").sleep("nap", 60).then(bodies.step("a"))
    kept = Workflow("kept").sleep("nap", 120).then(bodies.step("b"))
    stage = await stages.open(gone, kept, settings=PUTS_DOWN)
    with stage.clock.still():
        lost, found = await stage.start("gone", ""), await stage.start("kept", "")
        await put_down(stage, lost)
        await put_down(stage, found)
        stage = await stages.open(kept)

    assert (await stage.at_rest(found)).result == "b"
    assert (await stage.engine.view(lost, with_steps=False)).run.status == "waiting"
    stage = await stages.open(gone, kept)
    assert (await stage.at_rest(lost)).result == "a"
