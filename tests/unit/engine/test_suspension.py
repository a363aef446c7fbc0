"""
Suspending, and being resumed: in the run's own graph, while others go on, and again.
"""

import asyncio
from typing import Any

import pytest

from dalsegno.engine.commands import Resume
from dalsegno.model.errors import (
    AmbiguousSuspension,
    InvalidAddress,
    InvalidResumeData,
    NotSuspended,
    PayloadTooLarge,
    RunNotFound,
    StepNotFound,
)
from dalsegno.model.event import EventType
from dalsegno.workflow import Context, Workflow, step
from tests.unit.engine.bodies import Bodies, asks_and_adds, fails
from tests.unit.engine.seen import Seen, decoded
from tests.unit.engine.stage import Stage, Stages, until


async def test_a_suspended_step_says_what_it_asks(stages: Stages, bodies: Bodies) -> None:
    def asks(_: Any, ctx: Context) -> Any:
        return ctx.suspend({"question": 1}, label="approval")

    stage = await stages.open(Workflow("w").then(bodies.step("a", asks)))

    run = await stage.run("w")

    assert run.status == "suspended"
    (suspension,) = run.view.suspensions
    assert (suspension.address, suspension.label) == ("a", "approval")
    assert decoded(suspension.payload) == {"question": 1}
    assert run.story[-2:] == ["step_suspended a", "run_suspended"]
    assert run.events[-2].label == "approval"
    assert run.events[-1].addresses == ("a",)
    assert run.view.run.ended_us is None


async def test_the_body_runs_again_from_its_start_and_sees_the_answer(
    stages: Stages, bodies: Bodies
) -> None:
    seen = []

    def asks(_: Any, ctx: Context) -> Any:
        seen.append((ctx.attempt, ctx.is_resumed, ctx.resume_data, ctx.suspend_payload))
        return ctx.suspend("please")

    stage = await stages.open(Workflow("w").then(bodies.step("a", asks), bodies.step("b")))
    run = await stage.resume(await stage.run("w"), "yes")

    assert run.result == "yesb"
    assert seen == [(1, False, None, None), (2, True, "yes", "please")]
    assert decoded(run.records["a"].resume_data) == "yes"
    assert run.story[4:8] == [
        "run_resumed",
        "step_started a",
        "step_completed a",
        "step_started b",
    ]
    resumed = run.told(EventType.RUN_RESUMED)[0]
    assert (resumed.addresses, decoded(resumed.payload)) == (("a",), "yes")


async def test_every_question_of_a_resumed_body_gets_the_one_answer(
    stages: Stages, bodies: Bodies
) -> None:
    def asks_twice(_: Any, ctx: Context) -> Any:
        return [ctx.suspend("first"), ctx.suspend("second")]

    stage = await stages.open(Workflow("w").then(bodies.step("a", asks_twice)))

    run = await stage.resume(await stage.run("w"), 1)

    assert run.result == [1, 1]
    assert bodies.calls == ["a", "a"]


async def test_two_steps_in_a_row_ask_one_after_the_other(stages: Stages, bodies: Bodies) -> None:
    asking = bodies.step("a", asks_and_adds)
    stage = await stages.open(Workflow("w").then(asking, bodies.step("b", asks_and_adds)))

    run = await stage.resume(await stage.run("w", ""), 1)
    assert run.suspended_at == ["b"]
    run = await stage.resume(run, 2)

    assert run.result == "<1><2>"
    assert bodies.calls == ["a", "a", "b", "b"]


