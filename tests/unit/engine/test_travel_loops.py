"""
Travels to loops and foreach, as a whole and to one iteration or item (semantics.md §5.4).
"""

from collections.abc import Callable
from typing import Any

import pytest

from dalsegno.model.errors import MissingHistory, StepNotFound
from dalsegno.model.event import EventType
from dalsegno.workflow import Context, Workflow
from tests.unit.engine.bodies import Bodies, asks, fails, trace
from tests.unit.engine.stage import Stages, output, payload

Loops = Callable[[Bodies], Workflow]


def counting(bodies: Bodies) -> Workflow:
    """
    ``l`` adds itself until there are four letters: of "" it makes "llll".
    """
    return Workflow("w").do_until(bodies.step("l"), lambda text: len(text) >= 4)


def fails_at(address: str) -> Callable[[Any, Context], Any]:
    def does(value: Any, ctx: Context) -> Any:
        if ctx.address == address:
            return fails(value, ctx)
        return trace(value) + address[0]

    return does


def asks_at(address: str) -> Callable[[Any, Context], Any]:
    def does(value: Any, ctx: Context) -> Any:
        if ctx.address == address:
            return asks(value, ctx)
        return trace(value) + address[0]

    return does


async def test_a_loop_that_succeeded_executes_from_its_start(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(counting(bodies))
    source = await stage.run("w", "")
    bodies.calls.clear()

    replay = await stage.travel("l", source)

    assert replay.result == "llll"
    assert bodies.calls == ["l[0]", "l[1]", "l[2]", "l[3]"]
    assert replay.reused == []


@pytest.mark.parametrize("does", [fails_at, asks_at], ids=["failed", "suspended"])
async def test_a_loop_that_stopped_at_2_goes_on_at_2(
    does: Callable[[str], Any], stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(counting(bodies).then(bodies.step("b")))
    bodies.will("l", does("l[2]"))
    source = await stage.run("w", "")
    bodies.will_add("l")
    bodies.calls.clear()

    replay = await stage.travel("l", source)

    assert replay.result == "llllb"
    assert bodies.calls == ["l[2]", "l[3]", "b"]
    assert replay.reused == ["l[0]", "l[1]"]
    assert replay.own == ["l", "l[2]", "l[3]", "b"]
    assert replay.view.run.lineage is not None
    assert (replay.view.run.lineage.step, replay.view.run.lineage.entry) == ("l", "l[2]")


async def test_a_loop_that_failed_begins_anew_with_an_input(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a")), counting(bodies))
    bodies.will("l", fails_at("l[2]"))
    source = await stage.run("w", "")
    bodies.will_add("l")
    bodies.calls.clear()

    given = await stage.travel("l", source, input="xxx")
    by_context = await stage.travel("l", source, context={"l": payload("xxx")})

    assert given.result == by_context.result == "xxxl"
    assert bodies.calls == ["l[0]", "l[0]"]


async def test_a_loop_that_failed_begins_anew_behind_a_given_output(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w").then(bodies.step("a"))
    workflow.do_until(bodies.step("l"), lambda text: len(text) >= 4)
    stage = await stages.open(workflow)
    bodies.will("l", fails_at("l[2]"))
    source = await stage.run("w", "")
    bodies.will_add("l")

    replay = await stage.travel("l", source, context={"a": output("xxx")})

    assert replay.result == "xxxl"
    assert replay.own == ["a", "l", "l[0]"]


async def test_a_loop_of_a_canceled_source_begins_anew(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(counting(bodies))
    bodies.will("l", asks_at("l[2]"))
    run = await stage.run("w", "")
    source = await stage.cancel(run.run_id)
    bodies.will_add("l")
    bodies.calls.clear()

    replay = await stage.travel("l", source)

    assert replay.result == "llll"
    assert bodies.calls == ["l[0]", "l[1]", "l[2]", "l[3]"]


async def test_a_foreach_that_failed_in_a_run_canceled_later_begins_anew(
    stages: Stages, bodies: Bodies
) -> None:
    items = Workflow("items").foreach(bodies.step("f", fails_at("items.f[1]")))
    stage = await stages.open(Workflow("w").parallel(items, bodies.step("s", asks)))
    run = await stage.run("w", ["1", "2"])
    assert run.statuses["items.f"] == "failed"
    source = await stage.cancel(run.run_id)
    bodies.will_add("f")
    bodies.calls.clear()

    replay = await stage.travel("items.f", source, context={"s": output("given")})

    assert replay.result == {"items": ["1f", "2f"], "s": "given"}
    assert bodies.calls == ["items.f[0]", "items.f[1]"]


async def test_a_loop_whose_condition_failed_asks_it_again_first(
    stages: Stages, bodies: Bodies
) -> None:
    is_broken = True

    def enough(text: str) -> bool:
        if is_broken and len(text) == 2:
            raise OSError
        return len(text) >= 3

    stage = await stages.open(Workflow("w").do_until(bodies.step("l"), enough))
    source = await stage.run("w", "")
    assert source.statuses == {"l": "failed", "l[0]": "success", "l[1]": "success"}
    is_broken = False
    bodies.calls.clear()

    replay = await stage.travel("l", source)

    assert replay.result == "lll"
    assert bodies.calls == ["l[2]"]


async def test_an_iteration_executes_and_the_loop_goes_on(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(counting(bodies))
    source = await stage.run("w", "")
    bodies.calls.clear()

    replay = await stage.travel("l[1]", source, input="x")

    assert replay.result == "xlll"
    assert bodies.calls == ["l[1]", "l[2]", "l[3]"]
    assert replay.reused == ["l[0]"]
    assert replay.input("l") == ""


async def test_the_first_iteration_leaves_the_runs_input(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(counting(bodies))
    source = await stage.run("w", "")

    replay = await stage.travel("l[0]", source, input="xx")

    assert replay.result == "xxll"
    assert replay.view.run.input.json == b'""'


async def test_an_iteration_right_behind_the_last_executes_with_its_output(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(counting(bodies))
    source = await stage.run("w", "")

    replay = await stage.travel("l[4]", source)

    assert replay.result == "lllll"
    assert replay.reused == ["l[0]", "l[1]", "l[2]", "l[3]"]
    for far in ("l[5]", "l[6]", "l[1000]"):
        with pytest.raises(MissingHistory):
            await stage.begin_travel(far, source)


async def test_a_record_for_the_iteration_before_may_be_given(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(counting(bodies))
    source = await stage.run("w", "")

    replay = await stage.travel("l[2]", source, context={"l[1]": output("x")})

    assert replay.result == "xlll"
    assert replay.records["l[1]"].is_given


async def test_reused_iterations_count_against_the_limit(stages: Stages, bodies: Bodies) -> None:
    loop = Workflow("w").do_until(bodies.step("l"), lambda _: False, max_iterations=3)
    stage = await stages.open(loop)
    source = await stage.run("w", "")
    bodies.calls.clear()

    replay = await stage.travel("l[2]", source)

    for run in (source, replay):
        assert (run.status, run.error.type) == ("failed", "MaxIterationsExceeded")
    assert bodies.calls == ["l[2]"]


async def test_a_step_inside_an_iteration_is_a_target(stages: Stages, bodies: Bodies) -> None:
    body = Workflow("body").then(*bodies.steps("xy"))
    stage = await stages.open(Workflow("w").do_until(body, lambda text: len(text) >= 6))
    source = await stage.run("w", "")
    assert source.result == "xyxyxy"
    bodies.calls.clear()

    replay = await stage.travel("body[1].y", source, input="1")

    assert replay.result == "1yxyxy"
    assert bodies.calls == ["body[1].y", "body[2].x", "body[2].y", "body[3].x", "body[3].y"]
    assert replay.reused == ["body[0]", "body[0].x", "body[0].y", "body[1].x"]
    assert replay.input("body[1]") == "xy"


async def test_a_foreach_that_succeeded_executes_all_of_its_items(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").foreach(bodies.step("f")))
    source = await stage.run("w", ["1", "2"])

    same = await stage.travel("f", source)
    other = await stage.travel("f", source, input=["3"])

    assert (same.result, same.reused) == (["1f", "2f"], [])
    assert (other.result, other.reused) == (["3f"], [])
    assert bodies.calls == ["f[0]", "f[1]"] * 2 + ["f[0]"]


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_a_foreach_that_failed_goes_on_with_the_items_that_did_not_succeed(
    concurrency: int, stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").foreach(bodies.step("f"), concurrency))
    bodies.will("f", fails_at("f[1]"))
    source = await stage.run("w", ["1", "2", "3", "4"])
    bodies.will_add("f")
    succeeded = [at for at, status in source.statuses.items() if status == "success"]
    bodies.calls.clear()

    replay = await stage.travel("f", source)

    assert replay.result == ["1f", "2f", "3f", "4f"]
    assert replay.reused == succeeded
    assert sorted(bodies.calls) == sorted({"f[0]", "f[1]", "f[2]", "f[3]"} - set(succeeded))


async def test_after_the_first_failure_no_item_begins_and_those_in_flight_finish(
    stages: Stages, bodies: Bodies
) -> None:
    bodies.step("f", fails_at("f[1]"))
    stage = await stages.open(Workflow("w").foreach(bodies.step("f"), concurrency=3))

    run = await stage.run("w", ["1", "2", "3", "4", "5", "6"])

    assert run.statuses["f[2]"] == "success"
    assert run.error.message == "f[1] failed"
    assert set(bodies.calls) < {f"f[{index}]" for index in range(6)}


async def test_at_most_so_many_items_are_in_progress(stages: Stages, bodies: Bodies) -> None:
    under_way = set()
    most = 0

    async def counts(value: Any, ctx: Context) -> Any:
        nonlocal most
        under_way.add(ctx.address)
        most = max(most, len(under_way))
        await ctx.result_of("nothing")
        under_way.remove(ctx.address)
        return value

    stage = await stages.open(Workflow("w").foreach(bodies.step("f", counts), concurrency=3))

    run = await stage.run("w", list(range(10)))

    assert run.result == list(range(10))
    assert most == 3


async def test_an_item_executes_and_the_others_are_reused(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").foreach(bodies.step("f")).then(bodies.step("b")))
    source = await stage.run("w", ["1", "2", "3"])
    bodies.calls.clear()

    replay = await stage.travel("f[1]", source, input="x")

    assert replay.result == "[1f|xf|3f]b"
    assert bodies.calls == ["f[1]", "b"]
    assert replay.reused == ["f[0]", "f[2]"]
    progress = replay.told(EventType.STEP_PROGRESS, "f")
    assert [(event.done, event.total) for event in progress] == [(3, 3)]


async def test_an_item_beside_the_target_that_did_not_succeed_executes(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").foreach(bodies.step("f")))
    bodies.will("f", fails_at("f[1]"))
    source = await stage.run("w", ["1", "2", "3"])
    bodies.will_add("f")
    bodies.calls.clear()

    replay = await stage.travel("f[0]", source)

    assert replay.result == ["1f", "2f", "3f"]
    assert bodies.calls == ["f[0]", "f[1]", "f[2]"]


async def test_items_may_be_given(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").foreach(bodies.step("f")))
    bodies.will("f", fails_at("f[1]"))
    source = await stage.run("w", ["1", "2", "3"])
    bodies.will_add("f")

    replay = await stage.travel("f[0]", source, context={"f[1]": output("given")})

    assert replay.result == ["1f", "given", "3f"]


async def test_an_item_beyond_the_array_is_not_found(stages: Stages, bodies: Bodies) -> None:
    body = Workflow("body").then(bodies.step("x"))
    stage = await stages.open(Workflow("w").foreach(body))
    source = await stage.run("w", ["1", "2"])

    for beyond in ("body[2]", "body[2].x", "body[999]"):
        with pytest.raises(StepNotFound):
            await stage.begin_travel(beyond, source)
    with pytest.raises(StepNotFound):
        await stage.begin_travel("body[2].x", source, input="given")

    assert len(await stage.runs()) == 1


async def test_a_step_inside_an_item_is_a_target(stages: Stages, bodies: Bodies) -> None:
    body = Workflow("body").then(*bodies.steps("xy"))
    stage = await stages.open(Workflow("w").foreach(body))
    source = await stage.run("w", ["1", "2"])
    bodies.calls.clear()

    replay = await stage.travel("body[1].y", source)

    assert replay.result == ["1xy", "2xy"]
    assert bodies.calls == ["body[1].y"]
    assert replay.reused == ["body[0]", "body[0].x", "body[0].y", "body[1].x"]


async def test_context_before_a_foreach_changes_the_array_and_the_item(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w").then(bodies.step("a", lambda *_: ["1", "2"]))
    stage = await stages.open(workflow.foreach(bodies.step("f")))
    source = await stage.run("w", "")

    replay = await stage.travel("f[1]", source, context={"a": output(["8", "9", "10"])})

    assert replay.result == ["1f", "9f", "10f"]
    assert replay.reused == ["f[0]"]
