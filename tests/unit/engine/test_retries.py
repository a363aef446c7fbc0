"""
Attempts are counted, waited for and kept, and all of that is durable.
"""

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from dalsegno.model.clock import SECOND_US
from dalsegno.model.event import EventType
from dalsegno.workflow import Context, NonRetryable, Retry, Workflow
from tests.fakes import NOON_US
from tests.unit.engine.bodies import Bodies, Does, asks_and_adds, fails
from tests.unit.engine.seen import Seen
from tests.unit.engine.stage import Stages

STEADY = Retry(max_attempts=4, initial_interval=timedelta(seconds=1), jitter=0)


def fails_before(attempt: int) -> Does:
    """
    Fails until an attempt, which gives its number.
    """

    def does(_: Any, ctx: Context) -> int:
        if ctx.attempt < attempt:
            message = f"attempt {ctx.attempt}"
            raise ConnectionError(message)
        return ctx.attempt

    return does


def started(run: Seen, address: str) -> list[int | None]:
    return [event.attempt for event in run.told(EventType.STEP_STARTED, address)]


async def test_a_step_is_tried_until_it_succeeds(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a", fails_before(3), retry=STEADY)))

    run = await stage.run("w")

    assert run.result == 3
    assert started(run, "a") == [1, 2, 3]
    assert run.step_story == [
        "step_started a",
        "step_retrying a",
        "step_started a",
        "step_retrying a",
        "step_started a",
        "step_completed a",
    ]


async def test_the_record_keeps_every_attempt(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a", fails_before(3), retry=STEADY)))

    run = await stage.run("w")

    attempts = run.records["a"].attempts
    assert [attempt.number for attempt in attempts] == [1, 2, 3]
    assert [attempt.error and attempt.error.message for attempt in attempts] == [
        "attempt 1",
        "attempt 2",
        None,
    ]
    assert [attempt.started_us - NOON_US for attempt in attempts] == [0, SECOND_US, 3 * SECOND_US]
    assert all(attempt.ended_us is not None for attempt in attempts)
    assert run.records["a"].error is None


async def test_waits_between_attempts_grow_up_to_a_cap(stages: Stages, bodies: Bodies) -> None:
    retry = Retry(
        max_attempts=5,
        initial_interval=timedelta(seconds=1),
        backoff=3,
        max_interval=timedelta(seconds=5),
        jitter=0,
    )
    stage = await stages.open(Workflow("w").then(bodies.step("a", fails, retry=retry)))

    run = await stage.run("w")

    waits = [
        event.due_us - event.time_us
        for event in run.told(EventType.STEP_RETRYING, "a")
        if event.due_us is not None
    ]
    assert waits == [1 * SECOND_US, 3 * SECOND_US, 5 * SECOND_US, 5 * SECOND_US]
    begun = [event.time_us for event in run.told(EventType.STEP_STARTED, "a")]
    assert [after - before for before, after in itertools.pairwise(begun)] == waits


async def test_jitter_shortens_the_wait(stages: Stages, bodies: Bodies) -> None:
    retry = Retry(max_attempts=2, initial_interval=timedelta(seconds=1), jitter=0.5)
    workflow = Workflow("w").then(bodies.step("a", fails, retry=retry))
    stage = await stages.open(workflow, random=0.5)

    run = await stage.run("w")

    (event,) = run.told(EventType.STEP_RETRYING, "a")
    assert event.due_us == event.time_us + SECOND_US * 3 // 4


async def test_the_last_failure_is_the_steps_and_the_runs(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a", fails_before(9), retry=STEADY)))

    run = await stage.run("w")

    assert run.status == "failed"
    assert started(run, "a") == [1, 2, 3, 4]
    assert run.error == run.records["a"].error == run.records["a"].attempts[-1].error
    assert run.error.message == "attempt 4"
    (failed,) = run.told(EventType.STEP_FAILED, "a")
    assert failed.attempt == 4


@pytest.mark.parametrize(
    ("error", "retry"),
    [
        (NonRetryable("no use"), STEADY),
        (KeyError("no use"), Retry(max_attempts=4, non_retryable=(LookupError,))),
    ],
    ids=["NonRetryable", "listed"],
)
async def test_an_error_that_no_attempt_can_help_is_final(
    error: Exception, retry: Retry, stages: Stages, bodies: Bodies
) -> None:
    def does(*_: Any) -> None:
        raise error

    stage = await stages.open(Workflow("w").then(bodies.step("a", does, retry=retry)))

    run = await stage.run("w")

    assert started(run, "a") == [1]
    assert run.error.type == type(error).__name__
    assert run.error.is_retryable is False


async def test_a_retry_of_the_workflow_is_its_steps(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w", retry=STEADY).then(bodies.step("a", fails_before(2))))

    assert started(await stage.run("w"), "a") == [1, 2]


async def test_while_one_arm_waits_another_goes_on(stages: Stages, bodies: Bodies) -> None:
    workflow = Workflow("w").parallel(
        bodies.step("p", fails_before(2), retry=STEADY), bodies.step("q")
    )
    stage = await stages.open(workflow)

    run = await stage.run("w", "")

    assert run.result == {"p": 2, "q": "q"}
    told = run.step_story
    assert told.index("step_completed q") < told.index("step_started p", 2)


@pytest.mark.parametrize(("allowed", "status"), [(3, "success"), (2, "failed")])
async def test_the_attempt_after_an_answer_has_the_next_number_and_only_failures_count(
    allowed: int, status: str, stages: Stages, bodies: Bodies
) -> None:
    """
    The first and the third attempt fail; the second asks, which is no failure.
    """

    def does(value: Any, ctx: Context) -> Any:
        if ctx.attempt in (1, 3):
            raise ConnectionError(str(ctx.attempt))
        return asks_and_adds(value, ctx)

    retry = Retry(max_attempts=allowed, jitter=0)
    stage = await stages.open(Workflow("w").then(bodies.step("a", does, retry=retry)))
    run = await stage.run("w")
    assert (run.status, started(run, "a")) == ("suspended", [1, 2])

    run = await stage.resume(run, "answer")

    assert run.status == status
    assert started(run, "a") == [1, 2, 3, 4][: allowed + 1]


async def test_an_attempt_after_a_failed_resumption_gets_the_answer_again(
    stages: Stages, bodies: Bodies
) -> None:
    def does(_: Any, ctx: Context) -> Any:
        answer = ctx.suspend()
        if ctx.attempt == 2:
            raise ConnectionError
        return [answer, ctx.attempt]

    stage = await stages.open(Workflow("w").then(bodies.step("a", does, retry=STEADY)))

    run = await stage.resume(await stage.run("w"), "answer")

    assert run.result == ["answer", 3]
    answers = [event.resume_data for event in run.told(EventType.STEP_STARTED, "a")]
    assert [answer and answer.json for answer in answers] == [None, b'"answer"', b'"answer"']


async def test_a_tap_is_retried_too_before_it_counts_as_failed(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").tap(bodies.step("t", fails_before(2), retry=STEADY)))

    run = await stage.run("w", "in")

    assert (run.result, run.output("t")) == ("in", 2)


@pytest.mark.parametrize(
    "build",
    [
        lambda step: Workflow("w").foreach(step),
        lambda step: Workflow("w").do_until(step, lambda _: True),
        lambda step: Workflow("w").when(lambda _: True, step),
        lambda step: Workflow("w").race(step),
    ],
    ids=["foreach", "loop", "when", "race"],
)
async def test_steps_inside_of_others_are_retried(
    build: Callable[[Any], Workflow], stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(build(bodies.step("a", fails_before(3), retry=STEADY)))

    run = await stage.run("w", [1])

    assert run.status == "success"
    assert len(bodies.calls) == 3


async def test_a_long_error_is_cut_and_its_cause_is_kept(stages: Stages, bodies: Bodies) -> None:
    def does(*_: Any) -> None:
        raise ValueError("ü" * 5000) from KeyError("cause")

    stage = await stages.open(Workflow("w").then(bodies.step("a", does)))

    error = (await stage.run("w")).error

    assert len(error.message.encode()) <= 4096 + len("…".encode())
    assert error.cause is not None
    assert error.cause.type == "KeyError"
