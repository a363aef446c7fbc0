"""
Travels with resume data: to the target if it was suspended, else to the first suspended step.
"""

from typing import Any

import pytest

from dalsegno.model.errors import InvalidResumeData, NothingToResume, NotSuspended
from dalsegno.workflow import Context, Workflow, step
from tests.unit.engine.bodies import Bodies, asks, asks_and_adds
from tests.unit.engine.seen import decoded
from tests.unit.engine.stage import Stages


@pytest.mark.parametrize("answer", [False, 0, None, "", {"a": 1}], ids=repr)
async def test_a_suspended_target_gets_the_data(
    answer: Any, stages: Stages, bodies: Bodies
) -> None:
    def tells(_: Any, ctx: Context) -> Any:
        return [ctx.suspend("question"), ctx.suspend_payload, ctx.attempt]

    stage = await stages.open(Workflow("w").then(bodies.step("a"), bodies.step("s", tells)))
    source = await stage.run("w", "")

    replay = await stage.travel("s", source, resume_data=answer)

    assert replay.result == [answer, "question", 1]
    assert decoded(replay.records["s"].resume_data) == answer
    assert replay.events[1].resume_data is not None
    assert "run_suspended" not in replay.story
    assert replay.view.run.lineage is not None
    assert replay.view.run.lineage.overrides == ("resume_data",)


async def test_without_data_a_suspended_target_asks_again(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("s", asks_and_adds)))
    source = await stage.run("w", "")

    replay = await stage.travel("s", source)
    assert (replay.status, replay.suspended_at) == ("suspended", ["s"])

    assert (await stage.resume(replay, "ok")).result == "<ok>"
    assert (await stage.seen(source)).status == "suspended"


async def test_the_first_suspended_step_reached_gets_the_data(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w").then(*bodies.steps("ab"), bodies.step("s", asks_and_adds))
    stage = await stages.open(workflow.then(bodies.step("t", asks)))
    source = await stage.run("w", "")

    replay = await stage.travel("b", source, resume_data="ok")

    assert replay.output("s") == "ab<ok>"
    assert replay.suspended_at == ["t"], "one answer is for one question"
    assert replay.view.run.kept_resume_data == ()


async def test_data_for_a_step_behind_one_that_asks_again_is_kept(
    stages: Stages, bodies: Bodies
) -> None:
    def asks_in_replays(value: Any, ctx: Context) -> Any:
        return asks_and_adds(value, ctx) if ctx.is_replay else value

    workflow = Workflow("w").then(bodies.step("early", asks_in_replays), bodies.step("s", asks))
    stage = await stages.open(workflow)
    source = await stage.run("w", "")

    replay = await stage.travel("early", source, resume_data="kept")
    assert replay.suspended_at == ["early"]
    stage = await stages.open(workflow)
    replay = await stage.resume(replay, "now")

    assert replay.result == "kept"
    assert replay.output("early") == "<now>"
    assert replay.view.run.kept_resume_data == ()


async def test_of_several_suspended_steps_the_first_in_graph_order_gets_the_data(
    stages: Stages, bodies: Bodies
) -> None:
    inner = Workflow("inner").then(bodies.step("x", asks))
    stage = await stages.open(
        Workflow("w").then(bodies.step("a")).parallel(inner, bodies.step("q", asks))
    )
    source = await stage.run("w", "")

    before = await stage.travel("a", source, resume_data="ok")
    second = await stage.travel("q", source, resume_data="ok")

    assert (before.output("inner.x"), before.suspended_at) == ("ok", ["q"])
    assert (second.output("q"), second.suspended_at) == ("ok", ["inner.x"])


async def test_a_container_as_target_passes_the_data_inside(stages: Stages, bodies: Bodies) -> None:
    items = Workflow("items").foreach(bodies.step("f", asks_of_two))
    stage = await stages.open(Workflow("w").parallel(bodies.step("q", asks), items))
    source = await stage.run("w", [1, 2])
    assert source.suspended_at == ["q", "items.f[1]"]

    replay = await stage.travel("items", source, resume_data="ok")

    assert replay.output("items.f[1]") == "ok"
    assert replay.suspended_at == ["q"]


def asks_of_two(value: Any, ctx: Context) -> Any:
    return ctx.suspend() if value == 2 else value


async def test_a_foreach_that_goes_on_passes_the_data_to_its_item(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").foreach(bodies.step("f", asks_of_two), concurrency=2))
    source = await stage.run("w", [1, 2, 3])
    bodies.calls.clear()

    replay = await stage.travel("f", source, resume_data="two")

    assert replay.result == [1, "two", 3]
    assert "f[1]" in bodies.calls
    assert "f[0]" not in bodies.calls


async def test_a_suspension_before_the_target_takes_no_data(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("s", asks), bodies.step("b")))
    source = await stage.run("w", "")

    with pytest.raises(NothingToResume):
        await stage.begin_travel("b", source, input="x", resume_data=1)
    replay = await stage.travel("b", source, input="x")

    assert replay.result == "xb"
    assert replay.statuses == {"s": "suspended", "b": "success"}
    assert (replay.status, replay.suspended_at) == ("success", [])


async def test_a_canceled_source_has_nothing_to_resume(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("s", asks)))
    run = await stage.run("w", "")
    source = await stage.cancel(run.run_id)

    with pytest.raises(NothingToResume):
        await stage.begin_travel("s", source, resume_data=1)


async def test_data_of_the_wrong_type_is_refused_for_the_step_it_is_for(
    stages: Stages, bodies: Bodies
) -> None:
    @step(resume=int)
    async def typed(_: Any, ctx: Context) -> Any:
        return ctx.suspend()

    stage = await stages.open(Workflow("w").then(bodies.step("a"), typed))
    source = await stage.run("w", "")

    with pytest.raises(InvalidResumeData):
        await stage.begin_travel("a", source, resume_data="text")
    assert (await stage.travel("a", source, resume_data=7)).result == 7


async def test_answers_given_before_the_target_are_history(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(
        Workflow("w").then(bodies.step("s", asks_and_adds), *bodies.steps("bc"))
    )
    source = await stage.resume(await stage.run("w", ""), "old")

    behind = await stage.travel("c", source)
    at = await stage.travel("s", source)

    assert behind.result == "<old>bc"
    assert behind.reused == ["s", "b"]
    assert at.suspended_at == ["s"], "a step that executes again asks again"


async def test_a_reused_question_cannot_be_answered_in_the_replay(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(
        Workflow("w").then(bodies.step("s", asks), bodies.step("b", asks), bodies.step("c"))
    )
    source = await stage.run("w", "")
    replay = await stage.travel("b", source, input="x")
    assert replay.suspended_at == ["b"]

    with pytest.raises(NotSuspended):
        await stage.answer(replay, 1, step="s")

    assert (await stage.resume(replay, "ok")).result == "okc"
