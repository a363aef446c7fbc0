"""
What a run tells, kind of node by kind of node (semantics.md §6, §9).
"""

import asyncio
from datetime import timedelta
from typing import Any

from dalsegno.model.clock import SECOND_US
from dalsegno.model.event import EventType
from dalsegno.workflow import Context, Workflow, step
from tests.fakes import NOON_US
from tests.unit.engine.bodies import Bodies, asks, fails
from tests.unit.engine.stage import Stages


async def test_a_sequence_tells_of_each_step_once(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(*bodies.steps("ab")))

    run = await stage.run("w", "")

    assert run.result == "ab"
    assert run.story == [
        "run_started",
        "step_started a",
        "step_completed a",
        "step_started b",
        "step_completed b",
        "run_completed",
    ]
    assert run.statuses == {"a": "success", "b": "success"}


async def test_a_failed_step_fails_the_run_and_keeps_later_ones_from_starting(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a", fails), bodies.step("b")))

    run = await stage.run("w", "")

    assert run.story == ["run_started", "step_started a", "step_failed a", "run_failed"]
    assert (run.error.type, run.error.message) == ("ValueError", "a failed")
    assert run.records["a"].error == run.error


async def test_blocks_have_no_record_and_no_event_of_their_own(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = (
        Workflow("w")
        .parallel(*bodies.steps("pq"), id="both")
        .race(bodies.step("r"), id="fastest")
        .branch((lambda _: True, bodies.step("s")), id="chosen")
    )
    stage = await stages.open(workflow)

    run = await stage.run("w", "")

    assert run.result == {"s": "(p|q)rs"}
    assert list(run.records) == ["p", "q", "r", "s"]
    assert {event.address for event in run.events} == {"", "p", "q", "r", "s"}


async def test_a_nested_workflow_is_told_of_around_what_is_inside(
    stages: Stages, bodies: Bodies
) -> None:
    inner = Workflow("inner").then(*bodies.steps("xy"))
    stage = await stages.open(Workflow("w").then(bodies.step("a"), inner, bodies.step("b")))

    run = await stage.run("w", "")

    assert run.result == "axyb"
    assert run.step_story[2:8] == [
        "step_started inner",
        "step_started inner.x",
        "step_completed inner.x",
        "step_started inner.y",
        "step_completed inner.y",
        "step_completed inner",
    ]
    assert (run.input("inner"), run.output("inner")) == ("a", "axy")
    assert run.records["inner"].attempts == ()


async def test_a_loop_has_a_record_of_its_own_and_one_for_each_iteration(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w").do_until(bodies.step("l"), lambda text: len(text) == 2)
    stage = await stages.open(workflow)

    run = await stage.run("w", "")

    assert run.step_story == [
        "step_started l",
        "step_started l[0]",
        "step_completed l[0]",
        "step_started l[1]",
        "step_completed l[1]",
        "step_completed l",
    ]
    assert [run.output(at) for at in ("l[0]", "l[1]", "l")] == ["l", "ll", "ll"]


async def test_a_while_loop_runs_its_body_before_it_asks(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").do_while(bodies.step("l"), lambda _: False))

    assert (await stage.run("w", "")).result == "l"


async def test_a_foreach_tells_its_progress_after_each_item(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").foreach(bodies.step("f")))

    run = await stage.run("w", ["1", "2"])

    assert run.result == ["1f", "2f"]
    assert run.step_story == [
        "step_started f",
        "step_started f[0]",
        "step_completed f[0]",
        "step_progress f",
        "step_started f[1]",
        "step_completed f[1]",
        "step_progress f",
        "step_completed f",
    ]
    progress = run.told(EventType.STEP_PROGRESS, "f")
    assert [(event.done, event.total) for event in progress] == [(1, 2), (2, 2)]


async def test_a_foreach_of_nothing_gives_nothing(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").foreach(bodies.step("f")))

    run = await stage.run("w", [])

    assert run.result == []
    assert run.statuses == {"f": "success"}


async def test_a_foreach_of_something_else_fails(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").foreach(bodies.step("f")))

    run = await stage.run("w", {"not": "an array"})

    assert run.status == "failed"
    assert run.error.type == "TypeMismatch"


async def test_a_sleep_tells_when_it_will_end_and_starts_nothing(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w").sleep("nap", timedelta(seconds=1)).then(bodies.step("a"))
    stage = await stages.open(workflow)

    run = await stage.run("w", "")

    assert run.story[:4] == [
        "run_started",
        "step_waiting nap",
        "run_waiting",
        "step_completed nap",
    ]
    due_us = NOON_US + SECOND_US
    assert [event.due_us for event in run.events[1:3]] == [due_us, due_us]
    assert run.events[3].time_us == due_us
    assert run.result == "a"


async def test_what_is_not_taken_is_recorded_as_skipped_with_its_input(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = (
        Workflow("w")
        .when(lambda _: False, bodies.step("m"))
        .branch((lambda _: False, bodies.step("p")), (lambda _: True, bodies.step("q")))
    )
    stage = await stages.open(workflow)

    run = await stage.run("w", "in")

    assert run.result == {"q": "inq"}
    assert run.statuses == {"m": "skipped", "p": "skipped", "q": "success"}
    assert run.input("m") == run.input("p") == "in"
    assert run.records["m"].output is None
    assert run.step_story[:3] == ["step_skipped m", "step_skipped p", "step_started q"]


async def test_no_condition_that_holds_gives_an_empty_object(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").branch((lambda _: False, bodies.step("p"))))

    assert (await stage.run("w", "")).result == {}


async def test_a_condition_that_raises_fails_the_run_before_any_arm(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w").branch(
        (lambda _: True, bodies.step("p")), (lambda value: value["no"], bodies.step("q"))
    )
    stage = await stages.open(workflow)

    run = await stage.run("w", {})

    assert run.story == ["run_started", "run_failed"]
    assert run.error.type == "KeyError"
    assert bodies.calls == []


async def test_a_tap_changes_nothing_and_fails_nobody(stages: Stages, bodies: Bodies) -> None:
    workflow = Workflow("w").tap(bodies.step("t")).tap(bodies.step("u", fails))
    stage = await stages.open(workflow.then(bodies.step("a")))

    run = await stage.run("w", "")

    assert run.result == "a"
    assert run.statuses == {"t": "success", "u": "failed", "a": "success"}
    assert run.output("t") == "t"


async def test_a_tap_may_not_suspend(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").tap(bodies.step("t", asks)).then(bodies.step("a")))

    run = await stage.run("w", "")

    assert run.result == "a"
    assert run.statuses["t"] == "failed"
    assert run.told(EventType.STEP_SUSPENDED, "t") == []


async def test_input_of_the_wrong_type_fails_a_step_that_never_started(stages: Stages) -> None:
    @step
    async def typed(number: int) -> int:
        return number

    stage = await stages.open(Workflow("w").map("m", lambda _: "text").then(typed))

    run = await stage.run("w", 1)

    assert run.story[-2:] == ["step_failed typed", "run_failed"]
    assert run.told(EventType.STEP_STARTED, "typed") == []
    assert run.input("typed") == "text"
    assert run.records["typed"].attempts == ()


async def test_what_a_body_emits_comes_in_order_before_its_end(stages: Stages) -> None:
    @step
    async def talks(value: Any, ctx: Context) -> Any:
        for number in range(3):
            ctx.emit({"n": number})
        return value

    stage = await stages.open(Workflow("w").then(talks))

    run = await stage.run("w")

    outputs = run.told(EventType.STEP_OUTPUT, "talks")
    assert [event.payload.json for event in outputs if event.payload] == [
        b'{"n":0}',
        b'{"n":1}',
        b'{"n":2}',
    ]
    assert run.step_story == [
        "step_started talks",
        *["step_output talks"] * 3,
        "step_completed talks",
    ]


async def test_what_a_thread_emits_comes_in_order_before_its_end(stages: Stages) -> None:
    @step
    def talks(value: Any, ctx: Context) -> Any:
        for number in range(50):
            ctx.emit(number)
        return value

    stage = await stages.open(Workflow("w").then(talks))

    run = await stage.run("w")

    outputs = run.told(EventType.STEP_OUTPUT, "talks")
    assert [event.payload.json for event in outputs if event.payload] == [
        str(number).encode() for number in range(50)
    ]
    assert run.story[-2:] == ["step_completed talks", "run_completed"]


async def test_what_cannot_be_emitted_raises_in_the_body_and_is_not_told(stages: Stages) -> None:
    @step
    async def talks(_: Any, ctx: Context) -> str:
        try:
            ctx.emit({"a": float("nan")})
        except ValueError as error:
            return str(error)
        return "no error"

    stage = await stages.open(Workflow("w").then(talks))

    run = await stage.run("w")

    assert "$.a" in run.result
    assert run.told(EventType.STEP_OUTPUT, "talks") == []


async def test_what_is_emitted_after_the_end_is_not_told(stages: Stages) -> None:
    late = asyncio.Event()
    talking: list[asyncio.Task[None]] = []

    async def talks_late(ctx: Context) -> None:
        await late.wait()
        ctx.emit("late")

    @step
    async def leaves(value: Any, ctx: Context) -> Any:
        talking.append(asyncio.create_task(talks_late(ctx)))
        return value

    @step
    async def waits(value: Any) -> Any:
        late.set()
        await talking[0]
        return value

    stage = await stages.open(Workflow("w").then(leaves, waits))

    run = await stage.run("w")

    assert not any("step_output" in line for line in run.story)
