"""
The reconciler: sees to it that every unfinished run is driven by somebody who is alive.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from typing import Any, Protocol

from dalsegno.engine.ownership import Ownership
from dalsegno.engine.supervisor import Supervisor
from dalsegno.model.clock import SECOND_US, Clock
from dalsegno.model.errors import DalsegnoError, StoreUnavailable
from dalsegno.store.contract import LeaseEnd, Store

_log = logging.getLogger(__name__)

_IDS_AT_ONCE = 500  # read at once
_AT_ONCE = 64  # taken up at once, so that they share commits
_LOOK_S = 5.0  # between looks for runs that nobody drives
_PAUSE_US = SECOND_US // 2  # before each look
_FAILURES_MAX = 10  # of the store, run after run, before the rest is left for the next look

# A run whose server died so often in a row is a suspect: it may be what kills it. Suspects are
# taken up one by one, in random order, each alone for so long; so few of those that only happened
# to be there are counted with it.
_SUSPECT_FROM = 3
_ALONE_S = 1.0


class TakeUp(Protocol):
    """
    Brings an unfinished or waiting run back into memory; what it raises says why that cannot be.
    """

    async def __call__(self, run_id: str, *, has_died: bool = False) -> None: ...


class Reconciler:
    """
    Keeps this server's lease, takes over the runs of servers that are dead, and those that were
    lost here, and lets pending runs begin as there is room.

    Attributes:
        pending: How many runs wait to begin; what could not begin here is not among them.
    """

    def __init__(
        self,
        store: Store,
        ownership: Ownership,
        supervisor: Supervisor,
        clock: Clock,
        take_up: TakeUp,
        random: Callable[[], float],
    ) -> None:
        self._store = store
        self._ownership = ownership
        self._supervisor = supervisor
        self._clock = clock
        self._take_up = take_up
        self._random = random
        self._told: set[str] = set()
        self._stuck: set[str] = set()
        self._failures = 0
        self._is_short = False
        self._came = 0
        self._coming = 0
        self.pending = 0
        self._is_asked = asyncio.Event()

    # The lease.

    async def hold_lease(self) -> None:
        """
        Renew the lease. If others took this server for dead, its runs are theirs: it lets go of
        them, and goes on under a new number.
        """
        if await self._ownership.renew():
            return
        _log.warning("this server was taken for dead; it lets go of its runs")
        await self._ownership.begin()
        await self._supervisor.abandon()

    async def until_renewal(self) -> None:
        """
        Wait until the lease is to be renewed.
        """
        await asyncio.sleep(self._ownership.renewal_s)

    # Runs that nobody drives.

    async def recover(self) -> None:
        """
        Take up the running runs that nobody drives, as far as there is room in memory.
        """
        self._supervisor.has_lost.clear()
        self._is_short = False
        suspects: list[str] = []
        found: list[tuple[str, bool]] = []
        async for run_id, has_died in self.orphans():
            if has_died and await self._is_suspect(run_id):
                suspects.append(run_id)
            else:
                found.append((run_id, has_died))
            if len(found) == _AT_ONCE:
                await self._take_up_all(found)
                found = []
            if self._is_short:
                return
        await self._take_up_all(found)
        for run_id in sorted(suspects, key=lambda _: self._random()):
            await self._take_up_all([(run_id, True)])
            await self._supervisor.leaves_memory(run_id, within_s=_ALONE_S)
        if self.pending:
            self._is_asked.set()  # some may not have begun because the store was away

    async def _take_up_all(self, found: Sequence[tuple[str, bool]]) -> None:
        """
        Take up some runs, and whether who drove each has died; as many as there is room for.
        """
        room = max(self._supervisor.room, 0)
        self._is_short = len(found) > room
        await _all(self.take_up(run_id, has_died=has_died) for run_id, has_died in found[:room])

    async def until_lost(self) -> None:
        """
        Wait until it is time to look again for runs that nobody drives.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                await self._supervisor.has_lost.wait()
        # Whatever it was may have failed just now.
        await self._clock.sleep_until(self._clock.now_us() + _PAUSE_US)

    async def orphans(self) -> AsyncIterator[tuple[str, bool]]:
        """
        Ids of running runs that nobody drives, and whether the last who did has died; those whose
        walk had a bug count as such.
        """
        for lease in await self._ownership.others_ended():
            async for run_id in self._running(lease.owner):
                yield run_id, lease.ended is LeaseEnd.EXPIRED
        async for run_id in self._running(self._ownership.owner):
            yield run_id, run_id in self._supervisor.broken

    async def _running(self, owner: int) -> AsyncIterator[str]:
        after = ""
        while True:
            page = await self._store.running_runs(owner, after=after, limit=_IDS_AT_ONCE)
            for run_id in page:
                if not self._supervisor.is_live(run_id):
                    yield run_id
            if len(page) < _IDS_AT_ONCE:
                return
            after = page[-1]

    async def _is_suspect(self, run_id: str) -> bool:
        with contextlib.suppress(DalsegnoError):  # told when it is taken up
            run = await self._store.run(run_id)
            return run is not None and run.recoveries >= _SUSPECT_FROM
        return False

    async def take_up(self, run_id: str, *, has_died: bool = False) -> bool:
        """
        Take up one run; False if something is wrong with it. Whoever waits for it is told.

        Raises:
            StoreUnavailable: No run can be taken up now.
        """
        try:
            await self._take_up(run_id, has_died=has_died)
        except Exception as error:
            self._supervisor.cannot_go_on(run_id, error)
            self._report(run_id, error)
            if not isinstance(error, StoreUnavailable):
                return False
            # That says nothing of the run, which may even be ours now, with nobody to drive it.
            self._supervisor.has_lost.set()
            self._failures += 1
            if self._failures >= _FAILURES_MAX:
                self._failures = 0
                raise
            return True
        self._told.discard(run_id)
        self._failures = 0
        return True

    def _report(self, run_id: str, error: Exception) -> None:
        if run_id not in self._told:
            self._told.add(run_id)
            _log.warning("run %s could not be taken up: %r", run_id, error)

    # Runs that wait to begin.

    async def admit(self) -> None:
        """
        Let pending runs begin, oldest first, as far as there is room in memory.
        """
        self._is_asked.clear()
        tried = set(self._stuck)
        while (room := self._supervisor.room) > 0:
            limit = min(room, _AT_ONCE)
            oldest = await self._store.pending_runs(limit=limit + len(tried))
            new = [run_id for run_id in oldest if run_id not in tried][:limit]
            if not new:
                break
            tried.update(new)
            begun = await _all(map(self.take_up, new))
            self._stuck.update(run_id for run_id, has in zip(new, begun, strict=True) if not has)
        await self._count()

    async def _count(self) -> None:
        """
        Count those that wait; those that are just being stored may be counted twice until the next
        time, which they ask for.
        """
        stored = self._came - self._coming
        count = await self._store.pending_count() - len(self._stuck)
        self.pending = max(count, 0) + self._came - stored

    async def until_room(self) -> None:
        """
        Wait until a run has come that must wait, or one that waits may begin.
        """
        await self._is_asked.wait()

    def comes(self) -> None:
        """
        A run is about to be stored that has to wait.
        """
        self.pending += 1
        self._came += 1
        self._coming += 1

    def has_come(self) -> None:
        """
        It has been stored, or could not be.
        """
        self._coming -= 1
        self._is_asked.set()

    def left(self) -> None:
        """
        A run has left memory.
        """
        if self._is_short:
            self._supervisor.has_lost.set()
        if self.pending:
            self._is_asked.set()


async def _all(work: Iterable[Coroutine[Any, Any, bool]]) -> Sequence[bool]:
    """
    Do all at once; what one raises is raised when the others have ended.
    """
    outcomes = await asyncio.gather(*work, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
