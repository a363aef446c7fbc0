"""
Requests that are repeated: the first answer again, and nothing happens twice.
"""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from dalsegno.engine import EngineSettings
from dalsegno.engine.commands import Accepted, Cancel, Command, Pause, Resume, StartRun, TimeTravel
from dalsegno.model.errors import RequestIdReused, RunExists, StoreUnavailable, TooManyRuns
from dalsegno.workflow import Workflow
from tests.unit.engine.bodies import Bodies, asks_and_adds
from tests.unit.engine.stage import Stage, Stages, until


async def send(stage: Stage, command: Command) -> Accepted:
    match command:
        case StartRun():
            return await stage.engine.run(command)
        case Resume():
            return await stage.engine.resume(command)
        case TimeTravel():
            return await stage.engine.time_travel(command)
        case Cancel():
            return await stage.engine.cancel(command)
        case Pause():
            return await stage.engine.pause(command)


async def opened(stages: Stages, bodies: Bodies) -> Stage:
    """
    With a finished run ``done`` and a suspended one ``asks``.
    """
    stage = await stages.open(
        Workflow("plain").then(*bodies.steps("ab")),
        Workflow("asking").then(bodies.step("s", asks_and_adds)),
    )
    await stage.run("plain", "", run_id="done")
    await stage.run("asking", "", run_id="asks")
    bodies.calls.clear()
    return stage


COMMANDS: list[tuple[Command, Command]] = [
    (
        StartRun("plain", b'""', request_id="r"),
        StartRun("plain", b'"x"', request_id="r"),
    ),
    (
        TimeTravel("b", run_id="done", request_id="r"),
        TimeTravel("b", run_id="done", input_data=b"null", request_id="r"),
    ),
    (
        Resume("asks", resume_data=b"1", request_id="r"),
        Resume("asks", resume_data=b"2", request_id="r"),
    ),
    (Cancel("asks", request_id="r"), Cancel("asks", reason="why", request_id="r")),
]
NAMES = [type(command).__name__ for command, _ in COMMANDS]


@pytest.mark.parametrize(("command", "other"), COMMANDS, ids=NAMES)
async def test_a_repeated_request_is_answered_as_the_first(
    command: Command, other: Command, stages: Stages, bodies: Bodies
) -> None:
    stage = await opened(stages, bodies)
    first = await send(stage, command)
    run = await stage.at_rest(first.run_id)
    called, written = list(bodies.calls), len(stage.store.appends)

    again = await send(stage, command)
    with pytest.raises(RequestIdReused) as refusal:
        await send(stage, other)

    assert again == first
    assert refusal.value.facts["request_id"] == "r"
    assert (bodies.calls, len(stage.store.appends)) == (called, written)
    assert await stage.seen(first.run_id) == run


@pytest.mark.parametrize(("command", "other"), COMMANDS, ids=NAMES)
async def test_the_same_request_twice_at_once_takes_effect_once(
    command: Command, other: Command, stages: Stages, bodies: Bodies
) -> None:
    del other
    stage = await opened(stages, bodies)

    first, second = await asyncio.gather(send(stage, command), send(stage, command))
    await stage.at_rest(first.run_id)

    assert first == second
    assert len(bodies.calls) == len(set(bodies.calls))


@pytest.mark.parametrize(("command", "other"), COMMANDS, ids=NAMES)
async def test_a_request_is_known_to_another_server(
    command: Command, other: Command, stages: Stages, bodies: Bodies
) -> None:
    del other
    stage = await opened(stages, bodies)
    first = await send(stage, command)
    await stage.at_rest(first.run_id)
    stage = await stages.open(
        Workflow("plain").then(*bodies.steps("ab")), Workflow("asking").then(bodies.step("s"))
    )
    called = len(bodies.calls)

    assert await send(stage, command) == first
    assert len(bodies.calls) == called


async def test_a_refused_request_may_be_sent_again(stages: Stages, bodies: Bodies) -> None:
    stage = await opened(stages, bodies)
    command = StartRun("plain", b'""', run_id="done", request_id="r")

    with pytest.raises(RunExists):
        await send(stage, command)
    with pytest.raises(RunExists):
        await send(stage, command)

    assert (await send(stage, StartRun("plain", b'""', request_id="r"))).run_id != "done"


