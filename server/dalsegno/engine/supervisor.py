"""
The supervisor: owns the live runs of this server.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from dalsegno.engine.drive import drive
from dalsegno.engine.feed import Feed
from dalsegno.engine.live import LiveRun
from dalsegno.engine.strands import Strands
from dalsegno.engine.walk import Entry, Walk
from dalsegno.model.clock import SECOND_US, Clock
from dalsegno.model.errors import (
    Conflict,
    CorruptHistory,
    DalsegnoError,
    ShuttingDown,
    StoreUnavailable,
)
from dalsegno.model.payload import Payload
from dalsegno.model.run import Run

_log = logging.getLogger(__name__)


class Supervisor:
    """
    Keeps a reference to the task of every run in memory, and ends them.

    Attributes:
        broken: Runs whose walk ended by a bug, until they are driven again.
        has_lost: Set when a run has left memory that should be going on.
        is_stopping: Nothing new may come into memory.

    Args:
        runs_max: How many runs may be in memory.
        on_left: Called with a run that has left memory.
    """

    def __init__(
        self, feed: Feed, clock: Clock, runs_max: int, on_left: Callable[[Run], None]
    ) -> None:
        self._feed = feed
        self._clock = clock
        self._runs_max = runs_max
        self._on_left = on_left
        self._walks: dict[str, tuple[Walk, asyncio.Task[None]]] = {}
        self.broken: set[str] = set()
        self.has_lost = asyncio.Event()
        self.is_stopping = False

    @property
    def room(self) -> int:
        """
        How many more runs may come into memory; less than 1 if none.
        """
        return self._runs_max - len(self._walks)

    def is_live(self, run_id: str) -> bool:
        """
        Whether a run is in memory.
        """
        return run_id in self._walks

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

    async def put_back(self, walk: Walk) -> None:
        """
        Let a run leave memory that has been written but is not to begin yet.
        """
        await walk.live.settle_writes()
        current, task = self._walks.get(walk.live.run.run_id, (None, None))
        if current is walk and task is not None:
            await _end([task])

    async def leaves_memory(self, run_id: str, *, within_s: float) -> None:
        """
        Wait until a run has left memory, or for so long.
        """
        _, task = self._walks.get(run_id, (None, None))
        if task is not None:
            await asyncio.wait({task}, timeout=within_s)

    async def abandon(self) -> None:
        """
        Let go of all runs in memory, without a word more of them: others drive them now.
        """
        walks = list(self._walks.values())
        for walk, _ in walks:
            walk.live.lose(Conflict(walk.live.run.run_id))
        if walks:
            await asyncio.wait([task for _, task in walks])

    async def stop(self, grace_s: float) -> None:
        """
        Begin nothing new, give bodies this long to end, and leave the rest to recovery.
        """
        self.is_stopping = True
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
        self.broken.discard(run_id)
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
            self._on_left(live.run)

    def _failed(self, live: LiveRun, error: Exception) -> None:
        """
        A walk has ended by an error. If nothing of it was ever written, that concerns only who
        asked for it; else whoever waits for the run, which is to be taken up again.
        """
        live.error = live.error or error  # what is still being written is told of no more
        if not live.began.done():
            live.began.set_exception(error)
        if live.began.exception() is not None:
            if isinstance(error, StoreUnavailable):
                self.has_lost.set()  # it may have been stored all the same
            return
        run_id = live.run.run_id
        self.cannot_go_on(run_id, error)
        if not isinstance(error, DalsegnoError):
            self.broken.add(run_id)
        if not isinstance(error, CorruptHistory):
            self.has_lost.set()
        _log.warning("run %s cannot go on here: %r", run_id, error)

    def cannot_go_on(self, run_id: str, error: Exception) -> None:
        """
        Tell whoever waits for a run, until it goes on, why it does not.
        """
        self._feed.fail(run_id, error)

    @staticmethod
    def _waiting(coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return asyncio.get_running_loop().create_task(coroutine)


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