class TestOfSeveral:
    """
    Which suspended step an answer is for, when arms ``p`` and ``q`` both ask.
    """

    @pytest.fixture
    async def stage(self, stages: Stages, bodies: Bodies) -> Stage:
        def labeled(label: str) -> Any:
            return lambda _, ctx: ctx.suspend(label=label)

        inner = Workflow("inner").then(bodies.step("x", labeled("third")))
        return await stages.open(
            Workflow("w").parallel(
                bodies.step("p", labeled("first")), bodies.step("q", labeled("second")), inner
            ),
            Workflow("same").parallel(
                bodies.step("p2", labeled("same")), bodies.step("q2", labeled("same"))
            ),
        )

    @pytest.fixture
    async def run(self, stage: Stage) -> Seen:
        run = await stage.run("w")
        assert run.suspended_at == ["p", "q", "inner.x"]
        return run

    async def test_an_answer_without_a_name_is_ambiguous(self, stage: Stage, run: Seen) -> None:
        with pytest.raises(AmbiguousSuspension) as refusal:
            await stage.answer(run, 1)

        assert refusal.value.facts["steps"] == "p, q, inner.x"
        assert await stage.seen(run) == run

    async def test_each_is_answered_by_address(self, stage: Stage, run: Seen) -> None:
        run = await stage.resume(run, 2, step="q")
        assert run.suspended_at == ["p", "inner.x"]
        run = await stage.resume(run, 3, step="inner.x")
        run = await stage.resume(run, 1)

        assert run.result == {"p": 1, "q": 2, "inner": 3}

    async def test_each_is_answered_by_label(self, stage: Stage, run: Seen) -> None:
        for label, answer in (("third", 3), ("first", 1), ("second", 2)):
            run = await stage.resume(run, answer, label=label)

        assert run.result == {"p": 1, "q": 2, "inner": 3}

    @pytest.mark.parametrize(
        ("fields", "refused"),
        [
            ({"label": "nobody's"}, NotSuspended),
            ({"step": "inner"}, NotSuspended),
            ({"step": "inner.y"}, StepNotFound),
            ({"step": "p[0]"}, StepNotFound),
            ({"step": "a b"}, InvalidAddress),
            ({"step": ""}, InvalidAddress),
        ],
    )
    async def test_a_name_of_none_is_refused_and_nothing_is_written(
        self, fields: dict[str, str], refused: type[Exception], stage: Stage, run: Seen
    ) -> None:
        with pytest.raises(refused):
            await stage.answer(run, 1, **fields)

        assert await stage.seen(run) == run

    async def test_a_step_that_was_answered_is_no_longer_asked(
        self, stage: Stage, run: Seen
    ) -> None:
        run = await stage.resume(run, 1, step="p")

        with pytest.raises(NotSuspended):
            await stage.answer(run, 1, step="p")

    async def test_a_label_that_several_share_is_ambiguous(self, stage: Stage) -> None:
        run = await stage.run("same")

        with pytest.raises(AmbiguousSuspension):
            await stage.answer(run, 1, label="same")


async def test_an_arm_is_answered_while_another_still_runs(stages: Stages, bodies: Bodies) -> None:
    release = asyncio.Event()

    async def waits(value: Any, _: Context) -> Any:
        await release.wait()
        return value

    workflow = Workflow("w").parallel(bodies.step("p", asks_and_adds), bodies.step("q", waits))
    stage = await stages.open(workflow.then(bodies.step("j")))
    run_id = await stage.start("w", "in")
    await stage.until_told(run_id, "step_suspended p")
    running = await stage.seen(run_id)
    assert (running.status, running.suspended_at) == ("running", ["p"])

    accepted = await stage.answer(run_id, "ok")
    await stage.until_told(run_id, "step_completed p")
    assert (await stage.seen(run_id)).status == "running"
    release.set()
    run = await stage.at_rest(run_id)

    assert run.result == "(in<ok>|in)j"
    assert accepted.after_sequence == 4
    assert run.story[4] == "run_resumed"
    assert bodies.calls == ["p", "q", "p", "j"]
    assert "run_suspended" not in run.story


async def test_an_arm_deep_inside_is_answered_while_another_still_runs(
    stages: Stages, bodies: Bodies
) -> None:
    release = asyncio.Event()

    async def waits(value: Any, _: Context) -> Any:
        await release.wait()
        return value

    items = Workflow("items").foreach(bodies.step("f", asks_and_adds), concurrency=2)
    workflow = Workflow("w").parallel(items, bodies.step("q", waits))
    stage = await stages.open(workflow)
    run_id = await stage.start("w", [1, 2])
    await stage.until_told(run_id, "step_suspended items")

    await stage.answer(run_id, "two", step="items.f[1]")
    await stage.until_told(run_id, "step_completed items.f[1]")
    await stage.answer(run_id, "one", step="items.f[0]")
    await stage.until_told(run_id, "step_completed items")
    release.set()
    run = await stage.at_rest(run_id)

    assert run.result == {"items": ["1<one>", "2<two>"], "q": [1, 2]}