async def test_a_run_id_that_exists_is_refused(stages: Stages, bodies: Bodies) -> None:
    stage = await opened(stages, bodies)
    before = await stage.seen("done")

    with pytest.raises(RunExists) as refusal:
        await stage.start("plain", "", run_id="done")
    with pytest.raises(RunExists):
        await stage.begin_travel("a", "done", new_run_id="asks")

    assert refusal.value.facts == {"run_id": "done"}
    assert await stage.seen("done") == before
    assert bodies.calls == []


async def test_of_two_runs_of_one_id_at_once_one_is_made(stages: Stages, bodies: Bodies) -> None:
    stage = await opened(stages, bodies)

    outcomes = await asyncio.gather(
        stage.start("plain", "one", run_id="mine"),
        stage.start("plain", "two", run_id="mine"),
        stage.begin_travel("a", "done", new_run_id="mine", input="three"),
        return_exceptions=True,
    )
    run = await stage.at_rest("mine")

    assert [type(outcome) for outcome in outcomes].count(RunExists) == 2
    assert run.result in ("oneab", "twoab", "threeab")
    assert bodies.calls == ["a", "b"]


async def test_a_replay_may_be_given_its_id(stages: Stages, bodies: Bodies) -> None:
    stage = await opened(stages, bodies)

    assert (await stage.travel("b", "done", new_run_id="mine")).run_id == "mine"


async def test_who_follows_a_run_is_not_disturbed_by_a_start_under_its_id(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await opened(stages, bodies)
    watching = await stage.engine.watch("asks", after_sequence=4, follow=True, idle_s=0.001)
    assert await anext(watching) == ()

    with pytest.raises(RunExists):
        await stage.start("plain", "", run_id="asks")
    with pytest.raises(RunExists):
        await stage.begin_travel("a", "done", new_run_id="asks")

    assert await anext(watching) == ()
    await stage.resume("asks", "ok")
    assert [event.type async for batch in watching for event in batch][-1] == "run_completed"


async def test_runs_that_were_never_made_take_no_memory(stages: Stages, bodies: Bodies) -> None:
    stage = await opened(stages, bodies)
    feed = stage.engine._feed

    for number in range(3):
        stage.store.fail_append(1, StoreUnavailable("the disk is full"))
        with pytest.raises(StoreUnavailable):
            await stage.start("plain", "", run_id=f"new{number}")
        with pytest.raises(RunExists):
            await stage.start("plain", "", run_id="done")

    assert (feed._tails, feed._lost) == ({}, {})
    assert stage.engine._supervisor._walks == {}
    assert stage.engine._locks._locks == {}


async def test_more_runs_than_may_be_in_memory_are_refused(stages: Stages, bodies: Bodies) -> None:
    release = asyncio.Event()

    async def waits(*_: Any) -> None:
        await release.wait()

    stage = await stages.open(
        Workflow("busy").then(bodies.step("a", waits)),
        Workflow("asking").then(bodies.step("s", asks_and_adds)),
        Workflow("sleeping").sleep("nap", 3600),
        settings=EngineSettings(runs_max=1, runs_pending_max=0, wait_in_memory=timedelta(0)),
    )
    asking = await stage.run("asking", "")
    with stage.clock.still():
        sleeping = await stage.start("sleeping")
        await stage.until_told(sleeping, "run_waiting")
        await until(lambda: not stage.is_live(sleeping))
        busy = await stage.start("busy")

        for refused in (
            stage.start("busy"),
            stage.begin_travel("s", asking),
            stage.answer(asking, 1),
        ):
            with pytest.raises(TooManyRuns) as refusal:
                await refused
            assert refusal.value.facts == {"runs_max": "1"}
        release.set()
        await stage.at_rest(busy)

    assert (await stage.at_rest(sleeping)).status == "success"
    assert (await stage.resume(asking, "ok")).result == "<ok>"
