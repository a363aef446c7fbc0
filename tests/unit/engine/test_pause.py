"""
Pausing runs, and deleting them.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest

from dalsegno.engine import EngineSettings
from dalsegno.engine.commands import Cancel, Pause
from dalsegno.model.errors import RunActive, RunFinished, RunHasReplays, RunNotFound
from dalsegno.workflow import Context, Workflow
from tests.unit.engine.bodies import Bodies, asks_and_adds, fails
from tests.unit.engine.stage import Stage, Stages, until


class Gate:
    """
    A body that waits until it is let go.
    """

    def __init__(self) -> None:
        self._open = asyncio.Event()

    async def __call__(self, value: Any, ctx: Context) -> str:
        await self._open.wait()
        return f"{value}{ctx.address}"

    def open(self) -> None:
        self._open.set()


async def pause(stage: Stage, run_id: str, reason: str | None = None) -> None:
    await stage.engine.pause(Pause(run_id, reason))


async def test_a_running_run_stops_before_its_next_step(stages: Stages, bodies: Bodies) -> None:
    gate = Gate()
    stage = await stages.open(Workflow("w").then(bodies.step("a", gate), *bodies.steps("bc")))
    run_id = await stage.start("w", "")
    await until(lambda: bodies.calls == ["a"])

    await pause(stage, run_id, "maintenance")
    gate.open()
    run = await stage.at_rest(run_id)

    assert (run.status, run.view.run.paused_at) == ("paused", ("b",))
    assert run.statuses == {"a": "success"}
    assert run.events[-1].reason == "maintenance"
    assert (await stage.resume(run)).result == "abc"


async def test_arms_end_what_they_have_begun(stages: Stages, bodies: Bodies) -> None:
    gate = Gate()
    inner = Workflow("inner").then(bodies.step("x", gate), bodies.step("y"))
    workflow = Workflow("w").parallel(bodies.step("p", gate), inner).then(bodies.step("j"))
    stage = await stages.open(workflow)
    run_id = await stage.start("w", "")
    await until(lambda: len(bodies.calls) == 2)

    await pause(stage, run_id)
    gate.open()
    run = await stage.at_rest(run_id)

    assert (run.status, run.view.run.paused_at) == ("paused", ("inner.y",))
    assert run.statuses["p"] == "success"
    assert "y" not in bodies.calls
    assert (await stage.resume(run)).result == "(p|inner.xy)j"


async def test_a_pause_behind_the_last_step_changes_nothing(stages: Stages, bodies: Bodies) -> None:
    gate = Gate()
    stage = await stages.open(Workflow("w").then(bodies.step("a", gate)))
    run_id = await stage.start("w", "")
    await until(lambda: bodies.calls == ["a"])

    await pause(stage, run_id)
    gate.open()

    assert (await stage.at_rest(run_id)).status == "success"


@pytest.mark.parametrize("wait_in_memory_s", [0, 10_000], ids=["put down", "in memory"])
async def test_a_waiting_run_pauses_when_its_timer_has_fired(
    wait_in_memory_s: int, stages: Stages, bodies: Bodies
) -> None:
    settings = EngineSettings(wait_in_memory=timedelta(seconds=wait_in_memory_s))
    workflow = Workflow("w").sleep("nap", 60).then(bodies.step("a"))
    stage = await stages.open(workflow, settings=settings)

    with stage.clock.still():
        run_id = await stage.start("w", "")
        await stage.until_told(run_id, "run_waiting")
        await until(lambda: stage.is_live(run_id) == bool(wait_in_memory_s))
        await pause(stage, run_id)
        assert (await stage.seen(run_id)).status == "waiting"
    run = await stage.at_rest(run_id)

    assert (run.status, run.view.run.paused_at) == ("paused", ("a",))
    assert run.statuses == {"nap": "success"}
    assert (await stage.resume(run)).result == "a"


@pytest.mark.parametrize("wait_in_memory_s", [0, 10_000], ids=["put down", "in memory"])
@pytest.mark.parametrize("per_step", [False, True])
async def test_a_pause_while_another_arm_waits_loses_nothing(
    wait_in_memory_s: int, per_step: bool, stages: Stages, bodies: Bodies
) -> None:
    """
    One arm has stopped before its next step while the other sleeps: neither is walked again.
    """
    gate = Gate()
    slow = Workflow("slow").then(bodies.step("a")).sleep("nap", 60).then(bodies.step("b"))
    quick = Workflow("quick").then(bodies.step("x", gate), bodies.step("y"))
    settings = EngineSettings(wait_in_memory=timedelta(seconds=wait_in_memory_s))
    workflow = Workflow("w").parallel(slow, quick).then(bodies.step("j"))
    stage = await stages.open(workflow, settings=settings)
    with stage.clock.still():
        run_id = await stage.start("w", "")
        await stage.until_told(run_id, "step_waiting slow.nap")
        await pause(stage, run_id)
        gate.open()
        await stage.until_told(run_id, "step_completed quick.x")

    run = await stage.at_rest(run_id)
    while run.status == "paused":
        run = await stage.resume(run, per_step=per_step)

    assert run.result == "(ab|quick.xy)j"
    assert sorted(bodies.calls) == ["j", "quick.x", "quick.y", "slow.a", "slow.b"]
    assert run.story.count("step_waiting slow.nap") == 1
    assert run.story.count("step_started slow") == run.story.count("step_started quick") == 1


async def test_a_pause_while_another_item_waits_loses_nothing(
    stages: Stages, bodies: Bodies
) -> None:
    gate = Gate()

    async def first_waits(value: Any, ctx: Context) -> Any:
        return await gate(value, ctx) if value == "1" else value

    slow = Workflow("slow").sleep("nap", 60).then(bodies.step("a"))
    body = (
        Workflow("body")
        .then(bodies.step("x", first_waits))
        .when(lambda value: value == "2", slow)
        .then(bodies.step("y", lambda value, _: f"{value}y"))
    )
    settings = EngineSettings(wait_in_memory=timedelta(0))
    stage = await stages.open(Workflow("w").foreach(body, concurrency=2), settings=settings)
    with stage.clock.still():
        run_id = await stage.start("w", ["1", "2", "3"])
        await stage.until_told(run_id, "step_waiting body[1].slow.nap")
        await pause(stage, run_id)
        gate.open()
        await stage.until_told(run_id, "step_completed body[0].x")

    run = await stage.at_rest(run_id)
    while run.status == "paused":
        run = await stage.resume(run)

    assert run.result == ["1body[0].xy", "2ay", "3y"]
    assert len(bodies.calls) == len(set(bodies.calls))
    assert run.story.count("step_waiting body[1].slow.nap") == 1


async def test_an_item_paused_in_its_middle_goes_on_though_another_has_failed(
    stages: Stages, bodies: Bodies
) -> None:
    gate = Gate()

    async def fails_or_waits(value: Any, ctx: Context) -> Any:
        return fails(value, ctx) if value == "1" else await gate(value, ctx)

    body = Workflow("body").then(bodies.step("x", fails_or_waits), bodies.step("y"))
    stage = await stages.open(Workflow("w").foreach(body, concurrency=2))
    run_id = await stage.start("w", ["1", "2", "3"])
    await stage.until_told(run_id, "step_failed body[0]")
    await pause(stage, run_id)
    gate.open()
    run = await stage.at_rest(run_id)
    assert (run.status, run.view.run.paused_at) == ("paused", ("body[1].y",))

    run = await stage.resume(run)

    assert (run.status, run.error.message) == ("failed", "body[0].x failed")
    assert run.output("body[1]") == "2body[1].xy"
    assert "body[2]" not in run.records


async def test_a_run_that_rests_is_left_as_it_is(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("s", asks_and_adds), bodies.step("b")))
    suspended = await stage.run("w", "")
    await pause(stage, suspended.run_id)
    assert await stage.seen(suspended) == suspended

    run = await stage.resume(suspended, "ok", per_step=True)
    await pause(stage, run.run_id)

    assert await stage.seen(run) == run
    assert (await stage.resume(run)).result == "<ok>b", "no pause is left over"


async def test_what_has_ended_or_never_was_cannot_be_paused(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a")))
    run = await stage.run("w", "")

    with pytest.raises(RunFinished):
        await pause(stage, run.run_id)
    with pytest.raises(RunNotFound):
        await pause(stage, "nowhere")

    assert await stage.seen(run) == run


async def test_a_pause_survives_a_crash(stages: Stages, bodies: Bodies) -> None:
    workflow = Workflow("w").then(bodies.step("a", Gate()), bodies.step("b"))
    stage = await stages.open(workflow)
    run_id = await stage.start("w", "")
    await until(lambda: bodies.calls == ["a"])
    await pause(stage, run_id, "why")
    bodies.will_add("a")
    stage = await stages.open(workflow)

    run = await stage.at_rest(run_id)

    assert (run.status, run.view.run.paused_at) == ("paused", ("b",))
    assert run.events[-1].reason == "why"


async def test_a_loop_pauses_between_iterations_and_a_foreach_between_items(
    stages: Stages, bodies: Bodies
) -> None:
    gate = Gate()
    loop = Workflow("loop").do_until(bodies.step("l", gate), lambda text: text.count("l") == 2)
    stage = await stages.open(loop, Workflow("each").foreach(bodies.step("f", gate)))
    looping, each = await stage.start("loop", ""), await stage.start("each", [1, 2])
    await until(lambda: len(bodies.calls) == 2)

    for run_id in (looping, each):
        await pause(stage, run_id)
    gate.open()
    paused = [await stage.at_rest(run_id) for run_id in (looping, each)]

    assert [run.view.run.paused_at for run in paused] == [("l[1]",), ("f[1]",)]
    assert [(await stage.resume(run)).status for run in paused] == ["success", "success"]
    assert sorted(bodies.calls) == ["f[0]", "f[1]", "l[0]", "l[1]"]


async def test_a_run_at_rest_can_be_deleted_with_all_it_has(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a"), bodies.step("s", asks_and_adds)))
    suspended = await stage.run("w", "")
    paused = await stage.run("w", "", per_step=True)
    finished = await stage.cancel((await stage.run("w", "")).run_id)

    for run in (suspended, paused, finished):
        await stage.engine.delete(run.run_id)
        with pytest.raises(RunNotFound):
            await stage.engine.view(run.run_id)
        with pytest.raises(RunNotFound):
            await stage.engine.delete(run.run_id)
        with pytest.raises(RunNotFound):
            await stage.answer(run, 1)
        with pytest.raises(RunNotFound):
            await stage.begin_travel("a", run)

    assert await stage.runs() == []


async def test_a_run_that_is_alive_cannot_be_deleted(stages: Stages, bodies: Bodies) -> None:
    gate = Gate()
    stage = await stages.open(
        Workflow("w").then(bodies.step("a", gate)), Workflow("waiting").sleep("nap", 60)
    )
    with stage.clock.still():
        running, waiting = await stage.start("w", ""), await stage.start("waiting")
        await stage.until_told(waiting, "run_waiting")
        for run_id in (running, waiting):
            with pytest.raises(RunActive):
                await stage.engine.delete(run_id)
    gate.open()

    assert (await stage.at_rest(running)).result == "a"
    assert (await stage.at_rest(waiting)).status == "success"


async def test_a_run_that_replays_depend_on_is_deleted_after_them(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(*bodies.steps("abc")))
    root = await stage.run("w", "")
    middle = await stage.travel("b", root)
    leaf = await stage.travel("c", middle)

    for run in (root, middle):
        with pytest.raises(RunHasReplays):
            await stage.engine.delete(run.run_id)
    assert (await stage.seen(leaf)).result == "abc"
    for run in (leaf, middle, root):
        await stage.engine.delete(run.run_id)

    assert await stage.runs() == []


@pytest.mark.parametrize("kind", ["resume", "pause", "cancel"])
async def test_a_command_in_the_very_turn_in_which_a_run_pauses_is_no_second_walk(
    kind: str, stages: Stages, bodies: Bodies
) -> None:
    """
    The goal: at most one walk drives a run.
    The method: the command has read the run, and goes on in the turn of the event loop in which
    the walk has paused it, and has not begun to write that.
    """
    gate, read = asyncio.Event(), asyncio.Event()

    async def waits(value: Any, _: Context) -> str:
        await gate.wait()
        read.set()
        return f"{value}a"

    stage = await stages.open(Workflow("w").then(bodies.step("a", waits), *bodies.steps("bc")))
    run_id = await stage.start("w", "")
    await until(lambda: bodies.calls == ["a"])
    await pause(stage, run_id)
    stage.store.hold_answer("run", until=read)
    commands: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
        "resume": lambda: stage.answer(run_id),
        "pause": lambda: pause(stage, run_id),
        "cancel": lambda: stage.engine.cancel(Cancel(run_id)),
    }

    commanding = asyncio.create_task(commands[kind]())
    await until(lambda: stage.store.has_held("run"))
    gate.set()
    await commanding
    run = await stage.at_rest(run_id)
    if run.status == "paused":
        run = await stage.resume(run)

    assert run.status == ("canceled" if kind == "cancel" else "success")
    assert len(bodies.calls) == len(set(bodies.calls))
