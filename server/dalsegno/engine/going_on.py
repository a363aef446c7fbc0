"""
Going on with runs: resuming, taking up, pausing and ending them.
"""

import logging

from msgspec.structs import replace

from dalsegno.engine import checks
from dalsegno.engine.commands import Accepted, Cancel, Pause, Resume
from dalsegno.engine.drive import record_canceled, record_failed
from dalsegno.engine.live import LiveRun
from dalsegno.engine.parts import resume_type
from dalsegno.engine.resumption import answer_of, check_goes_on, choose, tell_resumed
from dalsegno.engine.runs import Runs, deadline
from dalsegno.engine.telling import Teller, newest_records
from dalsegno.engine.walk import Entry, Walk
from dalsegno.model.address import scope_of
from dalsegno.model.clock import SECOND_US
from dalsegno.model.errors import RunFinished
from dalsegno.model.event import EventType
from dalsegno.model.failpoint import Failpoint, hit
from dalsegno.model.payload import Payload
from dalsegno.model.record import Error, StepStatus
from dalsegno.model.run import Run, RunStatus
from dalsegno.workflow.builder import Workflow

_log = logging.getLogger(__name__)

_POSTPONED_US = 60 * SECOND_US  # its workflow may be registered again by then


class GoingOn:
    """
    Changes what runs that exist do. Calls about one run must not overlap.
    """

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    async def resume(self, command: Resume) -> Accepted:
        """
        Answer a suspended step or let a paused run go on; see `Engine.resume`.
        """
        run, walk = await self._as_it_is(command.run_id)
        workflow = self._runs.registry.workflow(run.workflow_id)
        shape = self._runs.registry.shape(workflow)
        check_goes_on(command, run, shape)
        limit = self._runs.settings.payload_bytes_max
        context = checks.merged(run.request_context, command.request_context, limit)
        if run.status is RunStatus.PAUSED:
            return await self._continue(command, run, workflow, context)
        suspended = (StepStatus.SUSPENDED,)
        if walk is not None:
            found = await newest_records(walk.live, self._runs.store, suspended)
            is_gone = self._runs.supervisor.walk_of(run.run_id) is not walk
            if is_gone or walk.live.run.status.is_at_rest:
                return await self.resume(command)
        else:
            found = list(await self._runs.store.active_records(run.run_id, suspended))
        record = choose(command, run, found, shape)
        type_ = resume_type(workflow, shape, record.address)
        answer = answer_of(command, record, type_, limit)
        if walk is not None:
            return await self._resume_live(command, walk, record.address, answer)
        live = await self._runs.taken_over(run, command, workflow, context)
        tell_resumed(live, record, answer)
        live.change(step_scope=scope_of(record.address) if command.per_step else None)
        entry = await self._runs.frontier(live, record.address)
        await self._runs.go_on(live, workflow, entry)
        return Accepted(run.run_id, run.newest_sequence)

    async def _as_it_is(self, run_id: str) -> tuple[Run, Walk | None]:
        """
        A run now, and its walk if it is live; not as it was before it came to rest just now.

        Raises:
            RunNotFound
        """
        while True:
            before = self._runs.supervisor.walk_of(run_id)
            run = await self._runs.existing(run_id)
            walk = self._runs.supervisor.walk_of(run_id)
            if walk is not None and not walk.live.run.status.is_at_rest:
                return walk.live.run, walk
            if walk is not None:
                await self._runs.supervisor.ended(walk)
            elif before is None:
                return run, None

    async def _continue(
        self, command: Resume, run: Run, workflow: Workflow, context: Payload
    ) -> Accepted:
        """
        Let a paused run go on.
        """
        live = await self._runs.taken_over(run, command, workflow, context)
        live.tell(EventType.RUN_RESUMED, addresses=run.paused_at)
        scope = scope_of(run.paused_at[0]) if command.per_step else None
        live.change(paused_at=(), step_scope=scope)
        entry = Entry(run.paused_at, is_fresh=True)
        await self._runs.go_on(live, workflow, entry)
        return Accepted(run.run_id, run.newest_sequence)

    async def _resume_live(
        self, command: Resume, walk: Walk, address: str, answer: Payload
    ) -> Accepted:
        """
        Answer a step of a run whose other arms still run.
        """
        live = walk.live
        block = await self._runs.supervisor.holder(walk, address)
        record = await walk.history.own(address)
        if block is None or record is None or not block.holds(address):
            return await self.resume(command)
        after = live.run.newest_sequence
        live.attach(self._runs.request(command, live.run.run_id, after))
        tell_resumed(live, record, answer)
        live.change(
            request_context=checks.merged(
                live.run.request_context,
                command.request_context,
                self._runs.settings.payload_bytes_max,
            )
        )
        block.resume(address)
        await live.commit()
        return Accepted(live.run.run_id, after)

    async def take_up(self, run_id: str, *, has_died: bool = False) -> None:
        """
        Bring a run back into memory: one that has waited for room or for a timer, or that a
        server left in the middle. It goes on at its frontier.

        Args:
            has_died: Who drove it has died. A run to which that happens again and again without
                its getting any further ends as failed: it may be what kills them.
        """
        run = await self._runs.store.run(run_id)
        is_live = self._runs.supervisor.is_live(run_id)
        is_needed = run is not None and not run.status.is_at_rest and not is_live
        if run is None or not is_needed or self._runs.supervisor.is_stopping:
            return
        if run.due_us is not None and run.due_us > self._runs.clock.now_us():
            return  # it was running when it was looked for, and has been put down since
        hit(Failpoint.TAKEUP_BEFORE)
        live = self._runs.live(replace(run, epoch=run.epoch + 1), held_epoch=run.epoch)
        if has_died:
            live.change(recoveries=run.recoveries + 1)
        if live.run.recoveries > self._runs.settings.recoveries_max:
            await self._give_up(live)
            return
        workflow = self._runs.registry.workflow(run.workflow_id)
        if run.status is RunStatus.RUNNING:
            live.tell(EventType.RUN_RESTARTED)
        if run.status is RunStatus.PENDING:
            now_us = self._runs.clock.now_us()
            live.change(started_us=now_us, deadline_us=deadline(workflow, now_us))
        live.change(status=RunStatus.RUNNING, due_us=None)
        await self._runs.define_anew(live, workflow)
        entry = await self._runs.frontier(live, None)
        await self._runs.go_on(live, workflow, entry)

    async def _give_up(self, live: LiveRun) -> None:
        """
        End a run as failed that nobody can drive.
        """
        deaths = live.run.recoveries
        problem = f"its server died {deaths} times in a row without its getting any further"
        error = Error("TooManyRecoveries", problem, is_retryable=False)
        await record_failed(Teller(live), self._runs.store, error)
        await live.commit()
        _log.error("run %s ends as failed: %s", live.run.run_id, problem)

    async def postpone(self, run_id: str) -> None:
        """
        Look again in a minute at a waiting run that could not be taken up.
        """
        run = await self._runs.store.run(run_id)
        if run is None or run.status is not RunStatus.WAITING:
            return
        live = self._runs.live(run, held_epoch=run.epoch)
        live.change(due_us=self._runs.clock.now_us() + _POSTPONED_US)
        await live.commit()

    async def pause(self, command: Pause) -> Accepted:
        """
        Stop a run before its next step; see `Engine.pause`.
        """
        run, walk = await self._as_it_is(command.run_id)
        if run.status.is_terminal:
            raise RunFinished(run.run_id, run.status)
        request = self._runs.request(command, run.run_id, run.newest_sequence)
        live = walk.live if walk is not None else self._runs.live(run, held_epoch=run.epoch)
        live.attach(request)
        if walk is not None or not run.status.is_at_rest:
            live.change(is_pausing=True, pause_reason=command.reason)
        elif request is not None:
            live.change()  # nothing but the request is kept
        await live.commit()
        return Accepted(run.run_id, run.newest_sequence)

    async def cancel(self, command: Cancel) -> Accepted:
        """
        End a run as canceled; see `Engine.cancel`.
        """
        run, walk = await self._as_it_is(command.run_id)
        if walk is not None:
            # Kept with the cancellation itself: a server that dies before that has not canceled,
            # and the repetition must not be told that it has.
            walk.live.cancel_request = self._runs.request(command, run.run_id, run.newest_sequence)
            await self._runs.supervisor.cancel(run.run_id, command.reason)
            await walk.live.settle_writes()
            after = run.newest_sequence
            run = await self._runs.existing(command.run_id)
            if run.status is RunStatus.CANCELED:
                return Accepted(run.run_id, after)
        if run.status is RunStatus.CANCELED:
            return Accepted(run.run_id, run.newest_sequence)
        if run.status.is_terminal:
            raise RunFinished(run.run_id, run.status)
        live = self._runs.live(
            replace(run, epoch=run.epoch + 1),
            held_epoch=run.epoch,
            request=self._runs.request(command, run.run_id, run.newest_sequence),
        )
        await record_canceled(Teller(live), self._runs.store, command.reason)
        await live.commit()
        return Accepted(run.run_id, run.newest_sequence)
