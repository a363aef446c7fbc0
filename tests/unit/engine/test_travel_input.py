"""
What the target of a travel gets: the first of five that is given (semantics.md §5.3).
"""

from typing import Any

import pytest

from dalsegno.engine.commands import StepResult
from dalsegno.model.errors import InvalidInput, MissingHistory
from dalsegno.workflow import Context, Workflow, step
from tests.unit.engine.bodies import Bodies, fails
from tests.unit.engine.seen import Seen
from tests.unit.engine.stage import LEFT_OUT, Stage, Stages, output, payload


@pytest.fixture
async def stage(stages: Stages, bodies: Bodies) -> Stage:
    return await stages.open(Workflow("w").then(*bodies.steps("abc")))


@pytest.fixture
async def source(stage: Stage) -> Seen:
    """
    ``a``, ``b`` and ``c`` have succeeded, each adding its letter to "in".
    """
    return await stage.run("w", "in")


@pytest.mark.parametrize(
    ("given", "context", "result"),
    [
        ("1", {"c": payload("2"), "b": output("3")}, "1c"),
        (LEFT_OUT, {"c": payload("2"), "b": output("3")}, "2c"),
        (LEFT_OUT, {"b": output("3")}, "3c"),
        (LEFT_OUT, {"a": output("4")}, "inabc"),
        (LEFT_OUT, {}, "inabc"),
        (None, {"c": payload("2")}, "c"),
        (LEFT_OUT, {"c": payload(None), "b": output("3")}, "c"),
        (LEFT_OUT, {"b": output(None)}, "c"),
    ],
    ids=[
        "input_data before all",
        "payload before outputs",
        "output before recorded input",
        "an earlier output is not recomputed from",
        "recorded input",
        "null input_data is given",
        "null payload is given",
        "null output is given",
    ],
)
async def test_the_first_that_is_given_wins(
    given: Any, context: dict[str, StepResult], result: str, stage: Stage, source: Seen
) -> None:
    replay = await stage.travel("c", source, input=given, context=context)

    assert replay.result == result
    assert replay.output("c") == result


async def test_the_recorded_input_comes_before_a_computed_one(
    stages: Stages, bodies: Bodies
) -> None:
    """
    The goal: 4 comes before 5.
    The method: a replay of a replay whose predecessor was given: its output is not the input.
    """
    stage = await stages.open(Workflow("w").then(*bodies.steps("abc")))
    source = await stage.run("w", "")
    replay = await stage.travel("c", source, input="x", context={"b": output("given")})

    again = await stage.travel("c", replay)

    assert again.input("c") == "x"
    assert again.output("b") == "given"


async def test_without_a_recorded_input_it_is_computed_from_what_precedes(
    stages: Stages, bodies: Bodies
) -> None:
    """
    The source failed at b; c never had an input. Once b's output is known, c's input is.
    """
    stage = await stages.open(Workflow("w").then(*bodies.steps("abc")))
    bodies.will("b", fails)
    source = await stage.run("w", "")

    with pytest.raises(MissingHistory) as refusal:
        await stage.begin_travel("c", source)
    replay = await stage.travel("c", source, context={"b": output("fixed")})

    assert refusal.value.facts["steps"] == "b"
    assert replay.result == "fixedc"
    assert replay.reused == ["a"]


