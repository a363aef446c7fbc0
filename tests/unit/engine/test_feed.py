"""
Watching and waiting for runs.
"""

import asyncio
import gc
import weakref
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from dalsegno.engine import feed, tail
from dalsegno.engine.walk import Walk
from dalsegno.model.errors import RunNotFound, SequenceOutOfRange, ShuttingDown
from dalsegno.model.event import Event, EventType
from dalsegno.model.payload import Payload
from dalsegno.workflow import Context, Workflow
from tests.unit.engine.bodies import Bodies, asks, fails
from tests.unit.engine.seen import Seen
from tests.unit.engine.stage import Stage, Stages, until

Watch = AsyncGenerator[Sequence[Event], None]


async def watch(stage: Stage, run_id: str, after: int = 0, *, follow: bool = False) -> Watch:
    return await stage.engine.watch(run_id, after_sequence=after, follow=follow, idle_s=30)


async def read(watching: Watch) -> list[Event]:
    """
    All that comes until the watch ends.
    """
    return [told(event) async for batch in watching for event in batch]


def told(event: Event) -> Event:
    """
    The event as a watcher is told of it: where its payloads are stored is no part of that.
    """
    payload, resume_data, state = (
        each and Payload(each.json) for each in (event.payload, event.resume_data, event.state)
    )
    return replace(event, payload=payload, resume_data=resume_data, state=state)


def log_of(run: Seen) -> list[Event]:
    return [told(event) for event in run.events]


def emits(count: int) -> Any:
    def does(value: Any, ctx: Context) -> Any:
        for number in range(count):
            ctx.emit(number)
        return value

    return does


async def test_a_watch_from_every_cursor_gives_exactly_the_rest(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(*bodies.steps("ab")))
    run = await stage.run("w", "")

    for after in range(len(run.events) + 1):
        for follow in (False, True):
            events = await read(await watch(stage, run.run_id, after, follow=follow))
            assert events == log_of(run)[after:]


