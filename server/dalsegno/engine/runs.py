"""
Bringing runs into memory, and what all commands need for that.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from msgspec.structs import replace

from dalsegno.engine.body import Bodies
from dalsegno.engine.commands import Command, fingerprint
from dalsegno.engine.feed import Feed
from dalsegno.engine.history import History
from dalsegno.engine.inputs import Inputs
from dalsegno.engine.links import Link, Links, link
from dalsegno.engine.live import LiveRun
from dalsegno.engine.ownership import Ownership
from dalsegno.engine.reconciler import Reconciler
from dalsegno.engine.registry import Registry
from dalsegno.engine.settings import EngineSettings
from dalsegno.engine.supervisor import Supervisor
from dalsegno.engine.walk import Entry, Walk
from dalsegno.model import address as addresses
from dalsegno.model.clock import Clock
from dalsegno.model.errors import RunNotFound, ShuttingDown, TooManyEvents, TooManyRuns
from dalsegno.model.payload import Payload
from dalsegno.model.record import StepStatus
from dalsegno.model.run import Run, RunStatus
from dalsegno.model.shape import GraphShape
from dalsegno.store.contract import Request, Store
from dalsegno.workflow.builder import Workflow

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Runs:
    """
    The parts of an engine, and how a run comes from the store into memory.
    """

    store: Store
    registry: Registry
    feed: Feed
    links: Links
    supervisor: Supervisor
    ownership: Ownership
    reconciler: Reconciler
    clock: Clock
    settings: EngineSettings
    bodies: Bodies
    random: Callable[[], float]

    async def existing(self, run_id: str) -> Run:
        """
        Raises:
            RunNotFound: There is no such run.
        """
        run = await self.store.run(run_id)
        if run is None:
            raise RunNotFound(run_id)
        return run

    def check_room(self) -> None:
        """
        Refuse to bring one more run into memory, if that cannot be.

        Raises:
            ShuttingDown, TooManyRuns
        """
        if self.supervisor.is_stopping:
            raise ShuttingDown
        if self.supervisor.room <= 0:
            raise TooManyRuns(self.settings.runs_max)

    def must_wait(self) -> bool:
        """
        Whether a new run has to wait for room, as others do before it.

        Raises:
            ShuttingDown
            TooManyRuns: Too many wait already.
        """
        if self.supervisor.is_stopping:
            raise ShuttingDown
        if self.supervisor.room > 0 and not self.reconciler.pending:
            return False
        if self.reconciler.pending >= self.settings.runs_pending_max:
            raise TooManyRuns(self.settings.runs_max, self.settings.runs_pending_max)
        return True

    def request(self, command: Command, run_id: str, after_sequence: int) -> Request | None:
        """
        What is kept of a command, so that its repetition is answered the same.
        """
        if command.request_id is None:
            return None
        return Request(
            command.request_id,
            fingerprint(command),
            run_id,
            after_sequence,
            self.clock.now_us(),
        )

    def live(
        self, run: Run, *, held_epoch: int, creates: bool = False, request: Request | None = None
    ) -> LiveRun:
        """
        A run in memory.

        Args:
            held_epoch: The epoch that the store has for it.
        """
        return LiveRun(
            run,
            self.store,
            self.clock,
            self.feed.publish,
            wait_in_memory_us=self.settings.wait_in_memory // _MICROSECOND,
            events_max=self.settings.events_max,
            owner=self.ownership.owner,
            held_epoch=held_epoch,
            creates=creates,
            request=request,
        )

    def walk(
        self, live: LiveRun, workflow: Workflow, shape: GraphShape, source: Link | None
    ) -> Walk:
        """
        A walk of a live run, with what it sees of the runs it was made from.
        """
        own = link(live.run, shape, source)
        history = History(self.store, own, live.overlay, is_unwritten=lambda: live.is_unwritten)
        source_history = History(self.store, source, {}) if source is not None else None
        return Walk(
            live=live,
            root=workflow,
            shape=shape,
            history=history,
            source=source_history,
            inputs=Inputs(live.run, history, source_history),
            loop=asyncio.get_running_loop(),
            bodies=self.bodies,
            settings=self.settings,
            random=self.random,
        )

    async def taken_over(
        self, run: Run, command: Command, workflow: Workflow, context: Payload
    ) -> LiveRun:
        """
        A run at rest, brought back into memory under a new epoch.

        Raises:
            TooManyEvents: It has no room for more than being told that it goes on.
        """
        self.check_room()
        if run.newest_sequence + 1 >= self.settings.events_max:
            raise TooManyEvents(run.run_id, run.newest_sequence, self.settings.events_max)
        request = self.request(command, run.run_id, run.newest_sequence)
        live = self.live(replace(run, epoch=run.epoch + 1), held_epoch=run.epoch, request=request)
        live.change(
            status=RunStatus.RUNNING,
            request_context=context,
            deadline_us=(
                run.deadline_us
                if run.status is RunStatus.WAITING
                else deadline(workflow, self.clock.now_us())
            ),
            due_us=None,
        )
        await self.define_anew(live, workflow)
        return live

    async def define_anew(self, live: LiveRun, workflow: Workflow) -> None:
        """
        A run goes on with the definition there is now.
        """
        run = live.run
        if run.definition_hash == workflow.definition_hash:
            return
        changed = run.lineage is not None and await self._differs_from_source(run, workflow)
        live.change(definition_hash=workflow.definition_hash, definition_changed=changed)

    async def _differs_from_source(self, run: Run, workflow: Workflow) -> bool:
        source_id = run.lineage.source_run_id if run.lineage else None
        source = await self.store.run(source_id) if source_id else None
        return source is not None and source.definition_hash != workflow.definition_hash

    async def go_on(self, live: LiveRun, workflow: Workflow, entry: Entry) -> None:
        """
        Drive a run that was brought back into memory; its first append is durable when this
        returns.
        """
        shape = self.registry.shape(workflow)
        walk = self.walk(live, workflow, shape, (await self.links.of(live.run)).source)
        self.supervisor.drive(walk, live.run.input, entry)
        await asyncio.shield(live.began)

    async def frontier(self, live: LiveRun, resumed: str | None) -> Entry:
        """
        Where a run that was put down is entered: what is under way, and what was resumed.
        """
        statuses = (StepStatus.RUNNING, StepStatus.WAITING)
        active = await self.store.active_records(live.run.run_id, statuses)
        at = [record.address for record in active] + ([resumed] if resumed else [])
        leaves = [
            address
            for address in at
            if not any(addresses.is_inside(other, address) for other in at)
        ]
        return Entry(tuple(leaves) or ("",))


def deadline(workflow: Workflow, now_us: int) -> int | None:
    """
    When the time-out of a run strikes that starts or is resumed now.
    """
    return now_us + workflow.timeout // _MICROSECOND if workflow.timeout is not None else None
