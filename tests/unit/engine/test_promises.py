"""
What users of systems like this one complain of, and we promise not to have: one test for each.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from dalsegno.engine.commands import Accepted
from dalsegno.model.errors import DalsegnoError, RunFinished
from dalsegno.model.event import EventType
from dalsegno.workflow import Context, Workflow
from tests.unit.engine.bodies import Bodies, asks, asks_and_adds, fails, trace
from tests.unit.engine.stage import Stages

FALSY: list[Any] = [None, False, 0, "", [], {}]


@pytest.mark.parametrize("value", FALSY)
async def test_a_falsy_or_null_input_is_not_ignored(
    value: Any, stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a", lambda given, _: [given])))
    source = await stage.run("w", "something")

    replay = await stage.travel("a", source, input=value)

    assert replay.input("a") == value
    assert replay.result == [value]


@pytest.mark.parametrize("value", FALSY)
async def test_falsy_or_null_resume_data_is_not_ignored(
    value: Any, stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a", asks)))
    run = await stage.run("w", "")

    run = await stage.resume(run, value)

    assert run.status == "success"
    assert run.result == value


async def test_two_callers_who_resume_at_once_do_not_both_run(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a", asks_and_adds)))
    run = await stage.run("w", "")
    bodies.calls.clear()

    answers = [stage.answer(run, "1"), stage.answer(run, "2")]
    outcomes = await asyncio.gather(*answers, return_exceptions=True)
    await stage.at_rest(run.run_id)

    assert sum(isinstance(outcome, Accepted) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, DalsegnoError) for outcome in outcomes) == 1
    assert bodies.calls == ["a"]


async def test_a_terminal_state_does_not_change(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a")))
    ended = await stage.run("w", "")

    for attempt in (stage.answer(ended, "x"), stage.cancel(ended.run_id)):
        with pytest.raises(RunFinished):
            await attempt
    await stage.travel("a", ended, input="other")

    assert await stage.seen(ended) == ended


async def test_an_arm_that_succeeded_does_not_run_again(stages: Stages, bodies: Bodies) -> None:
    steps = bodies.step("p"), bodies.step("q", asks_and_adds), bodies.step("r", fails)
    stage = await stages.open(Workflow("w").parallel(*steps))
    run = await stage.run("w", "")
    replay = await stage.travel("r", run)
    bodies.calls.clear()

    await stage.resume(run, "x")
    await stage.resume(replay, "x")

    assert bodies.calls == ["q", "q"]


async def test_an_item_that_succeeded_does_not_run_again(stages: Stages, bodies: Bodies) -> None:
    def fails_on_b(value: Any, ctx: Context) -> Any:
        return fails(value, ctx) if value == "b" else f"{value}."

    stage = await stages.open(Workflow("w").foreach(bodies.step("x", fails_on_b)))
    source = await stage.run("w", ["a", "b", "c"])
    bodies.will_add("x")
    bodies.calls.clear()

    replay = await stage.travel("x", source)

    assert bodies.calls == ["x[1]", "x[2]"]
    assert replay.result == ["a.", "bx", "cx"]


async def test_a_loop_that_failed_at_3_does_not_begin_again_at_0(
    stages: Stages, bodies: Bodies
) -> None:
    def fails_at_3(value: Any, ctx: Context) -> Any:
        return fails(value, ctx) if ctx.address == "l[3]" else f"{value}l"

    loop = Workflow("w").do_until(bodies.step("l", fails_at_3), lambda text: len(text) == 5)
    stage = await stages.open(loop)
    source = await stage.run("w", "")
    bodies.will_add("l")
    bodies.calls.clear()

    replay = await stage.travel("l", source)

    assert bodies.calls == ["l[3]", "l[4]"]
    assert replay.result == "lllll"


@pytest.mark.parametrize(("does", "status"), [(fails, "failed"), (asks, "suspended")])
async def test_what_becomes_of_a_nested_step_is_seen_by_its_parents(
    does: Any, status: str, stages: Stages, bodies: Bodies
) -> None:
    inner = Workflow("inner").then(bodies.step("a", does))
    stage = await stages.open(Workflow("w").then(Workflow("outer").then(inner)))

    run = await stage.run("w", "")

    assert run.status == status
    assert set(run.statuses.values()) == {status}


async def test_a_step_that_mutates_its_input_changes_no_history(
    stages: Stages, bodies: Bodies
) -> None:
    def mutates(value: Any, _: Context) -> Any:
        value["list"].append("added")
        return value

    stage = await stages.open(Workflow("w").then(bodies.step("a", mutates)))
    run = await stage.run("w", {"list": []})
    replay = await stage.travel("a", run)

    for seen in (run, replay):
        assert seen.input("a") == {"list": []}
        assert seen.output("a") == {"list": ["added"]}


@pytest.mark.parametrize(
    ("does", "last"),
    [(asks, "run_suspended"), (fails, "run_failed"), (lambda *_: 1, "run_completed")],
)
async def test_a_stream_ends_and_with_the_event_that_says_why(
    does: Any, last: str, stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a", does)))
    run_id = await stage.start("w", "")

    types: list[EventType] = []
    async with asyncio.timeout(10):
        watch = await stage.engine.watch(run_id, after_sequence=0, follow=False, idle_s=5)
        async for batch in watch:
            types.extend(event.type for event in batch)

    assert types[-1] == last


async def test_a_source_is_not_overwritten(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(*bodies.steps("abc")))
    source = await stage.run("w", "")

    for step in "abc":
        await stage.travel(step, source, input="other")

    assert await stage.seen(source) == source


async def test_a_replay_does_not_see_the_future(stages: Stages, bodies: Bodies) -> None:
    async def looks_ahead(value: Any, ctx: Context) -> str:
        return f"{trace(value)}{await ctx.result_of('c')}"

    workflow = Workflow("w").then(bodies.step("a"), bodies.step("b", looks_ahead))
    stage = await stages.open(workflow.then(bodies.step("c")))
    source = await stage.run("w", "")

    replay = await stage.travel("b", source)

    assert replay.output("b") == "aNone"


async def test_storage_grows_with_the_steps_and_not_with_their_square(
    stages: Stages, bodies: Bodies, tmp_path: Path
) -> None:
    """
    The goal: no snapshot of all outputs with each step, as some systems keep it.
    The method: outputs of 1 KiB; 200 steps take about twice what 100 take, not four times.
    """

    def one_kilobyte(_: Any, ctx: Context) -> str:
        return ctx.address.ljust(1024, ".")

    sizes = []
    for count in (0, 100, 200):
        steps = [bodies.step(f"s{number}", one_kilobyte) for number in range(count)]
        stage = await stages.open(Workflow("w").then(bodies.step("first"), *steps))
        before = _size(tmp_path)
        await stage.run("w", "")
        await stages.close()
        sizes.append(_size(tmp_path) - before)

    once, twice = sizes[1] - sizes[0], sizes[2] - sizes[0]
    assert once > 100 * 1024
    assert twice < 2.5 * once


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("runs.db*"))
