"""
Beginning runs: starting one, and travelling to a step of one.
"""

import asyncio
import dataclasses
import hashlib
from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from dalsegno.engine import checks
from dalsegno.engine.commands import Accepted, Command, StartRun, TimeTravel
from dalsegno.engine.history import History
from dalsegno.engine.live import LiveRun
from dalsegno.engine.runs import Runs, deadline
from dalsegno.engine.travel import Planner
from dalsegno.engine.trip import Trip
from dalsegno.model.errors import (
    InvalidInput,
    InvalidRequest,
    RunExists,
    SourceRunActive,
    WorkflowMismatch,
)
from dalsegno.model.event import EventType
from dalsegno.model.payload import EMPTY_OBJECT, NULL
from dalsegno.model.run import Run, RunStatus, Tracing
from dalsegno.workflow.builder import Workflow


class Beginning:
    """
    Makes new runs.
    """

    def __init__(self, runs: Runs, new_id: Callable[[], str]) -> None:
        self._runs = runs
        self._new_id = new_id

    async def start(self, command: StartRun) -> Accepted:
        """
        Start a run; see `Engine.run`.
        """
        workflow = self._runs.registry.workflow(command.workflow_id)
        limit = self._runs.settings.payload_bytes_max
        text = command.input_data if command.input_data is not None else NULL.json
        value = checks.payload(text, "input_data", InvalidInput, limit, types=(workflow.input,))
        state = EMPTY_OBJECT
        if command.initial_state is not None:
            state = checks.state(command.initial_state, workflow.state, limit)
        context = checks.merged(EMPTY_OBJECT, command.request_context, limit)
        if command.run_id is not None:
            await self._check_is_free(command.run_id)
        must_wait = self._runs.must_wait()
        now_us = self._runs.clock.now_us()
        run = Run(
            run_id=command.run_id or self._new_id(),
            workflow_id=workflow.id,
            definition_hash=workflow.definition_hash,
            status=RunStatus.PENDING if must_wait else RunStatus.RUNNING,
            created_us=now_us,
            started_us=None if must_wait else now_us,
            input=value,
            request_context=context,
            initial_state=state,
            state=state,
            step_scope="" if command.per_step else None,
            deadline_us=None if must_wait else deadline(workflow, now_us),
            tracing=self._tracing(command),
        )
        live = self._new_live(run, command)
        self._tell_started(live)
        if must_wait:
            await self._wait_for_room(live.commit())
            return Accepted(run.run_id, 0)
        shape = self._runs.registry.shape(workflow)
        walk = self._runs.walk(live, workflow, shape, None)
        self._runs.supervisor.drive(walk, live.run.input, None)
        asyncio.get_running_loop().call_soon(live.commit_soon)
        await asyncio.shield(live.began)
        return Accepted(run.run_id, 0)

    async def _wait_for_room(self, written: Awaitable[None]) -> None:
        """
        Leave a run to the reconciler as soon as it is durable.
        """
        self._runs.reconciler.comes()
        try:
            await written
        finally:
            self._runs.reconciler.has_come()

    async def _check_is_free(self, run_id: str) -> None:
        """
        Refuse a taken id before anything is done under it.

        Raises:
            RunExists
        """
        if await self._runs.store.run(run_id) is not None:
            raise RunExists(run_id)

    def _tracing(self, command: StartRun | TimeTravel) -> Tracing:
        """
        What the caller said of the trace, with an id of its own if none was given.
        """
        given = command.tracing or Tracing("")
        if given.trace_id:
            return given
        return replace(given, trace_id=hashlib.sha256(self._new_id().encode()).hexdigest()[:32])

    def _new_live(self, run: Run, command: Command) -> LiveRun:
        if self._runs.supervisor.walk_of(run.run_id) is not None:
            raise RunExists(run.run_id)
        return self._runs.live(
            run,
            held_epoch=run.epoch,
            creates=True,
            request=self._runs.request(command, run.run_id, 0),
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

    async def travel(self, command: TimeTravel) -> Accepted:
        """
        Make a replay; see `Engine.time_travel`.
        """
        workflow, source_run, source = await self._source(command)
        if command.new_run_id is not None:
            await self._check_is_free(command.new_run_id)
        run_id = command.new_run_id or self._new_id()
        shape = self._runs.registry.shape(workflow)
        trip = Trip(
            command,
            workflow,
            shape,
            source_run,
            source,
            self._runs.store,
            self._runs.settings.payload_bytes_max,
            run_id,
            self._runs.clock.now_us(),
        )
        plan = await Planner(trip).plan()
        must_wait = self._runs.must_wait()
        run = replace(plan.run, tracing=self._tracing(command))
        if must_wait:
            run = replace(run, status=RunStatus.PENDING, started_us=None)
        else:
            run = replace(run, deadline_us=deadline(workflow, run.created_us))
        live = self._new_live(run, command)
        walk = self._runs.walk(live, workflow, shape, source.link if source is not None else None)
        walk.taken = dict(plan.taken)
        walk.asks_first = {plan.asks_first} if plan.asks_first else set()
        self._tell_started(live)
        for record in plan.given:
            live.put(record)
        value = plan.entry.given
        if value is not None and value.at is None and value.json == live.run.input.json:
            entry = dataclasses.replace(plan.entry, given=live.run.input)
            plan = dataclasses.replace(plan, entry=entry)
        live.hold_until(plan.held_for)
        # What is stored of a replay is what its walk tells first, so it is walked that far even
        # if it has to wait then.
        live.is_stopping = must_wait
        self._runs.supervisor.drive(walk, live.run.input, plan.entry)
        began = asyncio.shield(live.began)
        if must_wait:
            await self._wait_for_room(began)
            await self._runs.supervisor.put_back(walk)
        else:
            await began
        return Accepted(run.run_id, 0)

    async def _source(self, command: TimeTravel) -> tuple[Workflow, Run | None, History | None]:
        if command.run_id is None:
            if command.workflow_id is None:
                problem = "is needed when there is no run_id"
                raise InvalidRequest({"workflow_id": problem})
            return self._runs.registry.workflow(command.workflow_id), None, None
        run = await self._runs.existing(command.run_id)
        workflow = self._runs.registry.workflow(command.workflow_id or run.workflow_id)
        if workflow.id != run.workflow_id:
            raise WorkflowMismatch(run.run_id, expected=workflow.id, actual=run.workflow_id)
        if not run.status.is_at_rest:
            raise SourceRunActive(run.run_id, run.status)
        link = await self._runs.links.of(run)
        return workflow, run, History(self._runs.store, link, {}, remembers=True)
