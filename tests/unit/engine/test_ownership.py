"""
Servers that die, are taken for dead, or give their runs back; and who goes on with them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dalsegno.engine import EngineSettings
from dalsegno.model.errors import Conflict, RunActive
from dalsegno.workflow import Workflow
from tests.unit.engine.bodies import Bodies
from tests.unit.engine.stage import Stage, Stages, until

_LONG_US = 3_600_000_000


class Gate:
    """
    A body that waits for its test.
    """

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self.canceled = 0

    def open(self) -> None:
        self._open.set()

    async def __call__(self, value: Any, *_: Any) -> str:
        try:
            await self._open.wait()
        except asyncio.CancelledError:
            self.canceled += 1
            raise
        return f"{value}!"


@asynccontextmanager
async def second(stages: Stages, stage: Stage, *workflows: Workflow) -> AsyncIterator[Stage]:
    """
    Another whole server on the same store.
    """
    other = await stages.another(stage, *workflows)
    await other.engine.start()
    try:
        yield other
    finally:
        await other.engine.stop(0)


async def held(stages: Stages, bodies: Bodies, gate: Gate) -> tuple[Stage, Workflow, str]:
    """
    A server with a run whose first body is at the gate.
    """
    workflow = Workflow("w").then(bodies.step("a", gate), bodies.step("b"))
    stage = await stages.open(workflow)
    run_id = await stage.start("w", "")
    await until(lambda: bodies.calls == ["a"])
    return stage, workflow, run_id


async def freeze(stage: Stage) -> None:
    """
    Let a server do no background work any more, as if its process was stopped.
    """
    await stage.engine._background.stop()


async def die(stage: Stage) -> None:
    """
    Let a server be dead for whoever comes next: it gives nothing back.
    """
    await freeze(stage)
    await stage.store.as_store.expire_leases(2**62, spare=0)


async def test_a_run_is_taken_over_when_the_lease_of_its_server_has_run_out(
    stages: Stages, bodies: Bodies
) -> None:
    gate = Gate()
    stage, workflow, run_id = await held(stages, bodies, gate)
    await freeze(stage)
    bodies.will_add("a")

    async with second(stages, stage, workflow) as other:
        await until(lambda: other.store.calls["owners"] > 0)
        assert not other.is_live(run_id), "its server may be alive still"
        stage.clock.advance(_LONG_US)
        other.engine._supervisor.has_lost.set()
        run = await other.at_rest(run_id)

    assert run.result == "ab"
    assert "run_restarted" in run.story


async def test_a_server_that_is_alive_keeps_its_runs_however_late_it_is(
    stages: Stages, bodies: Bodies
) -> None:
    """
    The goal: only a server that does not renew its lease loses its runs.
    """
    gate = Gate()
    workflow = Workflow("w").then(bodies.step("a", gate))
    stage = await stages.open(workflow, settings=EngineSettings())
    run_id = await stage.start("w", "")
    await until(lambda: bodies.calls == ["a"])

    async with second(stages, stage, workflow) as other:
        for _ in range(3):
            stage.clock.advance(14_000_000)
            await stage.engine._reconciler.hold_lease()
            await other.engine._reconciler.recover()
            with pytest.raises(RunActive):
                await other.engine.restart(run_id)
        assert not other.is_live(run_id)
        gate.open()
        assert (await stage.at_rest(run_id)).result == "!"


async def test_a_server_that_was_taken_for_dead_lets_go_of_its_runs(
    stages: Stages, bodies: Bodies
) -> None:
    gate = Gate()
    stage, workflow, run_id = await held(stages, bodies, gate)
    waiter = asyncio.ensure_future(stage.engine.wait(run_id))
    await stage.until_watched(run_id, 1)
    await freeze(stage)
    before = stage.engine._ownership.owner
    bodies.will_add("a")

    async with second(stages, stage, workflow) as other:
        stage.clock.advance(_LONG_US)
        await other.engine._reconciler.recover()
        run = await other.at_rest(run_id)
        await stage.engine._reconciler.hold_lease()

    with pytest.raises(Conflict):
        await waiter
    assert gate.canceled == 1
    assert not stage.is_live(run_id)
    assert stage.engine._ownership.owner > before
    assert await stage.seen(run_id) == run
    assert (await stage.run("w", "x")).result == "xab", "it goes on under a new number"


async def test_who_waits_is_told_of_a_loss_though_a_last_write_is_kept_after_it(
    stages: Stages, bodies: Bodies
) -> None:
    """
    The goal: a write that was under way when the server let go does not make it look as if the run
    went on here.
    """
    gate = Gate()
    stage, _, run_id = await held(stages, bodies, gate)
    walk = stage.engine._supervisor.walk_of(run_id)
    assert walk is not None
    await die(stage)
    last = stage.store.hold_append(1)
    appends = len(stage.store.appends)
    gate.open()
    await until(lambda: len(stage.store.appends) > appends)

    await stage.engine._reconciler.hold_lease()
    assert not stage.is_live(run_id)
    last.set()
    await walk.live.settle_writes()

    assert (await stage.seen(run_id)).statuses["a"] == "success", "the write was kept"
    with pytest.raises(Conflict):
        await stage.engine.wait(run_id)


async def test_a_late_server_cannot_write_over_the_one_that_took_over(
    stages: Stages, bodies: Bodies
) -> None:
    gate = Gate()
    stage, workflow, run_id = await held(stages, bodies, gate)
    await freeze(stage)
    bodies.will("a", lambda *_: "other")

    async with second(stages, stage, workflow) as other:
        stage.clock.advance(_LONG_US)
        await other.engine._reconciler.recover()
        run = await other.at_rest(run_id)
        gate.open()
        await until(lambda: not stage.is_live(run_id))

    assert run.result == "otherb"
    assert await stage.seen(run_id) == run
    assert bodies.calls == ["a", "a", "b"]


async def test_a_server_that_stops_gives_its_runs_back_at_once(
    stages: Stages, bodies: Bodies
) -> None:
    stage, workflow, run_id = await held(stages, bodies, Gate())
    await stage.engine.stop(0)
    bodies.will_add("a")

    async with second(stages, stage, workflow) as other:
        run = await other.at_rest(run_id)

    assert run.result == "ab"


def counted(seen: list[int], stage: Callable[[], Stage]) -> Callable[..., Any]:
    async def note(_: Any, ctx: Any) -> None:
        walk = stage().engine._supervisor.walk_of(ctx.run_id)
        assert walk is not None
        seen.append(walk.live.run.recoveries)
        await asyncio.Event().wait()

    return note


async def test_only_deaths_count_as_such_and_getting_on_forgets_them(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w").then(bodies.step("a"), bodies.step("b"))
    seen: list[int] = []
    open_stage: list[Stage] = []
    note = counted(seen, lambda: open_stage[-1])

    async def served(ends: Callable[[Stage], Any] | None) -> None:
        open_stage.append(await stages.open(workflow))
        calls = len(seen)
        if not run_ids:
            run_ids.append(await open_stage[-1].start("w", ""))
        await until(lambda: len(seen) > calls)
        if ends is not None:
            await ends(open_stage[-1])

    run_ids: list[str] = []
    bodies.will("a", note)
    await served(die)
    await served(die)
    await served(None)  # is stopped in good order
    bodies.will_add("a")
    bodies.will("b", note)
    await served(die)
    await served(die)

    assert seen == [0, 1, 2, 0, 1]


async def test_a_run_that_kills_its_server_ends_as_failed_and_others_go_on(
    stages: Stages, bodies: Bodies
) -> None:
    """
    The goal: no run takes the service down for ever.
    """
    settings = EngineSettings(recoveries_max=2)
    deadly = Workflow("deadly").then(bodies.step("a"), bodies.step("kills", Gate()))
    deadly = deadly.then(bodies.step("c"))
    slow = Workflow("slow").then(*bodies.steps("xyz"))
    stage = await stages.open(deadly, slow, settings=settings)
    poison = await stage.start("deadly", "")
    for _ in range(3):
        await until(lambda: "kills" in bodies.calls)
        bodies.calls.remove("kills")
        await die(stage)
        stage = await stages.open(deadly, slow, settings=settings)

    run = await stage.at_rest(poison)

    assert (run.status, run.error.type) == ("failed", "TooManyRecoveries")
    assert run.error.message == ("its server died 3 times in a row without its getting any further")
    assert run.statuses == {"a": "success", "kills": "canceled"}
    assert "kills" not in bodies.calls
    assert (await stage.run("slow", "")).result == "xyz"
    bodies.will_add("kills")
    assert (await stage.travel("kills", run)).result == "akillsc"


async def test_a_walk_with_a_bug_is_not_begun_for_ever(
    stages: Stages, bodies: Bodies, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = await stages.open(
        Workflow("w").then(*bodies.steps("ab")), settings=EngineSettings(recoveries_max=1)
    )

    async def bug(*_: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr("dalsegno.engine.drive.record_outcome", bug)
        run_id = await stage.start("w", "")
        await until(lambda: run_id in stage.engine._supervisor.broken)
        await stage.engine._reconciler.recover()
        await until(lambda: run_id in stage.engine._supervisor.broken)
        await stage.engine._reconciler.recover()
        run = await stage.seen(run_id)

    assert (run.status, run.error.type) == ("failed", "TooManyRecoveries")


async def test_who_waits_is_told_of_a_bug_though_a_last_write_is_kept_after_it(
    stages: Stages, bodies: Bodies, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def bug(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("dalsegno.engine.drive.record_outcome", bug)
    gate = Gate()
    stage, _, run_id = await held(stages, bodies, gate)
    await freeze(stage)
    walk = stage.engine._supervisor.walk_of(run_id)
    assert walk is not None
    bodies.will("b", lambda value, ctx: ctx.emit(value))
    last = stage.store.hold_append(2)
    gate.open()
    await until(lambda: run_id in stage.engine._supervisor.broken)
    last.set()
    await walk.live.settle_writes()

    with pytest.raises(ZeroDivisionError):
        await stage.engine.wait(run_id)


async def test_suspects_are_taken_up_one_by_one(stages: Stages, bodies: Bodies) -> None:
    """
    The goal: few of those that were only there when a server died are counted for it.
    The method: three runs that hang, and a server that dies before they have got any further.
    """
    workflow = Workflow("w").then(bodies.step("a", Gate()), bodies.step("b"))
    stage = await stages.open(workflow)
    run_ids = [await stage.start("w", "") for _ in range(3)]
    for deaths in range(4):
        await until(lambda: len(bodies.calls) == 3)
        bodies.calls.clear()
        await die(stage)
        stage = await stages.open(workflow)
        if deaths == 3:
            break

    await until(lambda: bodies.calls != [])

    assert len([it for it in run_ids if stage.is_live(it)]) == 1, "the others wait a second"
    bodies.will_add("a")
    (suspect,) = [it for it in run_ids if stage.is_live(it)]
    await stage.cancel(suspect)
    rest = [await stage.at_rest(it) for it in run_ids if it != suspect]
    assert [run.result for run in rest] == ["ab", "ab"]


async def test_a_server_takes_up_no_more_than_it_has_room_for(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w").then(bodies.step("a", Gate()))
    stage = await stages.open(workflow)
    run_ids = [await stage.start("w", "") for _ in range(5)]
    await until(lambda: len(bodies.calls) == 5)
    await die(stage)
    bodies.calls.clear()
    gate = Gate()
    bodies.will("a", gate)

    stage = await stages.open(workflow, settings=EngineSettings(runs_max=2))
    await until(lambda: len(bodies.calls) == 2)
    waiting = await stage.start("w", "")
    await stage.engine._reconciler.recover()

    assert len(bodies.calls) == 2
    assert (await stage.seen(waiting)).status == "pending"
    gate.open()
    for run_id in (*run_ids, waiting):
        assert (await stage.at_rest(run_id)).status == "success"