async def test_a_first_node_without_a_recorded_input_gets_the_runs(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a")))
    source = await stage.run("w", "in")
    stage = await stages.open(Workflow("w").then(*bodies.steps("ba")))

    assert (await stage.travel("b", source)).result == "inba"


async def test_an_input_given_to_the_first_node_is_the_runs(stage: Stage, source: Seen) -> None:
    first = await stage.travel("a", source, input="other")
    by_context = await stage.travel("a", source, context={"a": payload("other")})
    later = await stage.travel("b", source, input="other")

    assert [run.view.run.input.json for run in (first, by_context, later)] == [
        b'"other"',
        b'"other"',
        b'"in"',
    ]
    assert first.result == by_context.result == "otherabc"


async def test_what_lies_before_is_reused_and_does_not_execute(
    stage: Stage, source: Seen, bodies: Bodies
) -> None:
    bodies.calls.clear()

    replay = await stage.travel("b", source)

    assert bodies.calls == ["b", "c"]
    assert replay.reused == ["a"]
    assert replay.own == ["b", "c"]
    assert replay.records["a"] == source.records["a"]
    assert replay.story == [
        "run_started",
        "step_started b",
        "step_completed b",
        "step_started c",
        "step_completed c",
        "run_completed",
    ]


async def test_failed_records_before_the_target_are_reused_unchanged(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(*bodies.steps("abc")))
    bodies.will("b", fails)
    source = await stage.run("w", "")

    replay = await stage.travel("c", source, input="")

    assert replay.result == "c"
    assert replay.records["b"] == source.records["b"]
    assert replay.statuses == {"a": "success", "b": "failed", "c": "success"}


async def test_a_given_record_shows_as_given_and_not_as_reused(stage: Stage, source: Seen) -> None:
    replay = await stage.travel("c", source, context={"b": output("given")})

    record = replay.records["b"]
    assert record.is_given
    assert record.run_id == replay.run_id
    assert (replay.output("b"), record.first_sequence) == ("given", 0)
    assert replay.reused == ["a"]
    assert not any(event.address == "b" for event in replay.events)


async def test_context_for_steps_at_or_after_the_target_is_ignored(
    stage: Stage, source: Seen
) -> None:
    replay = await stage.travel("b", source, context={"c": output("no"), "b": output("no")})

    assert replay.result == "inabc"
    assert replay.view.run.lineage is not None


async def test_an_input_that_does_not_fit_the_target_is_refused_before_anything_is_written(
    stages: Stages,
) -> None:
    @step
    async def number(value: int) -> int:
        return value

    stage = await stages.open(
        Workflow("w", input=int).then(number).foreach(number.named("each")),
        Workflow("v").then(number),
    )
    source = await stage.run("v", 1)

    for context in ({}, {"number": payload("text")}):
        with pytest.raises(InvalidInput):
            await stage.begin_travel(
                "number", source, input=LEFT_OUT if context else "text", context=context
            )

    assert len(await stage.runs()) == 1
    assert (await stage.seen(source)) == source


async def test_an_input_for_a_foreach_is_its_array_and_each_item_is_checked(
    stages: Stages,
) -> None:
    @step
    async def number(value: int) -> int:
        return value

    stage = await stages.open(Workflow("w").foreach(number))
    source = await stage.run("w", [1])

    assert (await stage.travel("number", source, input=[2, 3])).result == [2, 3]
    for wrong in (1, {"0": 1}, [1, "text"]):
        with pytest.raises(InvalidInput):
            await stage.begin_travel("number", source, input=wrong)
    assert (await stage.travel("number[0]", source, input=5)).result == [5]
    with pytest.raises(InvalidInput):
        await stage.begin_travel("number[0]", source, input=[5])


async def test_the_input_of_a_first_node_must_fit_the_workflow_too(stages: Stages) -> None:
    @step
    async def anything(value: Any) -> Any:
        return value

    stage = await stages.open(Workflow("w", input=int).then(anything, anything.named("b")))
    source = await stage.run("w", 1)

    with pytest.raises(InvalidInput):
        await stage.begin_travel("anything", source, input="text")
    assert (await stage.travel("b", source, input="text")).result == "text"


async def test_without_a_source_the_input_is_given(stage: Stage, bodies: Bodies) -> None:
    replay = await stage.travel("b", workflow_id="w", input="x")

    assert replay.result == "xbc"
    lineage = replay.view.run.lineage
    assert lineage is not None
    assert (lineage.source_run_id, lineage.root_run_id, lineage.depth) == (None, replay.run_id, 0)
    assert replay.view.run.input.json == b"null"
    assert replay.statuses == {"a": "not_run", "b": "success", "c": "success"}
    assert bodies.calls == ["b", "c"]


async def test_without_a_source_the_context_may_give_what_precedes(stage: Stage) -> None:
    replay = await stage.travel("c", workflow_id="w", context={"b": output("x"), "a": output("y")})

    assert replay.result == "xc"
    assert replay.statuses == {"a": "success", "b": "success", "c": "success"}
    with pytest.raises(MissingHistory) as refusal:
        await stage.begin_travel("c", workflow_id="w", context={"b": output("x")})
    assert refusal.value.facts["steps"] == "a"


async def test_a_given_record_is_what_result_of_gives(stages: Stages, bodies: Bodies) -> None:
    async def asks(_: Any, ctx: Context) -> Any:
        return [await ctx.result_of("a"), await ctx.result_of("b")]

    stage = await stages.open(Workflow("w").then(*bodies.steps("ab"), bodies.step("c", asks)))
    source = await stage.run("w", "")

    replay = await stage.travel("c", source, context={"a": output({"given": 1})})

    assert replay.result == [{"given": 1}, "ab"]


async def test_the_request_context_is_the_sources_with_keys_replaced(
    stages: Stages, bodies: Bodies
) -> None:
    body = bodies.step("a", lambda _, ctx: dict(ctx.request_context))
    stage = await stages.open(Workflow("w").then(body))
    source = await stage.run("w", request_context={"user": "ann", "team": 1})

    same = await stage.travel("a", source)
    replaced = await stage.travel("a", source, request_context={"user": None, "new": 0})

    assert same.result == {"user": "ann", "team": 1}
    assert replaced.result == {"user": None, "team": 1, "new": 0}


async def test_the_lineage_names_what_was_overridden(stage: Stage, source: Seen) -> None:
    replay = await stage.travel(
        "c", source, input=None, state={}, request_context={}, context={"b": output(1)}
    )

    lineage = replay.view.run.lineage
    assert lineage is not None
    assert lineage.overrides == ("context", "initial_state", "input_data", "request_context")
    assert lineage.source_run_id == lineage.root_run_id == source.run_id
    assert (lineage.step, lineage.depth) == ("c", 1)
    assert replay.events[0].lineage == lineage
