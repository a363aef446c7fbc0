"""
Travels to arms of blocks, and to what has one body (semantics.md §5.4).
"""

import asyncio
from typing import Any

import pytest

from dalsegno.model.clock import SECOND_US
from dalsegno.model.errors import MissingHistory, TargetNotReached
from dalsegno.workflow import Context, Workflow
from tests.unit.engine.bodies import Bodies, asks_and_adds, fails
from tests.unit.engine.stage import Stages, output


async def waits_for_ever(*_: Any) -> None:
    await asyncio.Event().wait()


async def test_beside_an_arm_what_succeeded_is_reused(stages: Stages, bodies: Bodies) -> None:
    workflow = Workflow("w").then(bodies.step("a")).parallel(*bodies.steps("pq"))
    stage = await stages.open(workflow.then(bodies.step("j")))
    source = await stage.run("w", "")
    bodies.calls.clear()

    replay = await stage.travel("p", source)

    assert replay.result == "(ap|aq)j"
    assert bodies.calls == ["p", "j"]
    assert replay.reused == ["a", "q"]


@pytest.mark.parametrize("does", [fails, asks_and_adds], ids=["failed", "suspended"])
async def test_beside_an_arm_what_did_not_succeed_executes(
    does: Any, stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w").then(bodies.step("a")).parallel(*bodies.steps("pqr"))
    stage = await stages.open(workflow.then(bodies.step("j")))
    bodies.will("q", does)
    source = await stage.run("w", "")
    bodies.will_add("q")
    bodies.calls.clear()

    replay = await stage.travel("p", source)

    assert replay.result == "(ap|aq|ar)j"
    assert sorted(bodies.calls) == ["j", "p", "q"]
    assert replay.reused == ["a", "r"]


async def test_an_input_given_to_an_arm_is_its_own_alone(stages: Stages, bodies: Bodies) -> None:
    workflow = Workflow("w").then(bodies.step("a")).parallel(*bodies.steps("pq"))
    stage = await stages.open(workflow)
    bodies.will("q", fails)
    source = await stage.run("w", "")
    bodies.will_add("q")

    replay = await stage.travel("p", source, input="x")

    assert replay.result == {"p": "xp", "q": "aq"}


async def test_context_may_give_the_arms_beside_the_target(stages: Stages, bodies: Bodies) -> None:
    workflow = Workflow("w").then(bodies.step("a")).parallel(*bodies.steps("pq"))
    stage = await stages.open(workflow)
    bodies.will("q", fails)
    source = await stage.run("w", "")

    replay = await stage.travel("p", source, context={"q": output("given")})

    assert replay.result == {"p": "ap", "q": "given"}
    assert replay.records["q"].is_given


async def test_context_before_a_block_reaches_the_arms_that_execute(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w").then(bodies.step("a")).parallel(*bodies.steps("pqr"))
    stage = await stages.open(workflow)
    bodies.will("q", fails)
    source = await stage.run("w", "")
    bodies.will_add("q")

    replay = await stage.travel("p", source, context={"a": output("x")})

    assert replay.result == {"p": "xp", "q": "xq", "r": "ar"}


async def test_context_for_some_arms_before_a_join_leaves_the_others_as_recorded(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").parallel(*bodies.steps("pq")).then(bodies.step("j")))
    source = await stage.run("w", "")

    replay = await stage.travel("j", source, context={"q": output("x")})

    assert replay.result == "(p|x)j"
    assert (replay.reused, replay.records["q"].is_given) == (["p"], True)


async def test_a_block_with_an_id_executes_all_of_its_arms(stages: Stages, bodies: Bodies) -> None:
    workflow = Workflow("w").then(bodies.step("a")).parallel(*bodies.steps("pq"), id="both")
    stage = await stages.open(workflow)
    source = await stage.run("w", "")
    bodies.calls.clear()

    replay = await stage.travel("both", source)
    changed = await stage.travel("both", source, input="x")

    assert replay.result == {"p": "ap", "q": "aq"}
    assert changed.result == {"p": "xp", "q": "xq"}
    assert bodies.calls == ["p", "q", "p", "q"]


async def test_a_sibling_that_executes_needs_the_blocks_input(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w").then(bodies.step("a")).parallel(*bodies.steps("pq"))
    stage = await stages.open(workflow)

    with pytest.raises(MissingHistory) as refusal:
        await stage.begin_travel("p", workflow_id="w", input="x")
    replay = await stage.travel(
        "p", workflow_id="w", input="x", context={"q": output("y"), "a": output("z")}
    )

    assert refusal.value.facts["steps"] == "a"
    assert await stage.runs() == [replay.view.run]
    assert replay.result == {"p": "xp", "q": "y"}


async def test_in_a_race_the_arm_that_executes_decides(stages: Stages, bodies: Bodies) -> None:
    bodies.step("q", waits_for_ever)
    stage = await stages.open(Workflow("w").race(*bodies.steps("pq")).then(bodies.step("j")))
    source = await stage.run("w", "")
    assert (source.result, source.statuses["q"]) == ("pj", "canceled")
    bodies.will_add("q")

    replay = await stage.travel("q", source)
    again = await stage.travel("j", replay)

    assert replay.result == "qj"
    assert replay.statuses == {"p": "success", "q": "success", "j": "success"}
    assert replay.reused == ["p"]
    assert again.result == "qj", "the winner is the one that executed"


async def test_in_a_race_the_reused_winner_counts_if_no_other_succeeds(
    stages: Stages, bodies: Bodies
) -> None:
    bodies.step("q", waits_for_ever)
    stage = await stages.open(Workflow("w").race(*bodies.steps("pq")).then(bodies.step("j")))
    source = await stage.run("w", "")
    bodies.will("q", fails)

    replay = await stage.travel("q", source)

    assert replay.result == "pj"
    assert replay.statuses == {"p": "success", "q": "failed", "j": "success"}


def by_length(bodies: Bodies) -> Workflow:
    """
    ``long`` is taken for more than one letter, ``even`` for an even number of them.
    """
    return (
        Workflow("w")
        .then(bodies.step("a"))
        .branch(
            (lambda text: len(text) > 1, bodies.step("long")),
            (lambda text: len(text) % 2 == 0, bodies.step("even")),
            id="chosen",
        )
        .then(bodies.step("j"))
    )


async def test_conditions_are_asked_again_on_the_branchs_input(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(by_length(bodies))
    source = await stage.run("w", "i")
    assert source.result == "(ialong|iaeven)j"

    same = await stage.travel("long", source)
    other = await stage.travel("long", source, input="xyz")

    assert (same.result, same.reused) == ("(ialong|iaeven)j", ["a", "even"])
    assert other.result == "(xyzlong)j", "the input given is the branch's"
    assert other.statuses["even"] == "skipped"
    assert "even" in other.own


async def test_an_arm_that_is_not_taken_is_refused_unless_it_is_forced(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(by_length(bodies))
    source = await stage.run("w", "")
    assert source.result == "()j"

    with pytest.raises(TargetNotReached) as refusal:
        await stage.begin_travel("long", source)
    forced = await stage.travel("long", source, force=True)
    joined = await stage.travel("long", source, input="xy", force=True)

    assert refusal.value.facts["step"] == "long"
    assert forced.result == "(along)j"
    assert joined.result == "(xylong|xyeven)j"
    assert len(await stage.runs()) == 3


async def test_a_branch_with_an_id_is_asked_and_executed_as_a_whole(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(by_length(bodies))
    source = await stage.run("w", "i")
    bodies.calls.clear()

    replay = await stage.travel("chosen", source, input="xyz")

    assert replay.result == "(xyzlong)j"
    assert bodies.calls == ["long", "j"]
    assert replay.reused == ["a"]


async def test_a_branchs_condition_that_raises_fails_the_replay(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(by_length(bodies))
    source = await stage.run("w", "i")

    replay = await stage.travel("long", source, input=7)

    assert (replay.status, replay.error.type) == ("failed", "TypeError")
    assert replay.own == []
    assert replay.story == ["run_started", "run_failed"]


async def test_an_input_given_to_a_branch_that_comes_first_is_the_runs(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w").branch(
        (lambda _: True, bodies.step("p")), (lambda text: text == "in", bodies.step("q"))
    )
    stage = await stages.open(workflow)
    source = await stage.run("w", "in")

    replay = await stage.travel("p", source, input="x")

    assert replay.result == {"p": "xp"}
    assert replay.view.run.input.json == b'"x"'


async def test_an_arm_of_a_first_parallel_leaves_the_runs_input(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").parallel(*bodies.steps("pq")))
    source = await stage.run("w", "in")

    replay = await stage.travel("p", source, input="x")

    assert replay.result == {"p": "xp", "q": "inq"}
    assert replay.view.run.input.json == b'"in"'


async def test_a_nested_workflow_executes_as_a_whole_or_from_inside(
    stages: Stages, bodies: Bodies
) -> None:
    inner = Workflow("inner").then(*bodies.steps("xyz"))
    stage = await stages.open(Workflow("w").then(bodies.step("a"), inner, bodies.step("b")))
    source = await stage.run("w", "")
    bodies.calls.clear()

    whole = await stage.travel("inner", source)
    inside = await stage.travel("inner.y", source, input="1")
    given = await stage.travel("inner.y", source, context={"inner.x": output("2")})

    assert whole.result == "axyzb"
    assert inside.result == "1yzb"
    assert given.result == "2yzb"
    assert whole.reused == ["a"]
    assert inside.reused == ["a", "inner.x"]
    assert "inner" in inside.own, "the record of a container that is entered is the replay's own"
    assert inside.input("inner") == "a"
    assert bodies.calls[4:7] == ["inner.y", "inner.z", "b"]


async def test_a_travel_into_an_arm_that_is_a_workflow_reuses_the_other_arms(
    stages: Stages, bodies: Bodies
) -> None:
    inner = Workflow("inner").then(*bodies.steps("xy"))
    stage = await stages.open(Workflow("w").parallel(bodies.step("p"), inner))
    source = await stage.run("w", "")

    replay = await stage.travel("inner.y", source, input="1")

    assert replay.result == {"p": "p", "inner": "1y"}
    assert replay.reused == ["p", "inner.x"]


async def test_a_container_beside_the_target_that_had_not_succeeded_begins_anew(
    stages: Stages, bodies: Bodies
) -> None:
    inner = Workflow("inner").then(*bodies.steps("xy"))
    stage = await stages.open(Workflow("w").parallel(bodies.step("p"), inner))
    bodies.will("y", fails)
    source = await stage.run("w", "")
    bodies.will_add("y")
    bodies.calls.clear()

    replay = await stage.travel("p", source)

    assert replay.result == {"p": "p", "inner": "xy"}
    assert sorted(bodies.calls) == ["inner.x", "inner.y", "p"]


async def test_a_whens_condition_is_asked_again(stages: Stages, bodies: Bodies) -> None:
    workflow = Workflow("w").then(bodies.step("a")).when(lambda text: text == "a", bodies.step("m"))
    stage = await stages.open(workflow.then(bodies.step("b")))
    source = await stage.run("w", "")

    taken = await stage.travel("m", source)
    skipped = await stage.travel("m", source, input="other")

    assert taken.result == "amb"
    assert skipped.result == "otherb"
    assert skipped.statuses["m"] == "skipped"


async def test_a_target_inside_a_when_that_is_not_taken_is_refused_unless_forced(
    stages: Stages, bodies: Bodies
) -> None:
    inner = Workflow("inner").then(*bodies.steps("xy"))
    workflow = Workflow("w").then(bodies.step("a")).when(lambda text: text == "a", inner)
    stage = await stages.open(workflow)
    source = await stage.run("w", "other")
    taken = await stage.run("w", "")

    with pytest.raises(TargetNotReached):
        await stage.begin_travel("inner.y", source, input="1")
    forced = await stage.travel("inner.y", source, input="1", force=True)
    inside = await stage.travel("inner.y", taken, input="1")

    assert forced.result == "1y"
    assert inside.result == "1y"


async def test_a_sleep_sleeps_again_and_its_input_passes_through(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w").then(bodies.step("a")).sleep("nap", 5).then(bodies.step("b"))
    stage = await stages.open(workflow)
    source = await stage.run("w", "")

    begun_us = stage.clock.now_us()
    replay = await stage.travel("nap", source)
    given = await stage.travel("nap", source, input="x")

    assert replay.result == "ab"
    assert given.result == "xb"
    assert (replay.view.run.ended_us or 0) == begun_us + 5 * SECOND_US
    assert replay.story[1:4] == ["step_waiting nap", "run_waiting", "step_completed nap"]


async def test_a_map_and_a_tap_execute_again(stages: Stages, bodies: Bodies) -> None:
    workflow = Workflow("w").tap(bodies.step("t")).map("m", lambda text: text + "m")
    stage = await stages.open(workflow.then(bodies.step("b")))
    source = await stage.run("w", "in")

    tapped = await stage.travel("t", source, input="x")
    mapped = await stage.travel("m", source, input="x")

    assert (tapped.result, tapped.output("t")) == ("xmb", "xt")
    assert (mapped.result, mapped.reused) == ("xmb", ["t"])


async def test_a_failed_tap_or_a_skipped_when_is_no_obstacle(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w").tap(bodies.step("t", fails)).then(bodies.step("a"))
    workflow.when(lambda _: False, bodies.step("m")).then(bodies.step("b"))
    stage = await stages.open(workflow)
    source = await stage.run("w", "in")

    behind_tap = await stage.travel("a", source)
    behind_when = await stage.travel("b", source)

    assert behind_tap.result == behind_when.result == "inab"


async def test_an_arm_suspended_by_the_replay_is_resumed_in_it(
    stages: Stages, bodies: Bodies
) -> None:
    def asks_of_replays(value: Any, ctx: Context) -> Any:
        return asks_and_adds(value, ctx) if ctx.is_replay else "first"

    workflow = Workflow("w").parallel(bodies.step("p", asks_of_replays), bodies.step("q"))
    stage = await stages.open(workflow.then(bodies.step("j")))
    source = await stage.run("w", "")

    replay = await stage.travel("p", source)
    assert (replay.status, replay.suspended_at) == ("suspended", ["p"])
    replay = await stage.resume(replay, "ok")

    assert replay.result == "(<ok>|q)j"
    assert bodies.calls == ["p", "q", "j", "p", "p", "j"]
    assert replay.reused == ["q"]
