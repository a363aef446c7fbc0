"""
The façade: what callers may ask of the engine.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

from dalsegno.engine import checks
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
from dalsegno.engine.drive import record_outcome
from dalsegno.engine.feed import Feed
from dalsegno.engine.history import History, Link, link
from dalsegno.engine.inputs import Inputs
from dalsegno.engine.live import LiveRun
from dalsegno.engine.locks import NamedLocks
from dalsegno.engine.outcome import Canceled
from dalsegno.engine.registry import Registry
from dalsegno.engine.resumption import answer_of, check_goes_on, choose, tell_resumed
from dalsegno.engine.settings import EngineSettings
from dalsegno.engine.supervisor import Supervisor
from dalsegno.engine.travel import Planner, checks_state
from dalsegno.engine.views import Views
from dalsegno.engine.walk import Entry, Walk
from dalsegno.model import address as addresses
from dalsegno.model.clock import Clock
from dalsegno.model.errors import (
    DalsegnoError,
    InvalidInput,
    InvalidRequest,
    NotSuspended,
    RequestIdReused,
    RunActive,
    RunExists,
    RunFinished,
    RunNotFound,
    ShuttingDown,
    SourceRunActive,
    TooManyRuns,
    WorkflowMismatch,
)
from dalsegno.model.event import Event, EventType
from dalsegno.model.payload import EMPTY_OBJECT, NULL, Payload
from dalsegno.model.record import StepStatus
from dalsegno.model.run import Run, RunStatus, Tracing
from dalsegno.model.shape import GraphShape
from dalsegno.store.contract import Request, RunFilter, Store
from dalsegno.workflow.builder import Workflow

_MICROSECOND = timedelta(microseconds=1)


class Engine:
    """
    Runs workflows against a store. All methods belong to one event loop.

    Every method raises `DalsegnoError`s as refusals, before anything is written, and
    `StoreUnavailable` when the store cannot be used.
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
        self._clock = clock
        self._new_id = new_id
        self._random = random
        self._settings = settings
        self._feed = Feed(store)
        self._views = Views(store, self._registry, settings)
        self._supervisor = Supervisor(store, self._feed, clock, self._take_up)
        self._locks = NamedLocks()
        self._pool = ThreadPoolExecutor(settings.bodies_max, thread_name_prefix="body")

    async def start(self) -> None:
        """
        Register the workflows, and begin to fire timers.
        """
        await self._registry.start()
        self._supervisor.start()

    async def stop(self, grace_s: float) -> None:
        """
        Start nothing new, end all watches, give bodies this long to reach their next record,
        and leave unfinished runs as they are recorded.
        """
        self._feed.stop()
        await self._supervisor.stop(grace_s)
        self._pool.shutdown(wait=False, cancel_futures=True)

    # Commands.

    async def run(self, command: StartRun) -> Accepted:
        """
        Start a run; it is durable when this returns.

        Raises:
            WorkflowNotFound, InvalidInput, InvalidState, InvalidContext, PayloadTooLarge,
            RunExists, RequestIdReused, TooManyRuns
        """
        async with self._locks.hold(_request_lock(command)):
            repeated = await self._repeated(command)
            return repeated or await self._start(command)

    async def time_travel(self, command: TimeTravel) -> Accepted:
        """
        Make a replay; it is durable when this returns.

        Raises:
            DalsegnoError: Any refusal of semantics.md §7 that concerns a travel.
        """
        async with self._locks.hold(_request_lock(command)):
            repeated = await self._repeated(command)
            return repeated or await self._travel(command)

    async def resume(self, command: Resume) -> Accepted:
        """
        Answer a suspended step, or let a paused run go on; the answer is durable when this
        returns.

        Raises:
            RunNotFound, RunFinished, NotSuspended, AmbiguousSuspension, InvalidResumeData,
            InvalidAddress, StepNotFound, InvalidContext, PayloadTooLarge, Conflict
        """
        async with self._locks.hold(_request_lock(command)), self._locks.hold(command.run_id):
            repeated = await self._repeated(command)
            return repeated or await self._resume(command)

    async def cancel(self, command: Cancel) -> Accepted:
        """
        End a run as canceled; returns when its bodies have cleaned up. A canceled run is left
        as it is.

        Raises:
            RunNotFound, RunFinished, Conflict
        """
        async with self._locks.hold(_request_lock(command)), self._locks.hold(command.run_id):
            repeated = await self._repeated(command)
            return repeated or await self._cancel(command)

    async def pause(self, command: Pause) -> Accepted:
        """
        Stop a run before its next step; returns when that is durable, not when it has stopped.
        A suspended or paused run is left as it is.

        Raises:
            RunNotFound, RunFinished, Conflict
        """
        async with self._locks.hold(_request_lock(command)), self._locks.hold(command.run_id):
            repeated = await self._repeated(command)
            return repeated or await self._pause(command)

    async def restart(self, run_id: str) -> Accepted:
        """
        Let a run go on whose server died. A finished run is left as it is.

        Raises:
            RunNotFound, WorkflowNotFound, CorruptHistory
            RunActive: It is alive, waits, is suspended or paused: nothing was lost.
        """
        run = await self._existing(run_id)
        is_lost = run.status in (RunStatus.PENDING, RunStatus.RUNNING)
        if run.status.is_terminal:
            return Accepted(run_id, run.newest_sequence)
        if not is_lost or self._supervisor.walk_of(run_id) is not None:
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
        async for run_id in self._supervisor.unfinished():
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
        async with self._locks.hold(run_id):
            run = await self._existing(run_id)
            if not run.status.is_at_rest:
                raise RunActive(run_id, run.status)
            await self._store.delete(run_id, epoch=run.epoch, after=run.newest_sequence)

    # Questions.

    async def wait(self, run_id: str) -> None:
        """
        Return when the run is at rest: finished, suspended or paused.

        Raises:
            RunNotFound, ShuttingDown
        """
        await self._feed.wait(run_id)

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
        await self._feed.check(run_id, after_sequence)
        return self._feed.watch(run_id, after_sequence, follow=follow, idle_s=idle_s)

    async def view(self, run_id: str, *, with_steps: bool = True) -> RunView:
        """
        A run, with its first records if asked for.

        Raises:
            RunNotFound, CorruptHistory
        """
        return await self._views.run(run_id, with_steps=with_steps)

    async def steps(self, run_id: str, *, page: str | None, limit: int) -> StepPage:
        """
        Records in execution order, reused ones first.

        Raises:
            RunNotFound, InvalidPageToken, CorruptHistory
        """
        return await self._views.steps(run_id, page=page, limit=limit)

    async def events(self, run_id: str, *, after_sequence: int, limit: int) -> Sequence[Event]:
        """
        Events after a sequence, oldest first, without gaps.

        Raises:
            RunNotFound, SequenceOutOfRange
        """
        await self._feed.check(run_id, after_sequence)
        return await self._store.events(run_id, after=after_sequence, limit=limit)

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

    # Starting.

    async def _start(self, command: StartRun) -> Accepted:
        workflow = self._registry.workflow(command.workflow_id)
        limit = self._settings.payload_bytes_max
        text = command.input_data if command.input_data is not None else NULL.json
        value = checks.payload(text, "input_data", InvalidInput, limit, types=(workflow.input,))
        state = EMPTY_OBJECT
        if command.initial_state is not None:
            state = checks_state(command.initial_state, workflow, limit)
        context = checks.merged(EMPTY_OBJECT, command.request_context, limit)
        now_us = self._clock.now_us()
        run = Run(
            run_id=command.run_id or self._new_id(),
            workflow_id=workflow.id,
            definition_hash=workflow.definition_hash,
            status=RunStatus.RUNNING,
            created_us=now_us,
            started_us=now_us,
            input=value,
            request_context=context,
            initial_state=state,
            state=state,
            per_step=command.per_step,
            deadline_us=_deadline(workflow, now_us),
            tracing=self._tracing(command),
        )
        live = self._new_live(run, command)
        shape = self._registry.shape(workflow)
        walk = self._walk(live, workflow, shape, [])
        walk.step_scope = "" if command.per_step else None
        self._tell_started(live)
        self._supervisor.drive(walk, live.run.input, None)
        asyncio.get_running_loop().call_soon(live.commit_soon)
        await asyncio.shield(live.began)
        return Accepted(run.run_id, 0)

    def _tracing(self, command: StartRun | TimeTravel) -> Tracing:
        """
        What the caller said of the trace, with an id of its own if none was given.
        """
        given = command.tracing or Tracing("")
        if given.trace_id:
            return given
        return replace(given, trace_id=hashlib.sha256(self._new_id().encode()).hexdigest()[:32])

    def _new_live(self, run: Run, command: Command) -> LiveRun:
        self._check_room()
        if self._supervisor.walk_of(run.run_id) is not None:
            raise RunExists(run.run_id)
        return self._live(
            run, held_epoch=run.epoch, creates=True, request=self._request(command, run.run_id, 0)
        )

    def _tell_started(self, live: LiveRun) -> None:
        run = live.run
        event = live.tell(
            EventType.RUN_STARTED,
            payload=run.input,
            lineage=run.lineage,
            workflow_id=run.workflow_id,
            definition_hash=run.definition_hash,
        )
        live.change(input=live.stored(run.input, event))

    # Travelling.

    async def _travel(self, command: TimeTravel) -> Accepted:
        workflow, source = await self._source(command)
        run_id = command.new_run_id or self._new_id()
        if await self._store.run(run_id) is not None:
            raise RunExists(run_id)
        shape = self._registry.shape(workflow)
        planner = Planner(
            command,
            workflow,
            shape,
            source,
            self._store,
            self._settings,
            run_id=run_id,
            now_us=self._clock.now_us(),
        )
        plan = await planner.plan()
        run = replace(
            plan.run,
            deadline_us=_deadline(workflow, plan.run.created_us),
            tracing=self._tracing(command),
        )
        live = self._new_live(run, command)
        walk = self._walk(live, workflow, shape, source.links if source else ())
        walk.taken = dict(plan.taken)
        walk.asks_first = {plan.asks_first} if plan.asks_first else set()
        walk.step_scope = plan.step_scope
        walk.is_stepping_in = command.per_step
        self._tell_started(live)
        for record in plan.given:
            live.put(record)
        value = plan.entry.given
        if value is not None and value.at is None and value.json == live.run.input.json:
            plan = replace(plan, entry=replace(plan.entry, given=live.run.input))
        live.hold_until(plan.held_for)
        self._supervisor.drive(walk, live.run.input, plan.entry)
        await asyncio.shield(live.began)
        return Accepted(run.run_id, 0)

    async def _source(self, command: TimeTravel) -> tuple[Workflow, History | None]:
        if command.run_id is None:
            if command.workflow_id is None:
                problem = "is needed when there is no run_id"
                raise InvalidRequest({"workflow_id": problem})
            return self._registry.workflow(command.workflow_id), None
        run = await self._existing(command.run_id)
        workflow = self._registry.workflow(command.workflow_id or run.workflow_id)
        if workflow.id != run.workflow_id:
            raise WorkflowMismatch(run.run_id, expected=workflow.id, actual=run.workflow_id)
        if not run.status.is_at_rest:
            raise SourceRunActive(run.run_id, run.status)
        links = await self._views.links(run)
        return workflow, History(self._store, links, {})

    # Going on.

    async def _resume(self, command: Resume) -> Accepted:
        run = await self._existing(command.run_id)
        workflow = self._registry.workflow(run.workflow_id)
        shape = self._registry.shape(workflow)
        walk = self._supervisor.walk_of(run.run_id)
        if walk is not None:
            run = walk.live.run
            await walk.live.settle_writes()
        check_goes_on(command, run, shape)
        limit = self._settings.payload_bytes_max
        context = checks.merged(run.request_context, command.request_context, limit)
        if run.status is RunStatus.PAUSED:
            return await self._continue(command, run, workflow, context)
        stored = await self._store.active_records(run.run_id, (StepStatus.SUSPENDED,))
        record = choose(command, run, stored, shape)
        answer = answer_of(command, record, workflow, limit)
        walk = self._supervisor.walk_of(run.run_id)
        if walk is not None:
            return await self._resume_live(command, walk, record.address, answer)
        live = await self._taken_over(run, command, workflow, context)
        tell_resumed(live, record, answer)
        entry = await self._frontier(live, record.address)
        await self._go_on(live, workflow, entry, per_step=command.per_step)
        return Accepted(run.run_id, run.newest_sequence)

    async def _continue(
        self, command: Resume, run: Run, workflow: Workflow, context: Payload
    ) -> Accepted:
        """
        Let a paused run go on.
        """
        live = await self._taken_over(run, command, workflow, context)
        live.tell(EventType.RUN_RESUMED, addresses=run.paused_at)
        live.change(paused_at=())
        entry = Entry(run.paused_at, is_fresh=True)
        await self._go_on(live, workflow, entry, per_step=command.per_step)
        return Accepted(run.run_id, run.newest_sequence)

    async def _resume_live(
        self, command: Resume, walk: Walk, address: str, answer: Payload
    ) -> Accepted:
        """
        Answer a step of a run whose other arms still run.
        """
        block = await self._supervisor.holder(walk, address)
        if block is None:
            return await self._resume(command)
        live = walk.live
        after = live.run.newest_sequence
        record = await walk.history.own(address)
        if record is None or record.status is not StepStatus.SUSPENDED:
            raise NotSuspended(live.run.run_id, live.run.status, address)
        if not block.holds(address):
            return await self._resume(command)
        live.attach(self._request(command, live.run.run_id, after))
        tell_resumed(live, record, answer)
        block.resume(address)
        await live.commit()
        return Accepted(live.run.run_id, after)

    async def _taken_over(
        self, run: Run, command: Command, workflow: Workflow, context: Payload
    ) -> LiveRun:
        """
        A run at rest, brought back into memory under a new epoch.
        """
        self._check_room()
        request = self._request(command, run.run_id, run.newest_sequence)
        live = self._live(replace(run, epoch=run.epoch + 1), held_epoch=run.epoch, request=request)
        changed = run.definition_changed
        if run.lineage is not None and run.definition_hash != workflow.definition_hash:
            changed = await self._differs_from_source(run, workflow)
        live.change(
            status=RunStatus.RUNNING,
            request_context=context,
            definition_hash=workflow.definition_hash,
            definition_changed=changed,
            deadline_us=_deadline(workflow, self._clock.now_us()),
            due_us=None,
        )
        return live

    async def _differs_from_source(self, run: Run, workflow: Workflow) -> bool:
        source_id = run.lineage.source_run_id if run.lineage else None
        source = await self._store.run(source_id) if source_id else None
        return source is not None and source.definition_hash != workflow.definition_hash

    async def _go_on(
        self, live: LiveRun, workflow: Workflow, entry: Entry, *, per_step: bool
    ) -> None:
        shape = self._registry.shape(workflow)
        links = await self._views.links(live.run)
        walk = self._walk(live, workflow, shape, links[1:])
        if per_step:
            walk.step_scope = _scope_of(entry)
        self._supervisor.drive(walk, live.run.input, entry)
        await asyncio.shield(live.began)

    async def _frontier(self, live: LiveRun, resumed: str | None) -> Entry:
        """
        Where a run that was put down is entered: what is under way, and what was resumed.
        """
        statuses = (StepStatus.RUNNING, StepStatus.WAITING)
        active = await self._store.active_records(live.run.run_id, statuses)
        at = [record.address for record in active] + ([resumed] if resumed else [])
        leaves = [
            address
            for address in at
            if not any(addresses.is_inside(other, address) for other in at)
        ]
        return Entry(tuple(leaves) or ("",))

    async def _take_up(self, run_id: str) -> None:
        """
        Bring a run back into memory: a waiting one whose timer is due, or one that a server left
        in the middle. It goes on at its frontier.
        """
        async with self._locks.hold(run_id):
            run = await self._store.run(run_id)
            is_live = self._supervisor.walk_of(run_id) is not None
            if run is None or run.status.is_at_rest or is_live:
                return
            workflow = self._registry.workflow(run.workflow_id)
            live = self._live(replace(run, epoch=run.epoch + 1), held_epoch=run.epoch)
            if run.status is not RunStatus.WAITING:
                live.tell(EventType.RUN_RESTARTED)
            live.change(
                status=RunStatus.RUNNING,
                due_us=None,
                definition_hash=workflow.definition_hash,
            )
            entry = await self._frontier(live, None)
            await self._go_on(live, workflow, entry, per_step=run.per_step)

    # Ending.

    async def _cancel(self, command: Cancel) -> Accepted:
        run = await self._existing(command.run_id)
        walk = self._supervisor.walk_of(run.run_id)
        if walk is not None:
            after = walk.live.run.newest_sequence
            walk.live.attach(self._request(command, run.run_id, after))
            await self._supervisor.cancel(run.run_id, command.reason)
            run = await self._existing(command.run_id)
            if run.status is RunStatus.CANCELED:
                return Accepted(run.run_id, after)
        if run.status is RunStatus.CANCELED:
            return Accepted(run.run_id, run.newest_sequence)
        if run.status.is_terminal:
            raise RunFinished(run.run_id, run.status)
        workflow = self._registry.workflow(run.workflow_id)
        live = self._live(
            replace(run, epoch=run.epoch + 1),
            held_epoch=run.epoch,
            request=self._request(command, run.run_id, run.newest_sequence),
        )
        shape = self._registry.shape(workflow)
        ending = self._walk(live, workflow, shape, ())
        await record_outcome(ending, Canceled(command.reason))
        await live.commit()
        return Accepted(run.run_id, run.newest_sequence)

    async def _pause(self, command: Pause) -> Accepted:
        run = await self._existing(command.run_id)
        if run.status.is_terminal:
            raise RunFinished(run.run_id, run.status)
        request = self._request(command, run.run_id, run.newest_sequence)
        walk = self._supervisor.walk_of(run.run_id)
        if run.status.is_at_rest and walk is None:
            return Accepted(run.run_id, run.newest_sequence)
        live = walk.live if walk is not None else self._live(run, held_epoch=run.epoch)
        live.attach(request)
        live.change(is_pausing=True, pause_reason=command.reason)
        await live.commit()
        return Accepted(run.run_id, run.newest_sequence)

    # What all of them need.

    def _check_room(self) -> None:
        """
        Refuse to bring one more run into memory, if that cannot be.
        """
        if self._supervisor.is_stopping:
            raise ShuttingDown
        if self._supervisor.live >= self._settings.runs_max:
            raise TooManyRuns(self._settings.runs_max)

    async def _existing(self, run_id: str) -> Run:
        run = await self._store.run(run_id)
        if run is None:
            raise RunNotFound(run_id)
        return run

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

    def _request(self, command: Command, run_id: str, after_sequence: int) -> Request | None:
        if command.request_id is None:
            return None
        return Request(
            command.request_id,
            fingerprint(command),
            run_id,
            after_sequence,
            self._clock.now_us(),
        )

    def _live(
        self, run: Run, *, held_epoch: int, creates: bool = False, request: Request | None = None
    ) -> LiveRun:
        return LiveRun(
            run,
            self._store,
            self._clock,
            self._feed.publish,
            wait_in_memory_us=self._settings.wait_in_memory // _MICROSECOND,
            held_epoch=held_epoch,
            creates=creates,
            request=request,
        )

    def _walk(
        self, live: LiveRun, workflow: Workflow, shape: GraphShape, earlier: Sequence[Link]
    ) -> Walk:
        history = History(self._store, [link(live.run, shape), *earlier], live.overlay)
        source = History(self._store, earlier, {}) if earlier else None
        return Walk(
            live=live,
            root=workflow,
            shape=shape,
            history=history,
            source=source,
            inputs=Inputs(live.run, history, source),
            loop=asyncio.get_running_loop(),
            pool=self._pool,
            settings=self._settings,
            random=self._random,
        )


def _request_lock(command: Command) -> str | None:
    return f"request {command.request_id}" if command.request_id is not None else None


def _deadline(workflow: Workflow, now_us: int) -> int | None:
    return now_us + workflow.timeout // _MICROSECOND if workflow.timeout is not None else None


def _scope_of(entry: Entry) -> str:
    """
    The sequence or container that the entry of a stepping resumption lies in.
    """
    address = entry.addresses[0]
    if address.endswith("]"):
        return address[: address.rindex("[")]
    return address.rpartition(".")[0]
