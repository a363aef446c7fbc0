"""
Callers who go away while what they asked for is being written, and ask again.
"""

import asyncio
from collections.abc import Awaitable

import pytest

from dalsegno.engine import Engine
from dalsegno.engine.commands import (
    Accepted,
    Cancel,
    Command,
    Pause,
    Resume,
    StartRun,
    TimeTravel,
)
from dalsegno.model.errors import RunNotFound, ShuttingDown
from dalsegno.workflow import Workflow
from tests.unit.engine.bodies import Bodies, asks
from tests.unit.engine.stage import Stage, Stages, until

COMMANDS: dict[str, Command] = {
    "run": StartRun("w", run_id="new", request_id="q"),
    "time_travel": TimeTravel("b", run_id="old", new_run_id="new", request_id="q"),
    "resume": Resume("old", resume_data=b"1", request_id="q"),
    "pause": Pause("old", request_id="q"),
    "cancel": Cancel("old", request_id="q"),
}


def asked(engine: Engine, name: str) -> Awaitable[Accepted]:
    answer: Awaitable[Accepted] = getattr(engine, name)(COMMANDS[name])
    return answer


async def with_run_that_asks(stages: Stages, bodies: Bodies) -> Stage:
    """
    A server with a run that is suspended.
    """
    stage = await stages.open(Workflow("w").then(bodies.step("a")).then(bodies.step("b", asks)))
    await stage.run("w", "", run_id="old")
    return stage


@pytest.mark.parametrize("name", COMMANDS)
async def test_a_repetition_finds_what_a_caller_who_left_has_asked_for(
    stages: Stages, bodies: Bodies, name: str
) -> None:
    """
    The goal: whose connection broke may ask again at once, and is answered, not refused.
    The method: cancel a call while its append is under way, repeat it, and let the append go on.
    """
    stage = await with_run_that_asks(stages, bodies)
    before = len(stage.store.appends)
    release = stage.store.hold_append(1)

    left = asyncio.ensure_future(asked(stage.engine, name))
    await until(lambda: len(stage.store.appends) > before)
    left.cancel()
    repeated = asyncio.ensure_future(asked(stage.engine, name))
    for _ in range(100):
        await asyncio.sleep(0)
    release.set()
    first, again = await repeated, await asked(stage.engine, name)

    assert first == again
    kept = [append for append in stage.store.appends if append.request is not None]
    assert len(kept) == 1


async def test_a_deletion_is_told_although_its_caller_left(stages: Stages, bodies: Bodies) -> None:
    stage = await with_run_that_asks(stages, bodies)
    watch = await stage.engine.watch("old", after_sequence=0, follow=True, idle_s=30)
    await anext(watch)  # all there is
    told = asyncio.ensure_future(anext(watch))
    answer = stage.store.hold_answer("delete")

    left = asyncio.create_task(stage.engine.delete("old"))
    await until(lambda: stage.store.has_held("delete"))
    left.cancel()
    answer.set()

    with pytest.raises(RunNotFound):
        await asyncio.wait_for(told, 5)


async def test_a_command_that_a_stop_cuts_off_is_refused_as_such(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await with_run_that_asks(stages, bodies)
    stage.store.hold_answer("request")
    cut = asyncio.ensure_future(asked(stage.engine, "cancel"))
    await until(lambda: stage.store.has_held("request"))

    await stage.engine.stop(0)

    with pytest.raises(ShuttingDown):
        await cut
