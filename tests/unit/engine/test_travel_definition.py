"""
Travels in a workflow whose code has changed since the source ran (semantics.md §5.5).
"""

from typing import Any

import pytest

from dalsegno.model.errors import DefinitionChanged, MissingHistory, StepNotFound
from dalsegno.workflow import Context, Workflow, step
from tests.unit.engine.bodies import Bodies, fails
from tests.unit.engine.stage import Stages, output


def sequence(bodies: Bodies, ids: str) -> Workflow:
    return Workflow("w").then(*bodies.steps(ids))


async def test_changed_code_alone_changes_no_definition(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(sequence(bodies, "abc"))
    bodies.will("b", fails)
    source = await stage.run("w", "")
    stage = await stages.open(sequence(bodies, "abc"))
    bodies.will("b", lambda text, _: f"{text}B")

    replay = await stage.travel("b", source)

    assert replay.result == "aBc"
    assert not replay.view.run.definition_changed
    assert replay.view.run.definition_hash == source.view.run.definition_hash


async def test_a_replay_of_another_definition_says_so(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(sequence(bodies, "abc"))
    source = await stage.run("w", "")
    stage = await stages.open(sequence(bodies, "abcd"))

    replay = await stage.travel("b", source)
    again = await stage.travel("c", replay)

    assert replay.result == "abcd"
    assert replay.view.run.definition_changed
    assert replay.view.run.definition_hash != source.view.run.definition_hash
    assert not again.view.run.definition_changed, "it compares with the direct source"


async def test_a_new_step_before_the_target_is_missing(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(sequence(bodies, "ac"))
    source = await stage.run("w", "")
    stage = await stages.open(sequence(bodies, "abc"))

    with pytest.raises(MissingHistory) as refusal:
        await stage.begin_travel("c", source)
    given = await stage.travel("c", source, context={"b": output("x")})
    with_input = await stage.travel("c", source, input="y")

    assert refusal.value.facts["steps"] == "b"
    assert given.result == "xc"
    assert with_input.result == "yc"
    assert given.statuses == {"a": "success", "b": "success", "c": "success"}
    assert with_input.statuses == {"a": "success", "b": "not_run", "c": "success"}
    assert with_input.records["b"].output is None


async def test_a_step_that_was_not_run_has_no_result(stages: Stages, bodies: Bodies) -> None:
    @step(id="c")
    async def asks(value: str, ctx: Context) -> Any:
        return [value, await ctx.result_of("a"), await ctx.result_of("b")]

    stage = await stages.open(sequence(bodies, "ac"))
    source = await stage.run("w", "")
    stage = await stages.open(sequence(bodies, "ab").then(asks))

    assert (await stage.travel("c", source, input="y")).result == ["y", "a", None]


async def test_what_was_not_run_stays_so_in_replays_of_the_replay(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(sequence(bodies, "ac"))
    source = await stage.run("w", "")
    stage = await stages.open(sequence(bodies, "abcd"))
    replay = await stage.travel("c", source, input="y")

    again = await stage.travel("d", replay)

    assert again.result == "ycd"
    assert again.statuses == {"a": "success", "b": "not_run", "c": "success", "d": "success"}


async def test_a_predecessor_that_was_removed_does_not_matter_to_a_recorded_input(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(sequence(bodies, "abc"))
    source = await stage.run("w", "")
    stage = await stages.open(sequence(bodies, "ac"))

    replay = await stage.travel("c", source)

    assert replay.result == "abc"
    assert "b" not in replay.records


async def test_steps_in_another_order_are_refused_unless_that_is_allowed(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(sequence(bodies, "abc"))
    source = await stage.run("w", "")
    stage = await stages.open(sequence(bodies, "bac"))

    with pytest.raises(DefinitionChanged) as refusal:
        await stage.begin_travel("c", source)
    with pytest.raises(DefinitionChanged):
        await stage.begin_travel("c", source, input="x")
    allowed = await stage.travel("c", source, allow_definition_change=True)

    assert refusal.value.facts["recorded"] == "a, b, c"
    assert refusal.value.facts["defined"] == "b, a, c"
    assert allowed.result == "abc", "the recorded input comes before one of new predecessors"
    assert len(await stage.runs()) == 2


async def test_the_targets_own_place_counts_in_the_order(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(sequence(bodies, "abc"))
    source = await stage.run("w", "")
    stage = await stages.open(sequence(bodies, "acb"))

    with pytest.raises(DefinitionChanged):
        await stage.begin_travel("b", source)
    assert (await stage.travel("a", source)).result == "acb"


async def test_the_order_inside_of_containers_counts_for_targets_there_alone(
    stages: Stages, bodies: Bodies
) -> None:
    def build(ids: str) -> Workflow:
        inner = Workflow("inner").then(*bodies.steps(ids))
        return Workflow("w").then(inner, bodies.step("b"))

    stage = await stages.open(build("xyz"))
    source = await stage.run("w", "")
    stage = await stages.open(build("yxz"))

    with pytest.raises(DefinitionChanged):
        await stage.begin_travel("inner.z", source)
    assert (await stage.travel("b", source)).result == "xyzb"


async def test_arms_have_no_order_among_themselves(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").parallel(*bodies.steps("pq")).then(bodies.step("j")))
    source = await stage.run("w", "")
    stage = await stages.open(Workflow("w").parallel(*bodies.steps("qp")).then(bodies.step("j")))

    assert (await stage.travel("j", source)).result == "(p|q)j"


async def test_a_target_that_is_gone_is_not_found_and_those_there_are_named(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(sequence(bodies, "abc"))
    source = await stage.run("w", "")
    stage = await stages.open(sequence(bodies, "ac"))

    with pytest.raises(StepNotFound) as refusal:
        await stage.begin_travel("b", source)

    assert refusal.value.facts["addresses"] == "a, c"


async def test_a_recorded_input_that_a_new_type_refuses_fails_the_step_in_the_replay(
    stages: Stages, bodies: Bodies
) -> None:
    @step(id="b")
    async def typed(value: int) -> int:
        return value

    stage = await stages.open(sequence(bodies, "ab"))
    source = await stage.run("w", "")
    stage = await stages.open(sequence(bodies, "a").then(typed))

    replay = await stage.travel("b", source)

    assert (replay.status, replay.error.type) == ("failed", "TypeMismatch")
    assert replay.story == ["run_started", "step_failed b", "run_failed"]
    assert replay.input("b") == "a"


async def test_a_run_is_shown_with_the_definition_it_ran_with(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(sequence(bodies, "abc"))
    source = await stage.run("w", "")
    replay = await stage.travel("c", source)
    stage = await stages.open(Workflow("w").then(bodies.step("z")))

    assert await stage.seen(source) == source
    assert await stage.seen(replay) == replay


async def test_a_suspended_run_goes_on_with_the_new_definition(
    stages: Stages, bodies: Bodies
) -> None:
    asking = Workflow("w").then(bodies.step("a"), bodies.step("s", lambda _, ctx: ctx.suspend()))
    stage = await stages.open(asking)
    run = await stage.run("w", "")
    changed = Workflow("w").then(*bodies.steps("as"), bodies.step("new"))
    stage = await stages.open(changed)

    run = await stage.resume(run, "ok")

    assert run.result == "oknew"
    assert run.view.run.definition_hash == changed.definition_hash
    assert not run.view.run.definition_changed, "only a replay's definition is compared"
