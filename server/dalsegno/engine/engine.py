"""
The façade: what callers may ask of the engine.
"""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from dalsegno.engine.background import Background
from dalsegno.engine.beginning import Beginning
from dalsegno.engine.body import Bodies
from dalsegno.engine.commands import (
    Accepted,
    Cancel,
    Command,
    Pause,
    Restarted,
    Resume,
    RunPage,
    RunView,
    StartRun,
    StepPage,
    TimeTravel,
    fingerprint,
)
from dalsegno.engine.feed import Feed
from dalsegno.engine.going_on import GoingOn
from dalsegno.engine.links import Links
from dalsegno.engine.locks import NamedLocks
from dalsegno.engine.ownership import Ownership
from dalsegno.engine.reconciler import Reconciler
from dalsegno.engine.registry import Registry
from dalsegno.engine.runs import Runs
from dalsegno.engine.settings import EngineSettings
from dalsegno.engine.supervisor import Supervisor
from dalsegno.engine.timers import Timers
from dalsegno.engine.unbroken import Unbroken
from dalsegno.engine.views import Views
from dalsegno.model.clock import Clock
from dalsegno.model.errors import (
    DalsegnoError,
    RequestIdReused,
    RunActive,
    StoreUnavailable,
)
from dalsegno.model.event import Event
from dalsegno.model.run import Run, RunStatus
from dalsegno.store.contract import RunFilter, Store
from dalsegno.workflow.builder import Workflow

C = TypeVar("C", bound=Command)


