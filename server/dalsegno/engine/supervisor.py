"""
The supervisor: owns the live runs of this server and wakes those whose timers are due.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from typing import Any

from dalsegno.engine.drive import drive
from dalsegno.engine.feed import Feed
from dalsegno.engine.live import LiveRun
from dalsegno.engine.strands import Strands
from dalsegno.engine.walk import Entry, Walk
from dalsegno.model.clock import SECOND_US, Clock
from dalsegno.model.errors import DalsegnoError, ShuttingDown
from dalsegno.model.payload import Payload
from dalsegno.model.run import RunStatus
from dalsegno.store.contract import Store

_log = logging.getLogger(__name__)

_DUE_AT_ONCE = 100  # runs woken before the next look at the clock
_RECOVERED_AT_ONCE = 500  # ids of unfinished runs read at once
_RECOVERY_S = 15  # between looks for runs that nobody drives
_RETRY_US = SECOND_US  # before a store that failed is asked again
_BUSY_US = SECOND_US // 10  # a run that is due but still in memory is about to move by itself


class Supervisor:
    """
    Keeps a reference to every task of the engine, and ends them.

    Args:
        take_up: Brings an unfinished or waiting run back into memory.
        postpone: Puts off a waiting run that cannot be taken up, so that it keeps no other.
    """

    def __init__(
        self,
        store: Store,
        feed: Feed,
        clock: Clock,
        take_up: Callable[[str], Awaitable[None]],
        postpone: Callable[[str], Awaitable[None]],
    ) -> None:
        self._store = store
        self._feed = feed
        self._clock = clock
        self._take_up = take_up
        self._postpone = postpone
        self._walks: dict[str, tuple[Walk, asyncio.Task[None]]] = {}
        self._loops: list[asyncio.Task[None]] = []
        self._look_again = asyncio.Event()
        self._has_lost = asyncio.Event()
        self.is_stopping = False

    def start(self) -> None:
        """
        Begin to fire timers, and take up the runs that a server before this one left.
        """
        loop = asyncio.get_running_loop()
        self._loops = [loop.create_task(self._fire_timers()), loop.create_task(self._recover())]

    @property
    def live(self) -> int:
        """
        How many runs are in memory.
        """
        return len(self._walks)

    def walk_of(self, run_id: str) -> Walk | None:
        """
        The walk of a run that is live here; None if it is not.
        """
        walk, _ = self._walks.get(run_id, (None, None))
        return walk

    def drive(self, walk: Walk, value: Payload, entry: Entry | None) -> None:
        """
        Begin to drive a live run.
        """
        run_id = walk.live.run.run_id
        assert run_id not in self._walks
        task = asyncio.get_running_loop().create_task(self._drive(walk, value, entry))
        walk.live.driver = task
        self._walks[run_id] = (walk, task)

    async def holder(self, walk: Walk, address: str) -> Strands | None:
        """
        The block of a live run that holds the suspended step at an address; None once the run
        has left memory. A step that has just suspended, or a run that has just been taken up,
        may take a moment.
        """
        run_id = walk.live.run.run_id
        while run_id in self._walks and self._walks[run_id][0] is walk:
            holder: Strands
            for holder in reversed(walk.blocks):
                if holder.holds(address):
                    return holder
            walk.moved.clear()
            moved = self._waiting(walk.moved.wait())
            try:
                task = self._walks[run_id][1]
                await asyncio.wait({moved, task}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                moved.cancel()
        return None

    async def ended(self, walk: Walk) -> None:
        """
        Return once a walk that is about to end has left memory.
        """
        current, task = self._walks.get(walk.live.run.run_id, (None, None))
        if current is walk and task is not None:
            await asyncio.wait({task})

    async def cancel(self, run_id: str, reason: str | None) -> None:
        """
        End a live run as canceled; returns when its bodies have cleaned up.
        """
        walk, task = self._walks[run_id]
        walk.live.is_canceling = True
        walk.live.cancel_reason = reason
        task.cancel()
        await asyncio.wait({task})

    async def stop(self, grace_s: float) -> None:
        """
        Begin nothing new, give bodies this long to end, and leave the rest to recovery.
        """
        self.is_stopping = True
        await _end(self._loops)
        lives = [walk.live for walk, _ in self._walks.values()]
        for live in lives:
            live.is_stopping = True
        await self._until_idle(lives, grace_s)
        for live in lives:
            await live.settle_writes()
        await _end([task for _, task in self._walks.values()])
        # What bodies told while they cleaned up is written while there is a store.
        for live in lives:
            await live.settle_writes()

    async def _until_idle(self, lives: list[LiveRun], grace_s: float) -> None:
        due_us = self._clock.now_us() + int(grace_s * SECOND_US)
        while any(live.bodies for live in lives) and self._clock.now_us() < due_us:
            await self._clock.sleep_until(self._clock.now_us() + SECOND_US // 100)

    async def _drive(self, walk: Walk, value: Payload, entry: Entry | None) -> None:
        live = walk.live
        run_id = live.run.run_id
        try:
            await drive(walk, value, entry)
        except asyncio.CancelledError:
            if live.error is None:
                raise
            self._failed(live, live.error)
        except DalsegnoError as error:
            self._failed(live, error)
        except Exception as error:  # noqa: BLE001 - a bug of ours ends one run, not the server
            _log.exception("the walk of run %s failed", run_id)
            self._failed(live, error)
        finally:
            del self._walks[run_id]
            if not live.began.done():
                live.began.set_exception(ShuttingDown())
            if live.run.status is RunStatus.WAITING:
                self._look_again.set()

    def _failed(self, live: LiveRun, error: Exception) -> None:
        """
        A walk has ended by an error. If nothing of it was ever written, that concerns only who
        asked for it; else whoever waits for the run, which is to be taken up again.
        """
        if not live.began.done():
            live.began.set_exception(error)
        if live.began.exception() is not None:
            return
        self._feed.fail(live.run.run_id, error)
        self._has_lost.set()
        _log.warning("run %s cannot go on here: %r", live.run.run_id, error)

    async def _fire_timers(self) -> None:
        """
        Wake waiting runs when they are due, for as long as the server runs.
        """
        while True:
            try:
                await self._fire_due()
            except Exception:  # noqa: BLE001 - timers of other runs must go on firing
                _log.exception("timers could not be fired; they are tried again")
                await self._clock.sleep_until(self._clock.now_us() + _RETRY_US)

    async def _recover(self) -> None:
        """
        Take up every unfinished run that nobody drives: at the start, after one was lost, and
        now and then, for as long as the server runs.
        """
        while True:
            self._has_lost.clear()
            try:
                async for run_id in self.unfinished():
                    await self._recover_one(run_id)
            except DalsegnoError as error:
                _log.warning("unfinished runs cannot be read: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_RECOVERY_S):
                    await self._has_lost.wait()
            await self._clock.sleep_until(self._clock.now_us() + _RETRY_US)

    async def _recover_one(self, run_id: str) -> bool:
        """
        Take up one run; False if that cannot be.
        """
        try:
            await self._take_up(run_id)
        except Exception as error:  # noqa: BLE001 - one run that cannot go on must not stop others
            self._feed.fail(run_id, error)
            _log.warning("run %s could not be taken up again: %r", run_id, error)
            return False
        return True

    async def unfinished(self) -> AsyncIterator[str]:
        """
        Ids of pending and running runs that are not live here, rising.
        """
        after = ""
        while True:
            page = await self._store.unfinished_runs(after=after, limit=_RECOVERED_AT_ONCE)
            for run_id in page:
                if run_id not in self._walks:
                    yield run_id
            if len(page) < _RECOVERED_AT_ONCE:
                return
            after = page[-1]

    async def _fire_due(self) -> None:
        self._look_again.clear()
        due = await self._store.due_runs(self._clock.now_us(), limit=_DUE_AT_ONCE)
        sleeping = [run_id for run_id in due if run_id not in self._walks]
        for run_id in sleeping:
            if not await self._recover_one(run_id):
                await self._postpone(run_id)
        next_us = await self._store.next_due()
        if next_us is not None:
            next_us = max(next_us, self._clock.now_us() + _BUSY_US)
        await self._until(next_us)

    async def _until(self, due_us: int | None) -> None:
        """
        Wait for a time, or for a run that has left memory and may wait for an earlier one.
        """
        changed = self._waiting(self._look_again.wait())
        waits = {changed}
        if due_us is not None:
            waits.add(self._waiting(self._clock.sleep_until(due_us)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    @staticmethod
    def _waiting(coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return asyncio.get_running_loop().create_task(coroutine)


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
