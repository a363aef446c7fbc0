"""
Bodies that take too long, and bodies that treat cancellation in their own way.
"""

import asyncio
import contextlib
import threading
from typing import Any

from dalsegno.engine.commands import Cancel
from dalsegno.model.event import EventType
from dalsegno.workflow import Context, Retry, Workflow, step
from tests.unit.engine.bodies import Bodies
from tests.unit.engine.stage import Stages, until

# Real time: time-outs of bodies are the event loop's.
A_MOMENT_S = 0.02
A_WHILE_S = 0.2  # where something must have happened before, however busy the machine is


async def waits_for_ever(*_: Any) -> None:
    await asyncio.Event().wait()


async def swallows(*_: Any) -> str:
    """
    Goes on when it is canceled, and returns.
    """
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    return "swallowed"


async def test_a_coroutine_that_takes_too_long_is_ended_and_fails(
    stages: Stages, bodies: Bodies
) -> None:
    cleaned_up = []

    async def waits(*_: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned_up.append(True)

    stage = await stages.open(Workflow("w").then(bodies.step("a", waits, timeout=A_MOMENT_S)))

    run = await stage.run("w")

    assert run.status == "failed"
    assert run.error.type == "TimeoutError"
    assert "0.02 s" in run.error.message
    assert cleaned_up == [True]


async def test_a_function_that_takes_too_long_fails_while_its_thread_goes_on(
    stages: Stages,
) -> None:
    release = threading.Event()
    late: list[Any] = []

    @step(timeout=A_MOMENT_S)
    def overruns(value: Any, ctx: Context) -> Any:
        release.wait(5)
        ctx.emit("too late")
        ctx.set_state({"too": "late"})
        late.append(True)
        return value

    stage = await stages.open(Workflow("w").then(overruns))

    run = await stage.run("w", 1)
    release.set()
    await until(lambda: bool(late))
    after = await stage.seen(run)

    assert (run.status, run.error.type) == ("failed", "TimeoutError")
    assert after == run


async def test_what_a_late_function_emits_is_not_taken_for_the_next_attempts(
    stages: Stages,
) -> None:
    release = threading.Event()
    is_late = threading.Event()

    @step(timeout=A_WHILE_S, retry=Retry(max_attempts=2))
    def overruns(_: Any, ctx: Context) -> Any:
        if ctx.attempt == 1:
            release.wait(5)
            ctx.emit("late")
            is_late.set()
        else:
            release.set()
            is_late.wait(5)
        return ctx.attempt

    stage = await stages.open(Workflow("w").then(overruns))

    run = await stage.run("w")

    assert run.result == 2
    assert run.told(EventType.STEP_OUTPUT, "overruns") == []


async def test_a_time_out_is_retried(stages: Stages, bodies: Bodies) -> None:
    async def waits_at_first(_: Any, ctx: Context) -> int:
        if ctx.attempt == 1:
            await asyncio.Event().wait()
        return ctx.attempt

    body = bodies.step("a", waits_at_first, timeout=A_MOMENT_S, retry=Retry(max_attempts=2))
    stage = await stages.open(Workflow("w").then(body))

    assert (await stage.run("w")).result == 2


async def test_a_time_out_that_a_body_raises_itself_is_its_own(
    stages: Stages, bodies: Bodies
) -> None:
    def raises(*_: Any) -> None:
        raise TimeoutError("of the body")

    stage = await stages.open(Workflow("w").then(bodies.step("a", raises, timeout=60)))

    assert (await stage.run("w")).error.message == "of the body"


async def test_a_run_that_takes_too_long_fails_and_its_steps_are_canceled(
    stages: Stages, bodies: Bodies
) -> None:
    inner = Workflow("inner").then(bodies.step("x", waits_for_ever))
    workflow = Workflow("w", timeout=A_WHILE_S).parallel(inner, bodies.step("p"))
    stage = await stages.open(workflow)

    run = await stage.run("w")

    assert (run.status, run.error.type) == ("failed", "RunTimeout")
    assert run.statuses == {"inner": "canceled", "inner.x": "canceled", "p": "success"}
    assert run.story[-3:] == ["step_canceled inner.x", "step_canceled inner", "run_failed"]


async def test_a_run_whose_time_is_over_while_it_waits_fails_then(stages: Stages) -> None:
    workflow = Workflow("w", timeout=60).sleep("nap", 3600)
    stage = await stages.open(workflow)

    run = await stage.run("w")

    assert (run.status, run.error.type) == ("failed", "RunTimeout")
    assert run.statuses == {"nap": "canceled"}
    deadline_us = run.view.run.created_us + 60_000_000
    assert (run.view.run.ended_us or 0) >= deadline_us
    assert (run.view.run.ended_us or 0) < deadline_us + 1_000_000


async def test_a_body_that_swallows_its_cancellation_does_not_keep_the_run(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a", swallows), bodies.step("b")))
    run_id = await stage.start("w")
    await until(lambda: bodies.calls == ["a"])

    run = await stage.cancel(run_id)

    assert run.status == "canceled"
    assert run.statuses == {"a": "canceled"}
    assert bodies.calls == ["a"]


async def test_an_arm_that_swallows_its_cancellation_does_not_keep_the_race(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w").race(bodies.step("p", swallows), bodies.step("q"))
    stage = await stages.open(workflow)

    run = await stage.run("w", "")

    assert run.result == "q"
    assert run.statuses == {"p": "canceled", "q": "success"}


async def test_a_body_that_swallows_its_time_out_has_failed_all_the_same(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a", swallows, timeout=A_MOMENT_S)))

    run = await stage.run("w")

    assert (run.status, run.error.type) == ("failed", "TimeoutError")


async def test_a_body_that_swallows_the_runs_time_out_does_not_keep_the_run(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w", timeout=A_WHILE_S)
    stage = await stages.open(workflow.then(bodies.step("a", swallows), bodies.step("b")))

    run = await stage.run("w")

    assert (run.status, bodies.calls) == ("failed", ["a"])
    assert run.error.type == "RunTimeout"


async def test_a_body_whose_inner_task_was_canceled_has_failed_and_the_run_lives(
    stages: Stages, bodies: Bodies
) -> None:
    async def awaits_a_canceled_task(*_: Any) -> None:
        inner = asyncio.create_task(waits_for_ever())
        inner.cancel()
        await inner

    stage = await stages.open(Workflow("w").then(bodies.step("a", awaits_a_canceled_task)))

    run = await stage.run("w")

    assert (run.status, run.error.type) == ("failed", "BodyCanceled")


async def test_a_body_that_raises_a_cancellation_itself_is_retried_like_any(
    stages: Stages, bodies: Bodies
) -> None:
    def raises(_: Any, ctx: Context) -> int:
        if ctx.attempt == 1:
            raise asyncio.CancelledError
        return ctx.attempt

    body = bodies.step("a", raises, retry=Retry(max_attempts=2))
    stage = await stages.open(Workflow("w").then(body))

    assert (await stage.run("w")).result == 2


async def test_a_function_may_raise_stop_iteration(stages: Stages) -> None:
    @step
    def stops(_: Any) -> Any:
        return next(iter([]))

    stage = await stages.open(Workflow("w").then(stops))

    assert (await stage.run("w")).error.type == "StopIteration"


async def test_many_functions_run_side_by_side_on_threads(stages: Stages) -> None:
    together = threading.Barrier(3)

    @step
    def meets(_: Any) -> Any:
        return together.wait(5) >= 0

    workflow = Workflow("w").parallel(*(meets.named(f"p{number}") for number in range(3)))
    stage = await stages.open(workflow)

    assert (await stage.run("w")).result == {"p0": True, "p1": True, "p2": True}


async def test_a_canceled_function_cannot_be_stopped_but_its_run_ends(stages: Stages) -> None:
    release = threading.Event()
    begun = threading.Event()

    @step
    def blocks(_: Any) -> Any:
        begun.set()
        release.wait(5)
        return "late"

    stage = await stages.open(Workflow("w").then(blocks))
    run_id = await stage.start("w")
    await asyncio.to_thread(begun.wait, 5)

    await stage.engine.cancel(Cancel(run_id))
    run = await stage.seen(run_id)
    release.set()

    assert run.status == "canceled"
    assert run.statuses == {"blocks": "canceled"}
