"""
Servers that die, wherever a run stands, and the one after it that goes on.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from dalsegno.model.errors import (
    Conflict,
    RunActive,
    RunNotFound,
    StoreUnavailable,
    WorkflowNotFound,
)
from dalsegno.model.event import EventType
from dalsegno.store.sqlite import SqliteStore
from dalsegno.workflow import Context, Workflow
from tests.fakes import NOON_US
from tests.unit.engine.audit import audit
from tests.unit.engine.bodies import Bodies, asks_and_adds
from tests.unit.engine.graphs import ALL, Make, plain
from tests.unit.engine.seen import Seen
from tests.unit.engine.stage import LEFT_OUT, Stage, Stages, output, until


class Cuts:
    """
    Copies of a stage's files after each append, as a crash would leave them.
    """

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.paths: list[Path] = []
        self._folder = folder
        stage.store.on_append = self._copy

    def _copy(self, _: object) -> None:
        cut = self._folder / f"cut-{len(self.paths)}"
        cut.mkdir()
        for file in self._folder.glob("runs.db*"):
            shutil.copy(file, cut / file.name)
        self.paths.append(cut / "runs.db")


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(path)
    try:
        yield store
    finally:
        await store.close()


@pytest.mark.parametrize("make", ALL)
async def test_records_agree_with_events_wherever_the_run_was_cut(
    make: Make, stages: Stages, bodies: Bodies, tmp_path: Path
) -> None:
    """
    The goal: an append is there with all it tells, or not at all.
    """
    stage = await stages.open(make(bodies))
    cuts = Cuts(stage, tmp_path)
    await stage.run("w", "")

    newest = 0
    for path in cuts.paths:
        async with opened(path) as store:
            (run,) = await audit(store)
        assert run.newest_sequence >= newest
        newest = run.newest_sequence
    assert len(cuts.paths) >= 2


@pytest.mark.parametrize("make", ALL)
async def test_a_run_ends_the_same_wherever_its_server_died(
    make: Make, stages: Stages, bodies: Bodies, tmp_path: Path
) -> None:
    """
    The goal: a history does not show where its server died, and no success is made twice.
    The method: die after each append in turn; another server goes on by itself.
    """
    stage = await stages.open(make(bodies))
    cuts = Cuts(stage, tmp_path)
    whole = await _to_its_end(stage, await stage.run("w", ""))

    for path in cuts.paths:
        before = await _as_left(path)
        async with Stages(path) as after:
            bodies.calls.clear()
            stage = await after.open(make(bodies))
            run = await _to_its_end(stage, await stage.at_rest(whole.run_id))
        _assert_same(run, whole)
        done = {at for at, status in before.items() if status == "success"}
        assert not done & set(bodies.calls), f"{path} executed again what was done"


@pytest.mark.parametrize(
    ("target", "fields"),
    [
        ("inner.y", {}),
        ("inner.y", {"input": "x"}),
        ("p", {"context": {"a": output("A")}}),
        ("inner", {"state": {"n": 1}}),
    ],
)
async def test_a_replay_goes_on_as_the_replay_it_was(
    target: str, fields: dict[str, Any], stages: Stages, bodies: Bodies, tmp_path: Path
) -> None:
    def make() -> Workflow:
        inner = Workflow("inner").then(*bodies.steps("xy"))
        workflow = Workflow("w").then(bodies.step("a")).parallel(bodies.step("p"), inner)
        return workflow.then(bodies.step("j"), bodies.step("z"))

    stage = await stages.open(make())
    source = await stage.run("w", "")
    cuts = Cuts(stage, tmp_path)
    whole = await stage.travel(target, source, **fields)

    for path in cuts.paths:
        async with Stages(path) as after:
            bodies.calls.clear()
            stage = await after.open(make())
            run = await stage.at_rest(whole.run_id)
            assert await stage.seen(source) == source
        _assert_same(run, whole)
        assert run.reused == whole.reused
        assert "a" not in bodies.calls


async def _to_its_end(stage: Stage, run: Seen) -> Seen:
    """
    Answer what is asked.
    """
    while run.status == "suspended":
        run = await stage.resume(run, "ok", step=run.suspended_at[0])
    return run


async def _as_left(path: Path) -> dict[str, str]:
    async with opened(path) as store:
        (run,) = await audit(store)
        records = await store.steps(run.run_id, after_sequence=-1, after_address="", limit=1000)
    return {record.address: record.status.value for record in records}


def _assert_same(run: Seen, whole: Seen) -> None:
    assert run.status == whole.status
    assert run.view.run.result == whole.view.run.result or run.result == whole.result
    assert run.statuses.items() == whole.statuses.items()
    for address, record in run.records.items():
        other = whole.records[address]
        assert [each.number for each in record.attempts] == [
            each.number for each in other.attempts
        ], address
        assert (record.output and record.output.json) == (other.output and other.output.json)
        assert (record.input and record.input.json) == (other.input and other.input.json)


async def test_a_run_that_goes_on_says_so_and_continues_its_sequence(
    stages: Stages, bodies: Bodies
) -> None:
    async def waits(*_: Any) -> None:
        await asyncio.Event().wait()

    bodies.step("b", waits)
    stage = await stages.open(plain(bodies))
    run_id = await stage.start("w", "")
    await until(lambda: bodies.calls == ["a", "b"])
    left = await stage.seen(run_id)
    bodies.will_add("b")
    stage = await stages.open(plain(bodies))

    run = await stage.at_rest(run_id)

    assert run.result == "abc"
    assert run.events[: len(left.events)] == left.events
    assert run.story[len(left.story) :][:2] == ["run_restarted", "step_started b"]
    assert [event.attempt for event in run.told(EventType.STEP_STARTED, "b")] == [1, 1]
    assert len(run.records["b"].attempts) == 1, "an attempt that was cut off is made again"
    assert bodies.calls == ["a", "b", "b", "c"]


async def test_the_idempotency_key_survives_a_crash(stages: Stages, bodies: Bodies) -> None:
    keys = []

    async def waits_at_first(_: Any, ctx: Context) -> None:
        keys.append(ctx.idempotency_key)
        if len(keys) == 1:
            await asyncio.Event().wait()

    stage = await stages.open(Workflow("w").then(bodies.step("a", waits_at_first)))
    run_id = await stage.start("w", "")
    await until(lambda: bool(keys))
    stage = await stages.open(Workflow("w").then(bodies.step("a", waits_at_first)))
    await stage.at_rest(run_id)

    assert len(keys) == 2
    assert keys[0] == keys[1]


async def test_an_answer_survives_a_crash(stages: Stages, bodies: Bodies) -> None:
    """
    The step was answered, and its server died before its body had ended.
    """
    seen = []

    async def asks_then_waits(_: Any, ctx: Context) -> Any:
        answer = ctx.suspend()
        seen.append((answer, ctx.attempt))
        if len(seen) == 1:
            await asyncio.Event().wait()
        return answer

    workflow = Workflow("w").then(bodies.step("a", asks_then_waits))
    stage = await stages.open(workflow)
    run = await stage.run("w", "")
    await stage.answer(run, "ok")
    await until(lambda: bool(seen))
    stage = await stages.open(workflow)

    assert (await stage.at_rest(run.run_id)).result == "ok"
    assert seen == [("ok", 2), ("ok", 2)]


async def test_suspended_arms_stay_suspended_when_the_others_go_on(
    stages: Stages, bodies: Bodies
) -> None:
    async def waits(*_: Any) -> None:
        await asyncio.Event().wait()

    workflow = Workflow("w").parallel(bodies.step("p", asks_and_adds), bodies.step("q", waits))
    stage = await stages.open(workflow)
    run_id = await stage.start("w", "")
    await stage.until_told(run_id, "step_suspended p")
    bodies.will_add("q")
    stage = await stages.open(workflow)

    run = await stage.at_rest(run_id)

    assert (run.status, run.suspended_at, run.output("q")) == ("suspended", ["p"], "q")
    assert (await stage.resume(run, "ok")).result == {"p": "<ok>", "q": "q"}


async def test_a_run_that_could_not_be_written_goes_on_when_the_store_works_again(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(plain(bodies))
    stage.store.fail_append(2, StoreUnavailable("the disk is full"))
    run_id = await stage.start("w", "")

    await until(lambda: not stage.is_live(run_id))
    await until(lambda: run_id not in stage.engine._feed._lost)
    run = await stage.at_rest(run_id)

    assert run.result == "abc"
    assert bodies.calls == ["a", "a", "b", "c"], "what was not recorded is done again"
    assert run.story.count("run_restarted") == 1


async def test_a_restart_is_refused_unless_something_was_lost(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(
        Workflow("asking").then(bodies.step("s", asks_and_adds)),
        Workflow("waiting").sleep("nap", 60),
        plain(bodies),
    )
    suspended = (await stage.run("asking", "")).run_id
    paused = (await stage.run("w", "", per_step=True)).run_id
    finished = await stage.run("w", "")

    with stage.clock.still():
        waiting = await stage.start("waiting")
        await stage.until_told(waiting, "run_waiting")
        for run_id in (suspended, paused, waiting):
            with pytest.raises(RunActive):
                await stage.engine.restart(run_id)
    accepted = await stage.engine.restart(finished.run_id)
    with pytest.raises(RunNotFound):
        await stage.engine.restart("nowhere")

    assert accepted.run_id == finished.run_id
    assert await stage.seen(finished) == finished


async def test_a_restart_of_a_run_that_is_alive_is_refused(stages: Stages, bodies: Bodies) -> None:
    release = asyncio.Event()

    async def waits(*_: Any) -> str:
        await release.wait()
        return ""

    stage = await stages.open(Workflow("w").then(bodies.step("a", waits)))
    run_id = await stage.start("w")
    await until(lambda: bodies.calls == ["a"])

    with pytest.raises(RunActive):
        await stage.engine.restart(run_id)
    release.set()
    await stage.at_rest(run_id)

    assert bodies.calls == ["a"]


async def test_restart_active_restarts_what_was_lost_of_a_workflow(
    stages: Stages, bodies: Bodies
) -> None:
    """
    The server that comes after does not recover by itself here: it is opened on the same store,
    and never started.
    """

    async def waits(*_: Any) -> None:
        await asyncio.Event().wait()

    workflows = [
        Workflow("v").then(bodies.step("a", waits)),
        Workflow("w").then(bodies.step("b", waits)),
    ]
    stage = await stages.open(*workflows)
    first, second = await stage.start("v"), await stage.start("w")
    await until(lambda: len(bodies.calls) == 2)
    await stage.engine.stop(0)
    bodies.will_add("a")
    bodies.will_add("b")
    other = await stages.another(stage, *workflows)

    one = await other.engine.restart_active("v")
    both = await other.engine.restart_active(None)
    with pytest.raises(WorkflowNotFound):
        await other.engine.restart_active("nowhere")
    runs = [await other.at_rest(run_id) for run_id in (first, second)]
    await other.engine.stop(0)

    assert one.run_ids == (first,)
    assert both.run_ids == (second,)
    assert [run.status for run in runs] == ["success", "success"]
    assert bodies.calls == ["a", "b", "a", "b"]


async def test_a_run_whose_workflow_is_gone_is_left_and_others_go_on(
    stages: Stages, bodies: Bodies
) -> None:
    async def waits(*_: Any) -> None:
        await asyncio.Event().wait()

    gone = Workflow("gone").then(bodies.step("a", waits))
    kept = Workflow("kept").then(bodies.step("b", waits))
    stage = await stages.open(gone, kept)
    lost, found = await stage.start("gone"), await stage.start("kept")
    await until(lambda: len(bodies.calls) == 2)
    bodies.will_add("a")
    bodies.will_add("b")
    stage = await stages.open(kept)

    assert (await stage.at_rest(found)).status == "success"
    assert (await stage.engine.view(lost, with_steps=False)).run.status == "running"
    stage = await stages.open(gone, kept)
    assert (await stage.at_rest(lost)).status == "success"


async def test_a_deadline_survives_a_crash(stages: Stages, bodies: Bodies) -> None:
    async def waits(*_: Any) -> None:
        await asyncio.Event().wait()

    workflow = Workflow("w", timeout=60).then(bodies.step("a", waits))
    stage = await stages.open(workflow)
    run_id = await stage.start("w", LEFT_OUT)
    await until(lambda: bodies.calls == ["a"])
    await stages.close()
    stages.clock.advance(61_000_000)
    stage = await stages.open(workflow)

    run = await stage.at_rest(run_id)

    assert (run.status, run.error.type) == ("failed", "RunTimeout")
    assert (run.view.run.ended_us or 0) >= NOON_US + 60_000_000


async def test_a_server_that_was_taken_for_dead_cannot_write(
    stages: Stages, bodies: Bodies
) -> None:
    """
    The goal: fencing. What the old server had to write comes after the new one has gone on.
    """
    stage = await stages.open(plain(bodies))
    other = await stages.another(stage, plain(bodies))
    await stage.engine._background.stop()  # it hangs
    stage.store.fail_append(2, StoreUnavailable("it takes too long"))
    with stage.clock.still():
        run_id = await stage.start("w", "")
        await until(lambda: len(stage.store.appends) == 2 and not stage.is_live(run_id))
        late = stage.store.appends[1]
        await stage.store.as_store.expire_leases(2**62, spare=0)
        await other.engine.restart(run_id)
        run = await other.at_rest(run_id)
        await other.engine.stop(0)

    with pytest.raises(Conflict):
        await stage.store.append(late)

    assert run.result == "abc"
    assert await stage.seen(run_id) == run


async def test_whoever_takes_a_run_over_raises_its_epoch(stages: Stages, bodies: Bodies) -> None:
    workflow = Workflow("w").then(bodies.step("s", asks_and_adds)).sleep("nap", 60)
    stage = await stages.open(workflow)
    asking = await stage.run("w", "")
    with stage.clock.still():
        await stage.answer(asking, "ok")
        await stage.until_told(asking.run_id, "run_waiting")
        resumed = await stage.seen(asking)
    woken = await stage.at_rest(asking.run_id)

    epochs = [run.view.run.epoch for run in (asking, resumed, woken)]
    assert epochs == sorted(set(epochs))
