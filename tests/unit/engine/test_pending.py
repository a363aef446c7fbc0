"""
Runs that wait until there is room for them.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest

from dalsegno.engine import EngineSettings
from dalsegno.engine.commands import Pause
from dalsegno.model.errors import (
    NotSuspended,
    RunActive,
    RunExists,
    ShuttingDown,
    SourceRunActive,
    TooManyRuns,
)
from dalsegno.workflow import Workflow
from tests.unit.engine.bodies import Bodies, asks_and_adds
from tests.unit.engine.stage import Stage, Stages, until

ONE = EngineSettings(runs_max=1)


@asynccontextmanager
async def busy(
    stages: Stages, *workflows: Workflow, settings: EngineSettings = ONE
) -> AsyncIterator[Stage]:
    """
    A server that has room for one run, and has one while the block is inside.
    """
    release = asyncio.Event()
    bodies = Bodies()

    async def waits(*_: Any) -> None:
        await release.wait()

    keeps = Workflow("keeps").then(bodies.step("waits", waits))
    stage = await stages.open(*workflows, keeps, settings=settings)
    run_id = await stage.start("keeps")
    await until(lambda: bodies.calls == ["waits"])
    yield stage
    release.set()
    with suppress(ShuttingDown):  # if it was stopped
        await stage.at_rest(run_id)


def plain(bodies: Bodies) -> Workflow:
    return Workflow("w").then(*bodies.steps("ab"))


async def test_runs_beyond_the_bound_begin_in_their_order(stages: Stages, bodies: Bodies) -> None:
    async with busy(stages, plain(bodies)) as stage:
        waiting = [await stage.start("w", str(number)) for number in range(3)]
        seen = [await stage.seen(run_id) for run_id in waiting]
        assert [run.status for run in seen] == ["pending"] * 3
        assert [run.story for run in seen] == [["run_started"]] * 3
        assert {run.view.run.started_us for run in seen} == {None}
        assert bodies.calls == []

    ended = [await stage.at_rest(run_id) for run_id in waiting]

    assert [run.result for run in ended] == ["0ab", "1ab", "2ab"]
    begun = [run.view.run.started_us or 0 for run in ended]
    assert begun == sorted(begun)
    assert ended[0].story[:2] == ["run_started", "step_started a"]


async def test_a_new_run_does_not_overtake_those_that_wait(stages: Stages, bodies: Bodies) -> None:
    async with busy(stages, plain(bodies)) as stage:
        first = await stage.start("w", "first")
    second = await stage.start("w", "second")

    runs = [await stage.at_rest(run_id) for run_id in (first, second)]

    one, other = (run.view.run.started_us or 0 for run in runs)
    assert one <= other


@pytest.mark.parametrize("target", ["b", "a"])
async def test_a_replay_waits_and_is_then_the_replay_it_would_have_been(
    stages: Stages, bodies: Bodies, target: str
) -> None:
    stage = await stages.open(plain(bodies), settings=ONE)
    source = await stage.run("w", "")
    at_once = await stage.travel(target, source, input="x")

    async with busy(stages, plain(bodies)) as stage:
        bodies.calls.clear()
        replay = await stage.begin_travel(target, source, input="x")
        assert (await stage.seen(replay)).status == "pending"
        assert not stage.is_live(replay)
        assert bodies.calls == []
    late = await stage.at_rest(replay)

    assert (late.status, late.result) == ("success", at_once.result)
    assert late.statuses == at_once.statuses
    assert late.reused == at_once.reused
    assert await stage.seen(source) == source
    assert "run_restarted" not in late.story


async def test_runs_that_wait_begin_on_the_next_server(stages: Stages, bodies: Bodies) -> None:
    async with busy(stages, plain(bodies)) as stage:
        waiting = [await stage.start("w", str(number)) for number in range(2)]
        await stage.engine.stop(0)

    stage = await stages.open(plain(bodies))

    assert [(await stage.at_rest(it)).result for it in waiting] == ["0ab", "1ab"]


async def test_the_time_out_of_a_run_counts_from_its_beginning(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w", timeout=timedelta(seconds=60)).then(bodies.step("a"))
    async with busy(stages, workflow) as stage:
        run_id = await stage.start("w", "")
        stage.clock.advance(3_600_000_000)

    run = await stage.at_rest(run_id)

    assert run.result == "a"


async def test_commands_on_a_run_that_waits(stages: Stages, bodies: Bodies) -> None:
    async with busy(stages, plain(bodies)) as stage:
        run_id = await stage.start("w", "", run_id="mine")
        canceled = await stage.start("w", "")
        paused = await stage.start("w", "")
        with pytest.raises(RunActive):
            await stage.engine.restart(run_id)
        with pytest.raises(RunActive):
            await stage.engine.delete(run_id)
        with pytest.raises(NotSuspended):
            await stage.answer(run_id, 1)
        with pytest.raises(SourceRunActive):
            await stage.begin_travel("b", run_id)
        with pytest.raises(RunExists):
            await stage.start("w", "", run_id="mine")
        assert (await stage.cancel(canceled)).story == ["run_started", "run_canceled"]
        await stage.engine.pause(Pause(paused))

    assert (await stage.at_rest(run_id)).result == "ab"
    assert (await stage.at_rest(paused)).status == "paused"
    assert bodies.calls == ["a", "b"]
    assert (await stage.resume(paused)).result == "ab"


async def test_a_repeated_request_is_answered_with_the_run_that_waits(
    stages: Stages, bodies: Bodies
) -> None:
    async with busy(stages, plain(bodies)) as stage:
        ids = {await stage.start("w", "", request_id="q") for _ in range(2)}

    assert len(ids) == 1
    assert (await stage.at_rest(ids.pop())).result == "ab"
    assert bodies.calls == ["a", "b"]


async def test_more_than_may_wait_are_refused_and_leave_nothing(
    stages: Stages, bodies: Bodies
) -> None:
    settings = EngineSettings(runs_max=1, runs_pending_max=2)
    asking = Workflow("asking").then(bodies.step("s", asks_and_adds))
    stage = await stages.open(asking)
    source = await stage.run("asking", "")

    async with busy(stages, plain(bodies), asking, settings=settings) as stage:
        waiting = [await stage.start("w", "") for _ in range(2)]
        before = len(await stage.runs())
        for refused in (stage.start("w", ""), stage.begin_travel("s", source)):
            with pytest.raises(TooManyRuns) as refusal:
                await refused
            assert refusal.value.facts == {"runs_max": "1", "runs_pending_max": "2"}
        assert len(await stage.runs()) == before
    for run_id in waiting:
        await stage.at_rest(run_id)

    assert (await stage.run("w", "")).result == "ab"


async def test_a_run_that_cannot_begin_keeps_no_other(stages: Stages, bodies: Bodies) -> None:
    gone = Workflow("gone").then(bodies.step("g"))
    async with busy(stages, plain(bodies), gone) as stage:
        stuck = await stage.start("gone", "")
        good = await stage.start("w", "")
        await stage.engine.stop(0)

    stage = await stages.open(plain(bodies), settings=ONE)

    assert (await stage.at_rest(good)).result == "ab"
    assert (await stage.seen(stuck)).status == "pending"
    assert (await stage.run("w", "x")).result == "xab"


async def test_runs_that_are_due_wait_for_room(stages: Stages, bodies: Bodies) -> None:
    settings = EngineSettings(runs_max=1, wait_in_memory=timedelta(0))
    sleeping = Workflow("sleeping").sleep("nap", 60).then(bodies.step("a"))
    stage = await stages.open(sleeping, settings=settings)
    with stage.clock.still():
        run_id = await stage.start("sleeping", "")
        await stage.until_stored(run_id, "run_waiting")

    async with busy(stages, sleeping, settings=settings) as stage:
        stage.clock.advance(3_600_000_000)
        await until(lambda: stage.store.calls["due_runs"] > 1)
        assert not stage.is_live(run_id)

    assert (await stage.at_rest(run_id)).result == "a"