class Engine:
    """
    Runs workflows against a store. All methods belong to one event loop.

    Every method raises `DalsegnoError`s as refusals, before anything is written, and
    `StoreUnavailable` when the store cannot be used. A command whose caller is canceled is carried
    out all the same.
    """

    def __init__(
        self,
        store: Store,
        workflows: Sequence[Workflow],
        *,
        clock: Clock,
        new_id: Callable[[], str],
        random: Callable[[], float],
        settings: EngineSettings,
    ) -> None:
        self._store = store
        self._registry = Registry(store, workflows)
        self._feed = Feed(store)
        links = Links(store, self._registry)
        self._views = Views(store, self._registry, links, settings)
        self._supervisor = Supervisor(self._feed, clock, settings.runs_max, self._left)
        self._ownership = Ownership(store, clock, settings.lease)
        self._reconciler = Reconciler(
            store, self._ownership, self._supervisor, clock, self._take_up, random
        )
        self._timers = Timers(
            store, clock, self._supervisor, self._reconciler.take_up, self._postpone
        )
        self._background = Background(clock)
        self._locks = NamedLocks()
        self._unbroken = Unbroken()
        self._bodies = Bodies(settings.bodies_max)
        self._runs = Runs(
            store,
            self._registry,
            self._feed,
            links,
            self._supervisor,
            self._ownership,
            self._reconciler,
            clock,
            settings,
            self._bodies,
            random,
        )
        self._beginning = Beginning(self._runs, new_id)
        self._going_on = GoingOn(self._runs)

    async def start(self) -> None:
        """
        Register the workflows, and begin the background work: to be known as alive, to go on with
        what servers before this one left, to fire timers.
        """
        await self._registry.start()
        await self._ownership.begin()
        reconciler, timers = self._reconciler, self._timers
        keep = self._background.keep
        keep("renewing the lease", reconciler.hold_lease, reconciler.until_renewal)
        keep("recovery", reconciler.recover, reconciler.until_lost)
        keep("admission", reconciler.admit, reconciler.until_room)
        keep("timers", timers.fire, timers.wait)

    async def stop(self, grace_s: float) -> None:
        """
        Start nothing new, end all watches, give bodies this long to reach their next record,
        and leave unfinished runs as they are recorded.
        """
        self._feed.stop()
        self._supervisor.is_stopping = True
        await self._background.stop()
        await self._supervisor.stop(grace_s)
        await self._unbroken.stop()
        with contextlib.suppress(StoreUnavailable):
            await self._ownership.release()
        self._bodies.close()

    def tell_health(self, tell: Callable[[bool], None]) -> None:
        """
        Call *tell* with False when background work has not been possible for a while (runs may be
        left lying), and with True when it is again.
        """
        self._background.tell_health = tell

    # Commands.

    async def run(self, command: StartRun) -> Accepted:
        """
        Start a run; it is durable when this returns.

        Raises:
            WorkflowNotFound, InvalidInput, InvalidState, InvalidContext, PayloadTooLarge,
            RunExists, RequestIdReused, TooManyRuns
        """
        return await self._act(command, command.run_id, self._beginning.start)

    async def time_travel(self, command: TimeTravel) -> Accepted:
        """
        Make a replay; it is durable when this returns.

        Raises:
            DalsegnoError: Any refusal of semantics.md §7 that concerns a travel.
        """
        return await self._act(command, command.new_run_id, self._beginning.travel)

    async def resume(self, command: Resume) -> Accepted:
        """
        Answer a suspended step, or let a paused run go on; the answer is durable when this
        returns.

        Raises:
            RunNotFound, RunFinished, NotSuspended, AmbiguousSuspension, InvalidResumeData,
            InvalidAddress, StepNotFound, InvalidContext, PayloadTooLarge, Conflict
        """
        return await self._act(command, command.run_id, self._going_on.resume)

    async def cancel(self, command: Cancel) -> Accepted:
        """
        End a run as canceled; returns when its bodies have cleaned up. A canceled run is left
        as it is.

        Raises:
            RunNotFound, RunFinished, Conflict
        """
        return await self._act(command, command.run_id, self._going_on.cancel)

    async def pause(self, command: Pause) -> Accepted:
        """
        Stop a run before its next step; returns when that is durable, not when it has stopped.
        A suspended or paused run is left as it is.

        Raises:
            RunNotFound, RunFinished, Conflict
        """
        return await self._act(command, command.run_id, self._going_on.pause)

    async def restart(self, run_id: str) -> Accepted:
        """
        Let a run go on whose server died. A finished run is left as it is.

        Raises:
            RunNotFound, WorkflowNotFound, CorruptHistory
            RunActive: It is alive, waits, is suspended or paused: nothing was lost.
        """
        run = await self._existing(run_id)
        if run.status.is_terminal:
            return Accepted(run_id, run.newest_sequence)
        is_running = run.status is RunStatus.RUNNING
        is_live = self._supervisor.is_live(run_id)
        if not is_running or is_live or await self._ownership.is_driven(run.owner):
            raise RunActive(run_id, run.status)
        await self._take_up(run_id)
        return Accepted(run_id, run.newest_sequence)

    async def restart_active(self, workflow_id: str | None) -> Restarted:
        """
        Restart every run that a dead server left unfinished.

        Raises:
            WorkflowNotFound: The workflow named is not registered.
        """
        if workflow_id is not None:
            self._registry.workflow(workflow_id)
        restarted: list[str] = []
        failures: list[tuple[str, DalsegnoError]] = []
        async for run_id, _ in self._reconciler.orphans():
            try:
                if workflow_id in (None, (await self._existing(run_id)).workflow_id):
                    await self.restart(run_id)
                    restarted.append(run_id)
            except DalsegnoError as error:
                failures.append((run_id, error))
        return Restarted(tuple(restarted), tuple(failures))

    async def delete(self, run_id: str) -> None:
        """
        Remove a run with its records and events.

        Raises:
            RunNotFound, RunHasReplays, Conflict
            RunActive: It is pending, running or waiting.
        """
        await self._unbroken.finish(self._delete(run_id))

    # Questions.

    async def wait(self, run_id: str) -> Run:
        """
        The run once it is at rest: finished, suspended or paused.

        Raises:
            RunNotFound, ShuttingDown
        """
        return await self._feed.wait(run_id)

    async def watch(
        self, run_id: str, *, after_sequence: int, follow: bool, idle_s: float
    ) -> AsyncGenerator[Sequence[Event], None]:
        """
        The run's events after a sequence, oldest first, without gaps, in batches, until it is at
        rest (with *follow*: until it has ended).

        Args:
            idle_s: After so long without an event an empty batch comes, so that silence can be
                told from a dead connection.

        Raises:
            RunNotFound, SequenceOutOfRange: Before the first batch.
            ShuttingDown: From the iterator, when the server stops.
        """
        first = await self._feed.first(run_id, after_sequence)
        return self._feed.watch(run_id, after_sequence, follow=follow, idle_s=idle_s, first=first)

    async def view(
        self, run_id: str, *, with_steps: bool = True, known: Run | None = None
    ) -> RunView:
        """
        A run, with its first records if asked for; as the caller knows it already, or as it is now.

        Raises:
            RunNotFound, CorruptHistory
        """
        return await self._views.run(run_id, with_steps=with_steps, known=known)

    async def steps(self, run_id: str, *, page: str | None, limit: int) -> StepPage:
        """
        Records in execution order, reused ones first.

        Raises:
            RunNotFound, InvalidPageToken, CorruptHistory
        """
        return await self._views.steps(run_id, page=page, limit=limit)

    async def events(
        self, run_id: str, *, after_sequence: int, limit: int, bytes_max: int | None = None
    ) -> Sequence[Event]:
        """
        Events after a sequence, oldest first, without gaps; the last is the one with which their
        payloads take *bytes_max* or more.

        Raises:
            RunNotFound, SequenceOutOfRange
        """
        found = await self._store.events(
            run_id, after=after_sequence, limit=limit, bytes_max=bytes_max
        )
        if not found:  # else there is such a run, and such a cursor
            await self._feed.check(run_id, after_sequence)
        return found

    async def list_runs(self, where: RunFilter, *, page: str | None, limit: int) -> RunPage:
        """
        Runs that match, newest first.

        Raises:
            InvalidPageToken
        """
        return await self._views.list_runs(where, page=page, limit=limit)

    async def lineage(self, run_id: str, *, page: str | None, limit: int) -> RunPage:
        """
        The tree of runs a run belongs to, sources before their replays.

        Raises:
            RunNotFound, InvalidPageToken
        """
        return await self._views.lineage(run_id, page=page, limit=limit)

    def workflows(self) -> Sequence[Workflow]:
        """
        The registered workflows, by id.
        """
        return self._registry.workflows()

    def workflow(self, workflow_id: str) -> Workflow:
        """
        One registered workflow.

        Raises:
            WorkflowNotFound
        """
        return self._registry.workflow(workflow_id)

    def backup(self, *, chunk_bytes: int) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """
        A copy of everything there is; `Store.backup` says what it holds.

        Raises (on entering):
            BackupActive, BackupNoSpace, CorruptStore
        """
        return self._store.backup(chunk_bytes=chunk_bytes)

    @property
    def bodies(self) -> Bodies:
        """
        What is being executed for users.
        """
        return self._bodies

    # What commands have in common.

    async def _repeated(self, command: Command) -> Accepted | None:
        """
        What a repeated request was answered with; None for a new one.
        """
        if command.request_id is None:
            return None
        known = await self._store.request(command.request_id)
        if known is None:
            return None
        if known.fingerprint != fingerprint(command):
            raise RequestIdReused(command.request_id, known.run_id)
        return Accepted(known.run_id, known.after_sequence)

    async def _act(
        self, command: C, run_id: str | None, act: Callable[[C], Awaitable[Accepted]]
    ) -> Accepted:
        """
        Carry out a command, unless it is a repetition, with no other about the run beside it.
        """

        async def whole() -> Accepted:
            async with self._locks.hold(_request_lock(command)), self._locks.hold(run_id):
                return await self._repeated(command) or await act(command)

        return await self._unbroken.finish(whole())

    async def _delete(self, run_id: str) -> None:
        async with self._locks.hold(run_id):
            run = await self._existing(run_id)
            if not run.status.is_at_rest:
                raise RunActive(run_id, run.status)
            await self._store.delete(run_id, epoch=run.epoch, after=run.newest_sequence)
            self._feed.delete(run_id)

    async def _existing(self, run_id: str) -> Run:
        return await self._runs.existing(run_id)

    async def _take_up(self, run_id: str, *, has_died: bool = False) -> None:
        async with self._locks.hold(run_id):
            await self._going_on.take_up(run_id, has_died=has_died)

    async def _postpone(self, run_id: str) -> None:
        async with self._locks.hold(run_id):
            await self._going_on.postpone(run_id)

    def _left(self, run: Run) -> None:
        self._timers.left(run)
        self._reconciler.left()


def _request_lock(command: Command) -> str | None:
    return f"request {command.request_id}" if command.request_id is not None else None
