"""
What has ended has ended: runs, and steps that succeeded (semantics.md §8).
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from dalsegno.engine.commands import Cancel, Pause, Resume
from dalsegno.model.errors import DalsegnoError, NotSuspended, RunFinished
from dalsegno.model.event import EventType
from dalsegno.workflow import Context, Workflow
from tests.unit.engine.bodies import Bodies, Does, asks_and_adds, fails
from tests.unit.engine.seen import Seen
from tests.unit.engine.stage import Stage, Stages, until


async def ended_as(status: str, stages: Stages, bodies: Bodies) -> tuple[Stage, Seen]:
    does = {"success": None, "failed": fails, "canceled": lambda _, ctx: ctx.cancel()}[status]
    stage = await stages.open(Workflow("w").then(bodies.step("a", does)))
    run = await stage.run("w", "")
    assert run.status == status
    return stage, run


@pytest.mark.parametrize("status", ["success", "failed", "canceled"])
async def test_a_finished_run_cannot_be_resumed(
    status: str, stages: Stages, bodies: Bodies
) -> None:
    stage, run = await ended_as(status, stages, bodies)

    with pytest.raises(RunFinished) as refusal:
        await stage.answer(run, 1)

    assert refusal.value.facts == {"run_id": run.run_id, "status": status}
    assert await stage.seen(run) == run


@pytest.mark.parametrize("status", ["success", "failed"])
async def test_a_finished_run_cannot_be_canceled(
    status: str, stages: Stages, bodies: Bodies
) -> None:
    stage, run = await ended_as(status, stages, bodies)

    with pytest.raises(RunFinished):
        await stage.cancel(run.run_id)

    assert await stage.seen(run) == run


async def test_canceling_a_canceled_run_answers_with_it(stages: Stages, bodies: Bodies) -> None:
    stage, run = await ended_as("canceled", stages, bodies)

    accepted = await stage.engine.cancel(Cancel(run.run_id, "again"))

    assert accepted.run_id == run.run_id
    assert accepted.after_sequence == run.view.run.newest_sequence
    assert await stage.seen(run) == run


def asks_for(wanted: str) -> Does:
    """
    Suspends for one input, and adds a letter to any.
    """

    def does(value: Any, ctx: Context) -> str:
        return f"{value}{ctx.suspend() if value == wanted else 'l'}"

    return does


def in_a_sequence(bodies: Bodies) -> Workflow:
    return Workflow("w").then(bodies.step("s", asks_and_adds))


def in_an_arm(bodies: Bodies) -> Workflow:
    return Workflow("w").parallel(*bodies.steps("pq"), bodies.step("s", asks_and_adds))


def in_a_branch(bodies: Bodies) -> Workflow:
    return Workflow("w").branch(
        (lambda _: True, bodies.step("p")), (lambda _: True, bodies.step("s", asks_and_adds))
    )


def in_a_nested_workflow(bodies: Bodies) -> Workflow:
    inner = Workflow("inner").then(bodies.step("x"), bodies.step("s", asks_and_adds))
    return Workflow("w").parallel(bodies.step("p"), inner)


def in_an_item(bodies: Bodies) -> Workflow:
    items = Workflow("w").map("m", lambda text: [text, f"{text}!", text])
    return items.foreach(bodies.step("s", asks_for("a!")), concurrency=2)


def in_an_iteration(bodies: Bodies) -> Workflow:
    body = bodies.step("s", asks_for("all"))
    return Workflow("w").do_until(body, lambda text: len(text) > 4)


@pytest.mark.parametrize(
    "make",
    [in_a_sequence, in_an_arm, in_a_branch, in_a_nested_workflow, in_an_item, in_an_iteration],
)
async def test_a_step_that_succeeded_never_executes_again_in_its_run(
    make: Callable[[Bodies], Workflow], stages: Stages, bodies: Bodies
) -> None:
    middle = make(bodies)
    stage = await stages.open(
        Workflow("outer").then(bodies.step("a"), middle.named("middle"), bodies.step("z"))
    )
    run = await stage.run("outer", "")
    assert run.status == "suspended"
    succeeded = {at for at, status in run.statuses.items() if status == "success"}
    called = len(bodies.calls)

    run = await stage.resume(run, "an answer")

    assert run.status == "success"
    assert run.statuses.keys() > succeeded
    assert not succeeded & set(bodies.calls[called:])
    assert run.suspended_at == []


async def test_of_two_resumptions_at_once_one_wins(stages: Stages, bodies: Bodies) -> None:
    workflow = Workflow("w").then(bodies.step("a", asks_and_adds), bodies.step("b"))
    stage = await stages.open(workflow)
    run = await stage.run("w", "")

    outcomes = await asyncio.gather(
        *(stage.engine.resume(Resume(run.run_id, resume_data=data)) for data in (b"1", b"2")),
        return_exceptions=True,
    )
    run = await stage.at_rest(run.run_id)

    refused = [outcome for outcome in outcomes if isinstance(outcome, DalsegnoError)]
    assert len(refused) == 1
    assert isinstance(refused[0], NotSuspended | RunFinished)
    assert run.result == "<1>b"
    assert len(run.told(EventType.RUN_RESUMED)) == 1


async def test_of_a_resumption_and_a_cancellation_at_once_one_wins(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a", asks_and_adds)))
    run = await stage.run("w", "")

    outcomes = await asyncio.gather(
        stage.engine.cancel(Cancel(run.run_id)),
        stage.engine.resume(Resume(run.run_id, resume_data=b"1")),
        return_exceptions=True,
    )
    run = await stage.at_rest(run.run_id)

    assert isinstance(outcomes[1], RunFinished)
    assert run.status == "canceled"
    assert bodies.calls == ["a"]


@pytest.mark.parametrize("kind", ["resume", "cancel", "pause"])
async def test_a_command_that_comes_while_the_run_comes_to_rest_takes_effect(
    kind: str, stages: Stages, bodies: Bodies
) -> None:
    """
    The goal: a lone caller does not lose against the run itself.
    The method: what the command reads of the run is old by the time it is used.
    """
    release = asyncio.Event()

    async def waits(*_: Any) -> None:
        await release.wait()

    workflow = Workflow("w").parallel(bodies.step("p", asks_and_adds), bodies.step("q", waits))
    stage = await stages.open(workflow)
    run_id = await stage.start("w", "")
    await stage.until_told(run_id, "step_suspended p")
    read = stage.store.hold_answer("run")
    commands: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
        "resume": lambda: stage.answer(run_id, "ok"),
        "cancel": lambda: stage.engine.cancel(Cancel(run_id)),
        "pause": lambda: stage.engine.pause(Pause(run_id)),
    }

    commanding = asyncio.create_task(commands[kind]())
    await until(lambda: stage.store.has_held("run"))
    release.set()
    await until(lambda: not stage.is_live(run_id))
    read.set()
    await commanding
    run = await stage.at_rest(run_id)

    assert run.status == {"resume": "success", "cancel": "canceled", "pause": "suspended"}[kind]
