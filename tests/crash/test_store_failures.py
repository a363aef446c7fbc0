"""
Each call of the store fails in turn, and then the store is well again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from dalsegno.engine import Engine, EngineSettings
from dalsegno.engine.commands import Resume, StartRun, TimeTravel
from dalsegno.model.errors import StoreUnavailable
from dalsegno.model.run import RunStatus
from dalsegno.store.sqlite import SqliteStore
from dalsegno.workflow import Context, Retry, Workflow, step
from tests.crash.failing_store import FailingStore
from tests.fakes import JumpingClock, counted_ids
from tests.unit.engine.audit import audit

T = TypeVar("T")

TEXTS = ("database is locked", "disk I/O error", "database or disk is full")
TRIES = 400  # of a caller, 5 ms apart
PATIENCE_S = 10


class World:
    """
    One database, a store over it that fails once, and bodies that notice what they should not see.

    Attributes:
        calls: Of bodies: run, address and attempt.
        wrong: Calls whose completion was stored already.
    """

    def __init__(self, store: FailingStore, clock: JumpingClock, settings: EngineSettings) -> None:
        self.store = store
        self.clock = clock
        self.settings = settings
        self.calls: list[tuple[str, str, int]] = []
        self.wrong: list[tuple[str, str]] = []

    def called(self, ctx: Context) -> None:
        self.calls.append((ctx.run_id, ctx.address, ctx.attempt))
        if (ctx.run_id, ctx.address) in self.store.completed:
            self.wrong.append((ctx.run_id, ctx.address))

    def workflows(self) -> Sequence[Workflow]:
        """
        One of thirty records, with each kind of node and of wait, and one of two.
        """

        @step
        async def add(value: int, ctx: Context) -> int:
            self.called(ctx)
            return value + 1

        @step(retry=Retry(max_attempts=2, initial_interval=timedelta(seconds=1)))
        async def flaky(value: int, ctx: Context) -> int:
            self.called(ctx)
            if ctx.attempt == 1:
                raise ConnectionError
            return value + 1

        @step(resume=bool)
        async def ask(value: int, ctx: Context) -> int:
            self.called(ctx)
            assert ctx.suspend() is True
            return value + 1

        pair = Workflow("pair").then(add.named("one")).then(flaky.named("two"))
        whole = (
            Workflow("whole")
            .then(add.named("first"))
            .parallel(add.named("left"), flaky, pair)
            .map("joined", lambda arms: [arms["left"], arms["flaky"], arms["pair"]])
            .foreach(pair.named("each"), concurrency=2)
            .map("summed", lambda items: items[2])
            .sleep("nap", 60)
            .do_until(add.named("tick"), lambda value: value >= 9)
            .then(ask)
            .tap(add.named("noted"))
            .when(lambda value: value > 0, add.named("last"))
        )
        return whole, pair

    async def play(self) -> None:
        """
        A run to its end, with an answer in the middle, and a replay from its middle.
        """
        async with self._engine() as engine:
            start = StartRun("whole", b"1", run_id="run", request_id="start")
            await self._patiently(partial(engine.run, start))
            await self._at_rest(engine, "run")
            answer = Resume("run", step="ask", resume_data=b"true", request_id="answer")
            await self._patiently(partial(engine.resume, answer))
            await self._at_rest(engine, "run")
            travel = TimeTravel("each[1]", run_id="run", new_run_id="replay", request_id="travel")
            await self._patiently(partial(engine.time_travel, travel))
            await self._at_rest(engine, "replay")
            again = Resume("replay", step="ask", resume_data=b"true", request_id="again")
            await self._patiently(partial(engine.resume, again))
            await self._at_rest(engine, "replay")

    async def crowd(self) -> None:
        """
        Three runs, of which two have to wait until there is room.
        """
        async with self._engine() as engine:
            for run_id in ("run-0", "run-1", "run-2"):
                start = StartRun("pair", b"1", run_id=run_id, request_id=run_id)
                await self._patiently(partial(engine.run, start))
            for number in range(3):
                await self._at_rest(engine, f"run-{number}")

    @asynccontextmanager
    async def _engine(self) -> AsyncIterator[Engine]:
        engine = self._new_engine()
        try:
            await engine.start()
        except StoreUnavailable:  # the process ends, and somebody starts another
            await engine.stop(0)
            engine = self._new_engine()
            await engine.start()
        try:
            yield engine
        finally:
            await engine.stop(0)

    def _new_engine(self) -> Engine:
        return Engine(
            self.store.as_store,
            self.workflows(),
            clock=self.clock,
            new_id=counted_ids(),
            random=lambda: 0.0,
            settings=self.settings,
        )

    async def _at_rest(self, engine: Engine, run_id: str) -> None:
        await self._patiently(partial(engine.wait, run_id))

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """
        Ask as clients do: again, while the store is away.
        """
        for _ in range(TRIES):
            try:
                return await asyncio.wait_for(ask(), PATIENCE_S)
            except StoreUnavailable:
                await asyncio.sleep(0.005)
        raise AssertionError("the store is well again, and still nothing goes on")


@dataclass(frozen=True)
class Play:
    """
    Something to do, and what is to come of it.
    """

    act: Callable[[World], Awaitable[None]]
    results: Mapping[str, bytes]
    settings: EngineSettings = field(default_factory=EngineSettings)

    async def played(self, path: Path, *, fatal: int = 0, is_kept: bool = False) -> World:
        """
        What came of it, checked.
        """
        sqlite = await SqliteStore.open(path)
        try:
            clock = JumpingClock()
            text = TEXTS[fatal % len(TEXTS)]
            store = FailingStore(sqlite, clock, fatal=fatal, is_kept=is_kept, text=text)
            world = World(store, clock, self.settings)
            await self.act(world)
            runs = await audit(sqlite)
        finally:
            await sqlite.close()
        assert {run.status for run in runs} == {RunStatus.SUCCESS}
        assert {run.run_id: run.result and run.result.json for run in runs} == self.results
        assert world.wrong == []
        return world


PLAYS = {
    "whole": Play(World.play, {"run": b"11", "replay": b"11"}),
    "crowd": Play(
        World.crowd, {f"run-{number}": b"3" for number in range(3)}, EngineSettings(runs_max=1)
    ),
}


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("is_kept", [False, True], ids=["refused", "kept"])
@pytest.mark.parametrize("name", PLAYS)
async def test_runs_end_well_whichever_call_of_the_store_fails(
    tmp_path: Path, name: str, is_kept: bool
) -> None:
    """
    The goal: a failure of the store delays runs, and neither changes nor repeats anything.
    The method: fail each call in turn; also each write that was committed all the same.
    """
    play = PLAYS[name]
    well = await play.played(tmp_path / "well.db")
    numbers = well.store.writes if is_kept else range(1, len(well.store.calls) + 1)
    for fatal in numbers:
        where = f"call {fatal}, {well.store.calls[fatal - 1]}"
        try:
            world = await play.played(tmp_path / f"{fatal}.db", fatal=fatal, is_kept=is_kept)
        except Exception as problem:
            raise AssertionError(f"{where}: {problem!r}") from problem
        assert set(world.calls) == set(well.calls), where
