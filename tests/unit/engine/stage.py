"""
A stage for tests: an engine over a real store, driven in process.

Values go in and come out as Python values; what is left out is not given, and None is null.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dalsegno.engine import Engine, EngineSettings
from dalsegno.engine.commands import Accepted, Cancel, Resume, StartRun, StepResult, TimeTravel
from dalsegno.model import jsontext
from dalsegno.model.event import Event
from dalsegno.model.record import Record
from dalsegno.model.run import Run
from dalsegno.store.contract import RunFilter
from dalsegno.store.sqlite import SqliteStore
from dalsegno.workflow import Workflow
from tests.fakes import JumpingClock, TroubledStore, counted_ids
from tests.unit.engine.audit import audit
from tests.unit.engine.seen import Seen

LEFT_OUT: Any = object()

_MANY = 100_000
_PATIENCE_S = 5  # a run that has not come to rest by then never will


async def until(holds: Callable[[], bool]) -> None:
    """
    Let others go on until a condition holds.
    """
    while not holds():  # noqa: ASYNC110 - what a test waits for has no event
        await asyncio.sleep(0)


def text(value: Any) -> bytes | None:
    """
    JSON text of a value that is given; None for one that is left out.
    """
    return None if value is LEFT_OUT else jsontext.dumps(value)


def output(value: Any) -> StepResult:
    """
    A record for the context of a travel: the step is taken to have returned this.
    """
    return StepResult(output=text(value))


def payload(value: Any) -> StepResult:
    """
    The input of a travel's target, given by its context.
    """
    return StepResult(payload=text(value))


class Stage:
    """
    One engine on its store.
    """

    def __init__(self, engine: Engine, store: TroubledStore, clock: JumpingClock) -> None:
        self.engine = engine
        self.store = store
        self.clock = clock

    # Commands; each returns the id of the run it is about.

    async def start(
        self,
        workflow_id: str,
        input: Any = LEFT_OUT,
        *,
        state: Any = LEFT_OUT,
        request_context: Any = LEFT_OUT,
        **fields: Any,
    ) -> str:
        command = StartRun(
            workflow_id,
            text(input),
            initial_state=text(state),
            request_context=text(request_context),
            **fields,
        )
        return (await self.engine.run(command)).run_id

    async def begin_travel(
        self,
        step: str,
        source: str | Seen | None = None,
        *,
        input: Any = LEFT_OUT,
        resume_data: Any = LEFT_OUT,
        state: Any = LEFT_OUT,
        request_context: Any = LEFT_OUT,
        context: Mapping[str, StepResult] | None = None,
        **fields: Any,
    ) -> str:
        command = TimeTravel(
            step,
            run_id=source.run_id if isinstance(source, Seen) else source,
            input_data=text(input),
            resume_data=text(resume_data),
            initial_state=text(state),
            request_context=text(request_context),
            context=context or {},
            **fields,
        )
        return (await self.engine.time_travel(command)).run_id

    async def answer(
        self,
        run: str | Seen,
        resume_data: Any = LEFT_OUT,
        *,
        request_context: Any = LEFT_OUT,
        **fields: Any,
    ) -> Accepted:
        command = Resume(
            run.run_id if isinstance(run, Seen) else run,
            resume_data=text(resume_data),
            request_context=text(request_context),
            **fields,
        )
        return await self.engine.resume(command)

    # The same, until the run rests.

    async def run(self, workflow_id: str, input: Any = LEFT_OUT, **fields: Any) -> Seen:
        return await self.at_rest(await self.start(workflow_id, input, **fields))

    async def travel(self, step: str, source: str | Seen | None = None, **fields: Any) -> Seen:
        return await self.at_rest(await self.begin_travel(step, source, **fields))

    async def resume(self, run: str | Seen, resume_data: Any = LEFT_OUT, **fields: Any) -> Seen:
        return await self.at_rest((await self.answer(run, resume_data, **fields)).run_id)

    async def cancel(self, run_id: str, reason: str | None = None) -> Seen:
        await self.engine.cancel(Cancel(run_id, reason))
        return await self.seen(run_id)

    # Looking.

    async def at_rest(self, run_id: str) -> Seen:
        await asyncio.wait_for(self.engine.wait(run_id), _PATIENCE_S)
        return await self.seen(run_id)

    async def seen(self, run: str | Seen) -> Seen:
        run_id = run.run_id if isinstance(run, Seen) else run
        view = await self.engine.view(run_id, with_steps=False)
        records: list[Record] = []
        page = await self.engine.steps(run_id, page=None, limit=500)
        records.extend(page.records)
        while page.next is not None:
            page = await self.engine.steps(run_id, page=page.next, limit=500)
            records.extend(page.records)
        events = await self.engine.events(run_id, after_sequence=0, limit=_MANY)
        return Seen(replace(view, records=tuple(records)), tuple(events))

    async def until_told(self, run_id: str, line: str) -> Event:
        """
        Wait for an event, written as in `Seen.story`.
        """
        watch = await self.engine.watch(run_id, after_sequence=0, follow=True, idle_s=30)
        async for batch in watch:
            for event in batch:
                if f"{event.type} {event.address}".rstrip() == line:
                    await watch.aclose()
                    return event
        raise AssertionError(f"the run ended without {line}")

    async def until_stored(self, run_id: str, line: str) -> None:
        """
        The same, by reading the log again and again: also for a server that ends all watches.
        """
        seen = await self.seen(run_id)
        while line not in seen.story:
            seen = await self.seen(run_id)

    async def until_watched(self, run_id: str, watchers: int) -> None:
        """
        Wait until so many wait for a run, or watch it.
        """
        tails = self.engine._feed._tails
        await until(lambda: run_id in tails and tails[run_id].users == watchers)

    def is_live(self, run_id: str) -> bool:
        """
        Whether the run is in memory.
        """
        return self.engine._supervisor.walk_of(run_id) is not None

    async def runs(self) -> list[Run]:
        """
        All runs there are, newest first.
        """
        return list((await self.engine.list_runs(RunFilter(), page=None, limit=_MANY)).runs)


class Stages:
    """
    Opens stages over one database file, one at a time; audits the store when each is closed.

    Used as a context manager.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = JumpingClock()
        self._new_id = counted_ids()
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """
        Stop the server, audit what it wrote, and give the file back.
        """
        async with asyncio.timeout(_PATIENCE_S):
            await self._open.aclose()

    async def open(
        self,
        *workflows: Workflow,
        settings: EngineSettings | None = None,
        random: float = 0.0,
        is_audited: bool = True,
    ) -> Stage:
        """
        A server with these workflows; the one before, if any, has stopped.
        """
        await self.close()
        sqlite = await SqliteStore.open(self.path)
        self._open.push_async_callback(sqlite.close)
        store = TroubledStore(sqlite, self.clock)
        if is_audited:
            self._open.push_async_callback(audit, sqlite)
        stage = Stage(
            self._engine(store, workflows, settings or EngineSettings(), random), store, self.clock
        )
        self._open.push_async_callback(stage.engine.stop, 0)
        await stage.engine.start()
        return stage

    async def another(self, stage: Stage, *workflows: Workflow) -> Stage:
        """
        A second server on the store of the first; it does no background work, and whoever opens it
        stops it.
        """
        engine = self._engine(stage.store, workflows, EngineSettings(), 0.0)
        await engine._ownership.begin()
        return Stage(engine, stage.store, self.clock)

    def _engine(
        self,
        store: TroubledStore,
        workflows: Sequence[Workflow],
        settings: EngineSettings,
        random: float,
    ) -> Engine:
        return Engine(
            store.as_store,
            workflows,
            clock=self.clock,
            new_id=self._new_id,
            random=lambda: random,
            settings=settings,
        )
