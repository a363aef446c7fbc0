"""
Going one step at a time.
"""

import pytest

from dalsegno.model.errors import NotSuspended
from dalsegno.workflow import Workflow
from tests.unit.engine.bodies import Bodies, asks_and_adds, fails
from tests.unit.engine.stage import Stages


async def test_a_run_stops_after_each_step(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(*bodies.steps("abc")))

    run = await stage.run("w", "", per_step=True)
    assert (run.status, list(run.records)) == ("paused", ["a"])
    assert run.story[-1] == "run_paused"
    assert run.events[-1].addresses == run.view.run.paused_at == ("b",)
    run = await stage.resume(run, per_step=True)
    assert (run.status, list(run.records)) == ("paused", ["a", "b"])
    run = await stage.resume(run, per_step=True)

    assert (run.status, run.result) == ("success", "abc"), "nothing is left after the last"
    assert bodies.calls == ["a", "b", "c"]


async def test_a_paused_run_goes_on_to_its_end_without_per_step(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(*bodies.steps("abc")))

    run = await stage.resume(await stage.run("w", "", per_step=True))

    assert run.result == "abc"
    assert run.story.count("run_paused") == 1
    assert run.view.run.paused_at == ()


async def test_a_paused_run_takes_no_data(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(*bodies.steps("ab")))
    run = await stage.run("w", "", per_step=True)

    for fields in ({"resume_data": None}, {"step": "b"}, {"label": "any"}):
        with pytest.raises(NotSuspended):
            await stage.answer(run, **fields)

    assert await stage.seen(run) == run


async def test_a_travel_stops_after_its_target(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(*bodies.steps("abcd")))
    source = await stage.run("w", "")

    replay = await stage.travel("b", source, per_step=True)
    assert (replay.status, replay.own) == ("paused", ["b"])
    replay = await stage.resume(replay, per_step=True)
    assert (replay.status, replay.own) == ("paused", ["b", "c"])

    assert (await stage.resume(replay)).result == "abcd"


async def test_a_travel_to_the_last_step_finishes(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(*bodies.steps("ab")))
    source = await stage.run("w", "")

    assert (await stage.travel("b", source, per_step=True)).status == "success"


async def test_a_block_a_loop_or_a_nested_workflow_is_one_step(
    stages: Stages, bodies: Bodies
) -> None:
    inner = Workflow("inner").then(*bodies.steps("xy"))
    workflow = (
        Workflow("w")
        .parallel(*bodies.steps("pq"))
        .map("m", lambda arms: "".join(arms.values()))
        .then(inner)
        .do_until(bodies.step("l"), lambda text: text.endswith("ll"))
    )
    stage = await stages.open(workflow)

    run = await stage.run("w", "", per_step=True)
    stops = [run.view.run.paused_at]
    while run.status == "paused":
        run = await stage.resume(run, per_step=True)
        stops.append(run.view.run.paused_at)

    assert stops == [("m",), ("inner",), ("l",), ()]
    assert run.result == "pqxyll"


async def test_in_a_parallel_block_only_the_target_executes(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").parallel(*bodies.steps("pqr")).then(bodies.step("j")))
    bodies.will("q", fails)
    source = await stage.run("w", "")
    bodies.will_add("q")
    bodies.calls.clear()

    replay = await stage.travel("p", source, per_step=True)
    assert (replay.status, bodies.calls) == ("paused", ["p"])
    replay = await stage.resume(replay)

    assert replay.result == "(p|q|r)j"
    assert bodies.calls == ["p", "q", "j"]


async def test_inside_a_nested_workflow_a_travel_steps_there(
    stages: Stages, bodies: Bodies
) -> None:
    inner = Workflow("inner").then(*bodies.steps("xyz"))
    stage = await stages.open(Workflow("w").then(bodies.step("a"), inner, bodies.step("b")))
    source = await stage.run("w", "")

    replay = await stage.travel("inner.x", source, per_step=True)

    assert replay.view.run.paused_at == ("inner.y",)
    assert (await stage.resume(replay)).result == "axyzb"
    assert replay.story.count("step_started inner") == 1


async def test_inside_a_loop_or_foreach_it_is_one_iteration_or_item(
    stages: Stages, bodies: Bodies
) -> None:
    loop = Workflow("loop").do_until(bodies.step("l"), lambda text: len(text) >= 4)
    stage = await stages.open(loop, Workflow("each").foreach(bodies.step("f")))
    looped = await stage.run("loop", "")
    each = await stage.run("each", ["1", "2", "3"])

    iteration = await stage.travel("l[1]", looped, per_step=True)
    item = await stage.travel("f[1]", each, per_step=True)

    assert (iteration.status, iteration.view.run.paused_at) == ("paused", ("l[2]",))
    assert (await stage.resume(iteration)).result == "llll"
    assert item.result == ["1f", "2f", "3f"], "the other items are reused: nothing is left"


async def test_items_that_did_not_succeed_are_left_for_later(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").foreach(bodies.step("f")))
    bodies.will("f", fails)
    source = await stage.run("w", ["1", "2", "3"])
    bodies.will_add("f")

    replay = await stage.travel("f[0]", source, per_step=True)
    assert (replay.status, replay.view.run.paused_at) == ("paused", ("f[1]",))
    replay = await stage.resume(replay, per_step=True)
    assert (replay.status, replay.view.run.paused_at) == ("paused", ("f[2]",))

    assert (await stage.resume(replay)).result == ["1f", "2f", "3f"]


async def test_a_step_that_asks_is_answered_and_the_run_steps_on(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(
        Workflow("w").then(bodies.step("s", asks_and_adds), *bodies.steps("bc"))
    )
    run = await stage.run("w", "", per_step=True)
    assert run.status == "suspended"

    run = await stage.resume(run, "ok", per_step=True)

    assert (run.status, run.view.run.paused_at) == ("paused", ("b",))
    assert (await stage.resume(run)).result == "<ok>bc"
