"""
Timers: waking runs that wait when they are due.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from dalsegno.engine.supervisor import Supervisor
from dalsegno.model.clock import SECOND_US, Clock
from dalsegno.model.run import Run
from dalsegno.store.contract import Store

_DUE_AT_ONCE = 100  # runs woken before the next look at the clock
_BUSY_US = SECOND_US // 10  # a run that is due but still in memory is about to move by itself


class Timers:
    """
    Takes up waiting runs that are due.

    Args:
        take_up: Brings a run back into memory; False if something is wrong with it.
        postpone: Puts off a waiting run that cannot be taken up, so that it keeps no other.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        supervisor: Supervisor,
        take_up: Callable[[str], Awaitable[bool]],
        postpone: Callable[[str], Awaitable[None]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._supervisor = supervisor
        self._take_up = take_up
        self._postpone = postpone
        self._next_us: int | None = None
        self._is_full = False
        self._look_again = asyncio.Event()

    def left(self, run: Run) -> None:
        """
        A run has left memory: it may wait for an earlier time, or leave room for those due. One
        whose last write failed may be stored as waiting, whatever it was about to be.
        """
        if self._is_full or not run.status.is_at_rest:
            self._look_again.set()

    async def fire(self) -> None:
        """
        Take up what is due, as far as there is room in memory.
        """
        self._look_again.clear()
        due = await self._store.due_runs(self._clock.now_us(), limit=_DUE_AT_ONCE)
        sleeping = [run_id for run_id in due if not self._supervisor.is_live(run_id)]
        fired = sleeping[: max(self._supervisor.room, 0)]
        for run_id in fired:
            if not await self._take_up(run_id):
                await self._postpone(run_id)
        self._is_full = len(fired) < len(sleeping)
        self._next_us = None if self._is_full else await self._store.next_due()

    async def wait(self) -> None:
        """
        Wait until the next run is due, or until one has left memory that matters here.
        """
        waits = {_waiting(self._look_again.wait())}
        if self._next_us is not None:
            due_us = max(self._next_us, self._clock.now_us() + _BUSY_US)
            waits.add(_waiting(self._clock.sleep_until(due_us)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def _waiting(coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return asyncio.get_running_loop().create_task(coroutine)