async def test_an_answer_that_fails_its_arm_fails_the_run_after_the_others(
    stages: Stages, bodies: Bodies
) -> None:
    def asks_then_fails(value: Any, ctx: Context) -> Any:
        ctx.suspend()
        return fails(value, ctx)

    workflow = Workflow("w").parallel(
        bodies.step("p", asks_then_fails), bodies.step("q", asks_and_adds)
    )
    stage = await stages.open(workflow)

    run = await stage.resume(await stage.run("w", ""), 1, step="p")
    assert (run.status, run.suspended_at) == ("suspended", ["q"])
    run = await stage.resume(run, 1)

    assert (run.status, run.error.message) == ("failed", "p failed")
    assert run.statuses == {"p": "failed", "q": "success"}


@pytest.mark.parametrize("concurrency", [2, 3])
async def test_an_item_that_asks_is_answered_though_another_has_failed(
    concurrency: int, stages: Stages, bodies: Bodies
) -> None:
    def asks_or_fails(value: Any, ctx: Context) -> Any:
        return asks_and_adds(value, ctx) if value == 1 else fails(value, ctx)

    stage = await stages.open(Workflow("w").foreach(bodies.step("f", asks_or_fails), concurrency))
    run = await stage.run("w", [1, 2, 3, 4, 5])
    assert (run.status, run.suspended_at) == ("suspended", ["f[0]"])

    run = await stage.resume(run, "ok")

    assert (run.status, run.error.message) == ("failed", "f[1] failed")
    assert (run.statuses["f[0]"], run.output("f[0]")) == ("success", "1<ok>")


async def test_a_nested_suspension_is_told_by_every_container_each_time(
    stages: Stages, bodies: Bodies
) -> None:
    inner = Workflow("inner").then(bodies.step("x", asks_and_adds), bodies.step("y", asks_and_adds))
    stage = await stages.open(Workflow("w").then(inner))

    first = await stage.run("w", "")
    second = await stage.resume(first, 1)
    run = await stage.resume(second, 2)

    assert first.story[-3:] == ["step_suspended inner.x", "step_suspended inner", "run_suspended"]
    assert second.story[-3:] == ["step_suspended inner.y", "step_suspended inner", "run_suspended"]
    assert run.story.count("step_started inner") == 1
    assert run.result == "<1><2>"


async def test_a_nested_failure_is_the_parents(stages: Stages, bodies: Bodies) -> None:
    deepest = Workflow("deepest").then(bodies.step("x", fails))
    stage = await stages.open(Workflow("w").then(Workflow("deep").then(deepest)))

    run = await stage.run("w")

    assert run.statuses == {
        "deep": "failed",
        "deep.deepest": "failed",
        "deep.deepest.x": "failed",
    }
    assert run.error.message == "deep.deepest.x failed"
    assert {record.error for record in run.records.values()} == {run.error}


async def test_a_suspended_item_keeps_its_place(stages: Stages, bodies: Bodies) -> None:
    def second_asks(value: Any, ctx: Context) -> Any:
        return ctx.suspend() if value == 2 else value

    stage = await stages.open(Workflow("w").foreach(bodies.step("f", second_asks)))

    run = await stage.run("w", [1, 2, 3])
    assert (run.status, run.suspended_at) == ("suspended", ["f[1]"])
    assert bodies.calls == ["f[0]", "f[1]"]
    run = await stage.resume(run, "two", step="f[1]")

    assert run.result == [1, "two", 3]
    assert bodies.calls == ["f[0]", "f[1]", "f[1]", "f[2]"]