async def test_a_watch_joined_while_the_run_goes_on_gives_exactly_the_rest(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(*bodies.steps("abcdef")))
    run_id = await stage.start("w", "")
    watchers = []
    while not (run := await stage.engine.view(run_id)).run.status.is_terminal:
        newest = run.run.newest_sequence
        for after in (0, newest // 2, newest):
            reading = asyncio.create_task(read(await watch(stage, run_id, after)))
            watchers.append((after, reading))
    log = log_of(await stage.seen(run_id))

    assert watchers
    for after, reading in watchers:
        assert await reading == log[after:]


async def test_a_cursor_beyond_the_newest_event_is_refused(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a")))
    run = await stage.run("w", "")
    newest = len(run.events)

    with pytest.raises(SequenceOutOfRange) as refusal:
        await watch(stage, run.run_id, newest + 1)
    with pytest.raises(SequenceOutOfRange):
        await stage.engine.events(run.run_id, after_sequence=newest + 1, limit=10)

    assert refusal.value.facts["newest"] == str(newest)


async def test_a_run_that_is_not_there_cannot_be_watched(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a")))

    with pytest.raises(RunNotFound):
        await watch(stage, "nowhere")
    with pytest.raises(RunNotFound):
        await stage.engine.wait("nowhere")
    with pytest.raises(RunNotFound):
        await stage.engine.events("nowhere", after_sequence=0, limit=10)


async def test_without_follow_a_watch_ends_when_the_run_rests(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a"), bodies.step("s", asks)))
    suspended = await stage.run("w", "")
    paused = await stage.run("w", "", per_step=True)

    for run in (suspended, paused):
        assert await read(await watch(stage, run.run_id)) == log_of(run)
        assert await read(await watch(stage, run.run_id, len(run.events))) == []


@pytest.mark.parametrize("page", [1, 4, 5, 256])
async def test_suspensions_of_the_past_do_not_end_a_watch(
    page: int, stages: Stages, bodies: Bodies, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Nor where a page of the log ends with one.
    """
    monkeypatch.setattr(feed, "_FIRST_PAGE", page)
    monkeypatch.setattr(feed, "_PAGE", page)
    workflow = Workflow("w").then(bodies.step("s", asks), bodies.step("t", asks))
    stage = await stages.open(workflow)
    first = await stage.run("w", "")
    second = await stage.resume(first, 1)

    assert await read(await watch(stage, first.run_id)) == log_of(second)
    assert second.story.count("run_suspended") == 2


async def test_with_follow_a_watch_stays_until_the_run_has_ended(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("s", asks), bodies.step("b")))
    run = await stage.run("w", "")
    following = asyncio.create_task(read(await watch(stage, run.run_id, follow=True)))
    await stage.until_watched(run.run_id, 1)

    run = await stage.resume(run, "ok")

    assert await following == log_of(run)


async def test_silence_is_told_by_empty_batches(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("s", asks)))
    run = await stage.run("w", "")
    watching = await stage.engine.watch(
        run.run_id, after_sequence=len(run.events), follow=True, idle_s=0.001
    )

    silence = [await anext(watching) for _ in range(3)]
    await stage.resume(run, "ok")
    rest = [event.type async for batch in watching for event in batch]

    assert silence == [(), (), ()]
    assert rest == [
        EventType.RUN_RESUMED,
        EventType.STEP_STARTED,
        EventType.STEP_COMPLETED,
        EventType.RUN_COMPLETED,
    ]


async def test_a_watcher_that_keeps_up_never_touches_the_log(
    stages: Stages, bodies: Bodies
) -> None:
    async def waits(value: Any, _: Context) -> Any:
        await until(lambda: caught_up)
        return value

    caught_up = False
    body = bodies.step("a", waits)
    stage = await stages.open(Workflow("w").then(body, *bodies.steps("bcdef")))
    run_id = await stage.start("w", "")
    watching = await watch(stage, run_id)
    first = [told(event) for event in await anext(watching)]
    reads = stage.store.calls["events"]
    reading = asyncio.create_task(read(watching))
    await asyncio.sleep(0)
    caught_up = True

    events = first + await reading

    assert stage.store.calls["events"] <= reads + 1
    assert events == log_of(await stage.seen(run_id))


async def test_a_slow_watcher_falls_back_to_the_log_and_misses_nothing(
    stages: Stages, bodies: Bodies
) -> None:
    """
    More events than the window holds pass while the watcher sleeps; a quick one sees them, too.
    """
    count = tail.WINDOW * 3
    stage = await stages.open(Workflow("w").then(bodies.step("a", emits(count)), bodies.step("b")))
    release = stage.store.hold_append(2)
    run_id = await stage.start("w", "")
    slow = await watch(stage, run_id)
    begun = [told(event) for event in await anext(slow)]
    quick = asyncio.create_task(read(await watch(stage, run_id)))
    await stage.until_watched(run_id, 2)
    release.set()
    await stage.engine.wait(run_id)
    assert len(stage.engine._feed._tails[run_id].window) == tail.WINDOW

    log = log_of(await stage.seen(run_id))
    assert len(log) > count
    assert begun + await read(slow) == log
    assert await quick == log


async def test_the_window_of_a_run_is_bounded_in_bytes(
    stages: Stages, bodies: Bodies, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Ten events of 100 bytes fit beside none of 5000, which is kept all the same while it is new.
    """
    monkeypatch.setattr(tail, "WINDOW_BYTES", 1000)
    small, large = "x" * 98, "x" * 4998

    def emits_both(value: Any, ctx: Context) -> Any:
        for data in [small] * 30 + [large] + [small] * 30:
            ctx.emit(data)
        return value

    stage = await stages.open(Workflow("w").then(bodies.step("a", emits_both)))
    release = stage.store.hold_append(2)
    run_id = await stage.start("w", "")
    slow = await watch(stage, run_id)
    begun = [told(event) for event in await anext(slow)]
    quick = asyncio.create_task(read(await watch(stage, run_id)))
    await stage.until_watched(run_id, 2)
    release.set()
    await stage.engine.wait(run_id)
    window = stage.engine._feed._tails[run_id].window

    log = log_of(await stage.seen(run_id))
    assert sum(event.size for event in window) <= 1000
    assert [told(event) for event in window] == log[-len(window) :]
    assert begun + await read(slow) == log
    assert await quick == log


async def test_an_event_larger_than_the_window_is_kept_while_it_is_new(
    stages: Stages, bodies: Bodies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "WINDOW_BYTES", 1000)
    stage = await stages.open(Workflow("w").then(bodies.step("s", asks), bodies.step("b")))
    run = await stage.run("w", "x" * 5000)
    following = asyncio.create_task(read(await watch(stage, run.run_id, follow=True)))
    standing = await watch(stage, run.run_id, follow=True)
    await anext(standing)
    await stage.until_watched(run.run_id, 2)
    kept = stage.engine._feed._tails[run.run_id]

    run = await stage.resume(run, "y" * 5000)

    assert await following == log_of(run)
    assert len(kept.window) == 1
    await standing.aclose()
    assert not kept.window


async def test_a_page_of_the_log_is_bounded_in_bytes(
    stages: Stages, bodies: Bodies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_PAGE_BYTES", 1000)
    stage = await stages.open(Workflow("w").then(*bodies.steps("abcdef")))
    run = await stage.run("w", "x" * 600)

    batches = [batch async for batch in await watch(stage, run.run_id)]

    assert [told(event) for batch in batches for event in batch] == log_of(run)
    assert all(sum(event.size for event in batch[:-1]) < 1000 for batch in batches)
    assert len(batches) > 5


async def test_however_far_behind_a_watcher_is_it_misses_nothing(
    stages: Stages, bodies: Bodies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "WINDOW", 3)
    stage = await stages.open(Workflow("w").then(*bodies.steps("abc")))
    run = await stage.run("w", "")
    telling = feed.Feed(stage.store.as_store)
    with tail.Use(telling._tails, run.run_id, watches=True):
        for event in run.events:
            telling.publish(run.view.run, [event])

        for after in range(len(run.events) + 1):
            watching = telling.watch(run.run_id, after, follow=True, idle_s=30)
            assert await read(watching) == log_of(run)[after:]


async def test_what_happens_while_a_watcher_looks_whether_it_is_done_wakes_it(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("s", asks), bodies.step("b")))
    run = await stage.run("w", "")
    newest = len(run.events)
    telling = feed.Feed(stage.store.as_store)
    looked = stage.store.hold_answer("run")
    watching = telling.watch(run.run_id, newest, follow=True, idle_s=30)
    reading = asyncio.create_task(anext(watching))
    await until(lambda: stage.store.has_held("run"))
    run = await stage.resume(run, "ok")
    telling.publish(run.view.run, run.events[newest:])
    looked.set()

    async with asyncio.timeout(5):
        assert [told(event) for event in await reading] == log_of(run)[newest:]
    await watching.aclose()


async def test_events_that_nobody_told_of_here_are_read_from_the_log(
    stages: Stages, bodies: Bodies
) -> None:
    """
    A write that failed may have been kept: what is told next does not follow what was told last.
    """
    stage = await stages.open(Workflow("w").then(bodies.step("s", asks), bodies.step("b")))
    run = await stage.run("w", "")
    newest = len(run.events)
    telling = feed.Feed(stage.store.as_store)
    watching = telling.watch(run.run_id, newest, follow=True, idle_s=30)
    reading = asyncio.create_task(anext(watching))
    await until(lambda: run.run_id in telling._tails)
    run = await stage.resume(run, "ok")

    telling.publish(run.view.run, run.events[newest : newest + 1])
    telling.publish(run.view.run, run.events[newest + 2 :])
    first = await reading

    assert [told(event) for event in first] + await read(watching) == log_of(run)[newest:]


async def test_watchers_that_are_gone_leave_nothing(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a"), bodies.step("s", asks)))
    run = await stage.run("w", "")
    tails = stage.engine._feed._tails

    await read(await watch(stage, run.run_id))
    left = await watch(stage, run.run_id, follow=True)
    await anext(left)
    assert set(tails) == {run.run_id}
    await left.aclose()
    waiting = asyncio.create_task(read(await watch(stage, run.run_id, follow=True)))
    await stage.until_watched(run.run_id, 1)
    waiting.cancel()
    await asyncio.wait([waiting])

    assert tails == {}


async def test_stopping_ends_watches_and_waits(stages: Stages, bodies: Bodies) -> None:
    async def waits(*_: Any) -> None:
        await asyncio.Event().wait()

    stage = await stages.open(Workflow("w").then(bodies.step("a", waits)))
    run_id = await stage.start("w", "")
    watching = asyncio.create_task(read(await watch(stage, run_id)))
    waiting = asyncio.create_task(stage.engine.wait(run_id))
    await stage.until_watched(run_id, 2)

    await stage.engine.stop(0)

    for task in (watching, waiting):
        with pytest.raises(ShuttingDown):
            await task
    assert (await stage.seen(run_id)).story == ["run_started", "step_started a"]


async def test_a_stopped_server_starts_nothing(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a"), bodies.step("s", asks)))
    run = await stage.run("w", "")
    await stage.engine.stop(0)

    with pytest.raises(ShuttingDown):
        await stage.start("w", "")
    with pytest.raises(ShuttingDown):
        await stage.begin_travel("a", run)
    with pytest.raises(ShuttingDown):
        await stage.answer(run, 1)

    assert bodies.calls == ["a", "s"]
    assert await stage.seen(run) == run


async def test_stopping_lets_bodies_reach_their_record(stages: Stages, bodies: Bodies) -> None:
    release = asyncio.Event()

    async def waits(*_: Any) -> str:
        await release.wait()
        return "done"

    stage = await stages.open(Workflow("w").then(bodies.step("a", waits), bodies.step("b")))
    with stage.clock.still():
        run_id = await stage.start("w", "")
        await until(lambda: bodies.calls == ["a"])
        stopping = asyncio.create_task(stage.engine.stop(60))
        await until(lambda: stage.engine._supervisor.is_stopping)
        release.set()
        await stage.until_stored(run_id, "step_completed a")
    await stopping

    run = await stage.seen(run_id)
    assert run.output("a") == "done"
    assert run.status == "running"
    assert bodies.calls == ["a"], "nothing further begins"


@pytest.mark.parametrize("does", [None, fails, asks, lambda _, ctx: ctx.cancel()])
async def test_runs_at_rest_take_no_memory(does: Any, stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").parallel(bodies.step("a", does), bodies.step("b")))

    await asyncio.gather(*(stage.run("w", "") for _ in range(5)))
    await until(lambda: not stage.engine._supervisor._walks)
    gc.collect()

    walks = [each for each in gc.get_objects() if isinstance(each, Walk)]
    assert [walk for walk in walks if walk.bodies is stage.engine._bodies] == []
    assert stage.engine._feed._tails == {}
    assert stage.engine._locks._locks == {}


async def test_a_walk_can_be_forgotten_once_its_run_waits(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").sleep("nap", 3600).then(bodies.step("a")))

    with stage.clock.still():
        run_id = await stage.start("w", "")
        walk = stage.engine._supervisor.walk_of(run_id)
        assert walk is not None
        live = weakref.ref(walk.live)
        del walk
        await stage.until_told(run_id, "run_waiting")
        await until(lambda: not stage.is_live(run_id))
        gc.collect()
        assert live() is None

    assert (await stage.at_rest(run_id)).status == "success"


async def test_following_a_run_that_is_deleted_ends(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("s", asks)))
    run_id = await stage.start("w", "")
    watching = await stage.engine.watch(run_id, after_sequence=0, follow=True, idle_s=30)
    while (await anext(watching))[-1].type is not EventType.RUN_SUSPENDED:
        pass

    await stage.engine.delete(run_id)

    with pytest.raises(RunNotFound):
        async with asyncio.timeout(2):
            await read(watching)


async def test_nothing_is_written_once_a_server_has_stopped(stages: Stages, bodies: Bodies) -> None:
    """
    Nor what a body tells while it cleans up: the store may be closed by then.
    """

    async def tells_late(_: Any, ctx: Context) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ctx.emit("late")

    stage = await stages.open(
        Workflow("w").parallel(bodies.step("p", tells_late), bodies.step("q", tells_late))
    )
    await stage.start("w")
    await until(lambda: len(bodies.calls) == 2)

    await stage.engine.stop(0)
    handed_over = len(stage.store.appends)
    for _ in range(20):
        await asyncio.sleep(0)

    assert len(stage.store.appends) == handed_over


async def test_no_timer_fires_once_a_server_is_stopping(stages: Stages, bodies: Bodies) -> None:
    """
    The goal: a run that is woken while the server stops would write behind its back.
    The method: a write that takes long keeps the server stopping while a timer falls due.
    """
    writing = Workflow("writing").then(*bodies.steps("ab"))
    waiting = Workflow("waiting").sleep("nap", 60).then(bodies.step("z"))
    stage = await stages.open(writing, waiting)
    with stage.clock.still():
        asleep = await stage.start("waiting", "")
        await stage.until_told(asleep, "run_waiting")
        await until(lambda: not stage.is_live(asleep))
        known = len(stage.store.appends)
        release = stage.store.hold_append(2)
        await stage.start("writing", "")
        await until(lambda: len(stage.store.appends) == known + 2)
        stopping = asyncio.create_task(stage.engine.stop(0))
        await until(lambda: stage.engine._supervisor.is_stopping)

        stage.clock.advance(61_000_000)
        for _ in range(3):
            await stage.seen(asleep)  # gives the timer all the time it takes
        is_woken = stage.is_live(asleep)
        release.set()
        await stopping

    assert not is_woken
    assert bodies.calls == ["a"]
    assert (await stage.seen(asleep)).story[-1] == "run_waiting"
