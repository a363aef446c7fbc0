"""
Nothing is told that a crash could take back, and nothing is lost that was told.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence

import pytest

from dalsegno.engine.commands import Accepted, Resume, StartRun
from dalsegno.model.errors import DalsegnoError, RunNotFound, StoreUnavailable
from dalsegno.model.event import Event, EventType
from dalsegno.workflow import Context, Workflow
from tests.unit.engine.bodies import Bodies, asks_and_adds
from tests.unit.engine.graphs import plain
from tests.unit.engine.stage import Stages, until

BROKEN = StoreUnavailable("the disk is full")


async def test_a_run_is_not_acknowledged_before_it_is_durable(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(plain(bodies))
    release = stage.store.hold_append(1)

    starting = asyncio.create_task(stage.start("w", "", run_id="mine"))
    await until(lambda: bool(stage.store.appends))

    assert not starting.done()
    with pytest.raises(RunNotFound):
        await stage.engine.view("mine")
    assert bodies.calls == []
    release.set()
    assert await starting == "mine"


async def test_no_body_begins_before_its_start_is_durable(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(plain(bodies))
    release = stage.store.hold_append(2)

    run_id = await stage.start("w", "")
    await until(lambda: len(stage.store.appends) == 2)

    assert bodies.calls == ["a"]
    assert (await stage.seen(run_id)).story == ["run_started", "step_started a"]
    release.set()
    assert (await stage.at_rest(run_id)).result == "abc"


async def test_a_watcher_is_told_only_what_is_durable(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(plain(bodies))
    release = stage.store.hold_append(2)
    run_id = await stage.start("w", "")
    watch = await stage.engine.watch(run_id, after_sequence=0, follow=False, idle_s=30)

    first = await anext(watch)
    rest = asyncio.ensure_future(anext(watch))
    await until(lambda: len(stage.store.appends) == 2)

    assert [event.sequence for event in first] == [1, 2]
    assert not rest.done()
    release.set()
    assert (await rest)[0].sequence == 3
    await watch.aclose()


@pytest.mark.parametrize("is_kept", [False, True], ids=["lost", "kept"])
async def test_a_run_whose_first_append_fails_is_not_acknowledged(
    is_kept: bool, stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(plain(bodies))
    stage.store.fail_append(1, BROKEN, is_kept=is_kept)

    with pytest.raises(StoreUnavailable):
        await stage.engine.run(StartRun("w", run_id="mine"))

    assert bodies.calls == []
    assert [run.run_id for run in await stage.runs()] == (["mine"] if is_kept else [])


@pytest.mark.parametrize("is_kept", [False, True], ids=["lost", "kept"])
@pytest.mark.parametrize("number", [2, 3, 4])
async def test_who_waits_for_a_run_that_cannot_be_written_is_told_and_who_watches_sees_it_go_on(
    number: int, is_kept: bool, stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(plain(bodies))
    release = stage.store.hold_append(number)
    stage.store.fail_append(number, BROKEN, is_kept=is_kept)

    run_id = await stage.start("w", "")
    watch = await stage.engine.watch(run_id, after_sequence=0, follow=True, idle_s=0.01)
    watching = asyncio.create_task(_read(watch))
    waiting = asyncio.create_task(stage.engine.wait(run_id))
    await stage.until_watched(run_id, 2)
    with stage.clock.still():  # it is taken up again after a pause
        release.set()
        with pytest.raises(StoreUnavailable):
            await waiting

        assert len(stage.store.appends) == number, "it went on after a write that failed"
        assert bodies.calls == list("abc")[: number - 1]
        await until(lambda: not stage.is_live(run_id))
        assert not watching.done()
    watched = await watching
    assert [told.sequence for told in watched] == list(range(1, len(watched) + 1))
    assert watched[-1].type is EventType.RUN_COMPLETED


async def test_who_waits_later_for_a_run_that_could_not_be_written_does_not_hang(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(plain(bodies))
    stage.store.fail_append(2, BROKEN)
    run_id = await stage.start("w", "")
    await until(lambda: not stage.is_live(run_id))

    with pytest.raises(DalsegnoError):
        await asyncio.wait_for(stage.engine.wait(run_id), 1)


async def test_a_failed_write_in_one_arm_ends_the_others(stages: Stages, bodies: Bodies) -> None:
    is_cleaned_up = asyncio.Event()

    async def waits(_: object, __: Context) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            is_cleaned_up.set()

    workflow = Workflow("w").parallel(bodies.step("p", waits), bodies.step("q"))
    stage = await stages.open(workflow)
    release = stage.store.hold_append(2)
    stage.store.fail_append(2, BROKEN)

    run_id = await stage.start("w", "")
    waiting = asyncio.create_task(stage.engine.wait(run_id))
    await stage.until_watched(run_id, 1)
    release.set()
    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(waiting, 1)

    await asyncio.wait_for(is_cleaned_up.wait(), 5)


async def test_a_travel_whose_append_fails_leaves_no_replay(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(plain(bodies))
    source = await stage.run("w", "")
    stage.store.fail_append(1, BROKEN)

    with pytest.raises(StoreUnavailable):
        await stage.travel("b", source)

    assert [run.run_id for run in await stage.runs()] == [source.run_id]
    assert bodies.calls == ["a", "b", "c"]


async def test_a_resumption_that_was_not_written_can_be_made_again(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a", asks_and_adds)))
    run = await stage.run("w", "")
    stage.store.fail_append(1, BROKEN)

    with pytest.raises(StoreUnavailable):
        await stage.answer(run, "lost")

    assert (await stage.seen(run)).status == "suspended"
    assert (await stage.resume(run, "kept")).result == "<kept>"


async def test_a_caller_who_leaves_loses_no_run_that_was_accepted(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(plain(bodies))
    release = stage.store.hold_append(1)
    starting = asyncio.create_task(stage.start("w", "", run_id="mine"))
    await until(lambda: bool(stage.store.appends))

    starting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await starting
    written = asyncio.Event()
    stage.store.on_append = lambda _: written.set()
    release.set()
    await written.wait()

    assert (await stage.at_rest("mine")).result == "abc"


async def test_of_two_servers_that_resume_at_once_one_wins(stages: Stages, bodies: Bodies) -> None:
    """
    The goal: fencing. One server that has read an old state cannot write.
    The method: two engines share a store; the append of the first is held until both have read.
    """
    workflow = Workflow("w").then(bodies.step("a", asks_and_adds), bodies.step("b"))
    stage = await stages.open(workflow)
    other = await stages.another(stage, workflow)
    run = await stage.run("w", "")
    release = stage.store.hold_append(1)

    both = asyncio.gather(
        stage.engine.resume(Resume(run.run_id, resume_data=b"1")),
        other.engine.resume(Resume(run.run_id, resume_data=b"2")),
        return_exceptions=True,
    )
    await until(lambda: len(stage.store.appends) == 2)
    release.set()
    outcomes = await both
    winner = stage if isinstance(outcomes[0], Accepted) else other
    answer = "1" if winner is stage else "2"
    await winner.engine.wait(run.run_id)
    await other.engine.stop(0)

    refused = [outcome for outcome in outcomes if isinstance(outcome, DalsegnoError)]
    # The loser has lost the append, or has read what the winner wrote.
    assert [refusal.reason for refusal in refused] in (["CONFLICT"], ["NOT_SUSPENDED"])
    assert (await stage.seen(run)).result == f"<{answer}>b"
    assert bodies.calls.count("b") == 1


async def _read(watch: AsyncGenerator[Sequence[Event], None]) -> list[Event]:
    return [event async for batch in watch for event in batch]