async def test_suspended_items_keep_their_places_among_several(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").foreach(bodies.step("f", asks_and_adds), 2))

    run = await stage.run("w", [1, 2, 3, 4])
    assert run.suspended_at == ["f[0]", "f[1]"]
    run = await stage.resume(run, "b", step="f[1]")
    assert run.suspended_at == ["f[0]", "f[2]"]
    run = await stage.resume(run, "a", step="f[0]")
    assert run.suspended_at == ["f[2]", "f[3]"]
    run = await stage.resume(run, "c", step="f[2]")
    run = await stage.resume(run, "d")

    assert run.result == ["1<a>", "2<b>", "3<c>", "4<d>"]


async def test_an_iteration_is_answered_by_address(stages: Stages, bodies: Bodies) -> None:
    loop = Workflow("w").do_until(bodies.step("l", asks_and_adds), lambda text: "2" in text)
    stage = await stages.open(loop)

    run = await stage.resume(await stage.run("w", ""), 1, step="l[0]")
    assert run.suspended_at == ["l[1]"]
    run = await stage.resume(run, 2, step="l[1]")

    assert run.result == "<1><2>"


async def test_an_answer_of_the_wrong_type_is_refused_and_leaves_the_run(stages: Stages) -> None:
    @step(resume=int)
    async def typed(_: Any, ctx: Context) -> Any:
        return ctx.suspend()

    stage = await stages.open(Workflow("w").then(typed))
    run = await stage.run("w")
    assert run.view.suspensions[0].resume_schema is not None

    for wrong in (b'"text"', b"{", b"1.5"):
        with pytest.raises(InvalidResumeData):
            await stage.engine.resume(Resume(run.run_id, resume_data=wrong))
    with pytest.raises(InvalidResumeData):
        await stage.answer(run)
    with pytest.raises(PayloadTooLarge):
        await stage.answer(run, "x" * 2**21)

    assert await stage.seen(run) == run
    assert (await stage.resume(run, 3)).result == 3


async def test_resuming_what_is_not_there_is_refused(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a")))

    with pytest.raises(RunNotFound):
        await stage.answer("nowhere", 1)


async def test_resuming_a_run_that_asks_nothing_is_refused(stages: Stages, bodies: Bodies) -> None:
    release = asyncio.Event()

    async def waits(*_: Any) -> None:
        await release.wait()

    stage = await stages.open(Workflow("w").then(bodies.step("a", waits)))
    run_id = await stage.start("w")
    await until(lambda: bodies.calls == ["a"])

    with pytest.raises(NotSuspended):
        await stage.answer(run_id, 1)
    release.set()
    assert (await stage.at_rest(run_id)).status == "success"


async def test_a_resumption_may_change_the_request_context(stages: Stages) -> None:
    @step
    async def asks(_: Any, ctx: Context) -> Any:
        ctx.suspend()
        return dict(ctx.request_context)

    stage = await stages.open(Workflow("w").then(asks))
    run = await stage.run("w", request_context={"user": "ann", "team": 1})

    run = await stage.resume(run, None, request_context={"user": "ben"})

    assert run.result == {"user": "ben", "team": 1}
    assert decoded(run.view.run.request_context) == {"user": "ben", "team": 1}


@pytest.mark.parametrize("read", ["run", "active_records", "record"])
@pytest.mark.parametrize("moment", ["before it is written", "after it is written"])
async def test_an_answer_that_comes_while_the_run_comes_to_rest_is_not_lost(
    moment: str, read: str, stages: Stages, bodies: Bodies
) -> None:
    """
    The goal: whatever the answer meets, its step goes on, in a run that is driven.
    The method: one of the reads of the command is old by the time it is used: the other arm has
    ended meanwhile, and the run is suspended, or about to be.
    """
    release = asyncio.Event()

    async def waits(*_: Any) -> None:
        await release.wait()

    workflow = Workflow("w").parallel(bodies.step("p", asks_and_adds), bodies.step("q", waits))
    stage = await stages.open(workflow)
    run_id = await stage.start("w", "")
    await stage.until_told(run_id, "step_suspended p")
    known = len(stage.store.appends)
    held = stage.store.hold_answer(read)
    late = stage.store.hold_append(1) if moment == "before it is written" else None

    answering = asyncio.create_task(stage.answer(run_id, "ok"))
    await until(lambda: stage.store.has_held(read))
    release.set()
    await until(lambda: len(stage.store.appends) > known)
    if late is None:
        await until(lambda: not stage.is_live(run_id))
    held.set()
    for _ in range(50):
        await asyncio.sleep(0)
    if late is not None:
        late.set()
    await answering
    run = await stage.at_rest(run_id)

    assert run.result == {"p": "<ok>", "q": None}
    assert bodies.calls == ["p", "q", "p"]
