"""
The feed: tells watchers that a run has moved, and keeps the newest events for those who keep up.

The log is the stream. A watcher that falls behind the window reads the log, so no reader has a
queue that grows, and nothing is lost when the server dies.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager

from dalsegno.model.errors import (
    RunNotFound,
    SequenceOutOfRange,
    ShuttingDown,
    StoreUnavailable,
)
from dalsegno.model.event import Event
from dalsegno.model.failpoint import Failpoint, hit
from dalsegno.model.run import Run
from dalsegno.store.contract import Store

_WINDOW = 256  # events kept for each watched run
_PAGE = 256  # events read at once from the log

# Bytes of payloads in a window of several events, and in a page without its last. A watcher that
# stands still holds a page or what was a window: this, times the watchers, is what they cost.
_BYTES = 1024 * 1024


_LOST_S = 1.0  # between looks at the log of a run that cannot go on


class _Tail:
    """
    The newest events of one run that somebody watches or waits for.

    Attributes:
        users: Who watches, and who waits for it to rest.
        watchers: Those of them who watch: for them alone events are kept.
        moved, rested: What they wait for; each is another one after it was set.
    """

    def __init__(self) -> None:
        self.watchers = 0
        self.users = 0
        self.run: Run | None = None
        self.is_deleted = False
        self.moved = asyncio.Event()
        self.rested = asyncio.Event()
        self._window: deque[Event] = deque()
        self._size = 0

    def add(self, run: Run, events: Sequence[Event]) -> None:
        self.run = run
        if self.watchers:
            self._keep(events)
            self.moved.set()
            self.moved = asyncio.Event()
        if run.status.is_at_rest:
            self.rested.set()
            self.rested = asyncio.Event()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """
        Keep the newest events meanwhile.
        """
        self.watchers += 1
        try:
            yield
        finally:
            self.watchers -= 1
            if self.watchers == 0:
                self.forget()

    def _keep(self, events: Sequence[Event]) -> None:
        if events and self._window and events[0].sequence != self._window[-1].sequence + 1:
            self.forget()
        for event in events:
            self._window.append(event)
            self._size += event.size
        # The newest stays however large it is: those who keep up share it.
        while len(self._window) > 1 and (len(self._window) > _WINDOW or self._size > _BYTES):
            self._size -= self._window.popleft().size

    def forget(self) -> None:
        """
        Have the watchers read the log: there may be events that nobody told of here.
        """
        self._window.clear()
        self._size = 0

    def wake(self) -> None:
        """
        Wake everybody; the next to wait waits for the next move.
        """
        self.moved.set()
        self.rested.set()
        self.moved = asyncio.Event()
        self.rested = asyncio.Event()

    def after(self, sequence: int) -> list[Event] | None:
        """
        The events after a sequence; None if the window does not reach back so far.
        """
        if not self._window or self._window[0].sequence > sequence + 1:
            return None
        skipped = sequence + 1 - self._window[0].sequence
        return list(self._window)[skipped:]


class Feed:
    """
    Watches and waits for runs.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tails: dict[str, _Tail] = {}
        self._lost: dict[str, Exception] = {}
        self._is_stopping = False

    def publish(self, run: Run, events: Sequence[Event]) -> None:
        """
        A run has moved, durably.
        """
        hit(Failpoint.PUBLISH_BEFORE)
        self._lost.pop(run.run_id, None)
        tail = self._tails.get(run.run_id)
        if tail is not None:
            tail.add(run, events)

    def fail(self, run_id: str, error: Exception) -> None:
        """
        A run cannot go on here; whoever waits for it is told, until it goes on. Watchers are told
        as well unless the store is why: the run goes on when the store does. Until then they look
        at the log every second, for what was kept of a write that failed.
        """
        self._lost[run_id] = error
        tail = self._tails.get(run_id)
        if tail is not None:
            tail.run = None  # a write that failed may have been kept
            tail.forget()
            tail.wake()

    def delete(self, run_id: str) -> None:
        """
        A run is gone; whoever follows it is told.
        """
        hit(Failpoint.PUBLISH_BEFORE)
        self._lost.pop(run_id, None)
        tail = self._tails.get(run_id)
        if tail is not None:
            tail.is_deleted = True
            tail.wake()

    def stop(self) -> None:
        """
        End every watch and wait.
        """
        self._is_stopping = True
        for tail in self._tails.values():
            tail.wake()

    @contextmanager
    def _tail(self, run_id: str) -> Iterator[_Tail]:
        tail = self._tails.get(run_id)
        if tail is None:
            tail = self._tails[run_id] = _Tail()
        tail.users += 1
        try:
            yield tail
        finally:
            tail.users -= 1
            if tail.users == 0:
                del self._tails[run_id]

    async def wait(self, run_id: str) -> None:
        """
        Return when the run is at rest.

        Raises:
            RunNotFound: There is no such run.
            ShuttingDown: The server stops; the run goes on after it.
        """
        with self._tail(run_id) as tail:
            run = await self._run(run_id)
            while not (tail.run or run).status.is_at_rest:
                if run_id in self._lost:
                    raise self._lost[run_id]
                self._check(tail, run_id)
                await tail.rested.wait()

    async def check(self, run_id: str, after_sequence: int) -> None:
        """
        Refuse a watch that cannot be.

        Raises:
            RunNotFound: There is no such run.
            SequenceOutOfRange: The cursor lies beyond the newest event.
        """
        run = await self._run(run_id)
        if after_sequence > run.newest_sequence:
            raise SequenceOutOfRange(run_id, after_sequence, run.newest_sequence)

    async def watch(
        self, run_id: str, after_sequence: int, *, follow: bool, idle_s: float
    ) -> AsyncGenerator[Sequence[Event], None]:
        """
        The run's events after a sequence, in batches; an empty batch when idle, and more often
        than asked for while the run is lost.

        Raises:
            ShuttingDown: The server stops.
        """
        cursor = after_sequence
        with self._tail(run_id) as tail, tail.watched():
            while True:
                moved = tail.moved
                batch = await self._after(tail, run_id, cursor)
                if batch:
                    cursor = batch[-1].sequence
                    yield batch
                    if not batch[-1].type.rests_run:
                        continue
                if await self._is_over(tail, run_id, cursor, follow=follow):
                    return
                if (
                    not batch
                    and moved is tail.moved
                    and not await self._moved(tail, run_id, self._patience_s(run_id, idle_s))
                ):
                    yield ()

    def _patience_s(self, run_id: str, idle_s: float) -> float:
        return min(idle_s, _LOST_S) if run_id in self._lost else idle_s

    async def _after(self, tail: _Tail, run_id: str, cursor: int) -> Sequence[Event]:
        batch = tail.after(cursor)
        if batch is None:
            return await self._store.events(run_id, after=cursor, limit=_PAGE, bytes_max=_BYTES)
        return batch

    async def _is_over(self, tail: _Tail, run_id: str, cursor: int, *, follow: bool) -> bool:
        run = tail.run or await self._run(run_id)
        if run.newest_sequence != cursor:
            return False
        return run.status.is_terminal if follow else run.status.is_at_rest

    async def _moved(self, tail: _Tail, run_id: str, idle_s: float | None) -> bool:
        """
        Wait for the run to move; False if it has not within the time.

        Raises:
            ShuttingDown: The server stops.
            RunNotFound: The run was deleted.
            Exception: What keeps the run from going on here, unless that is the store.
        """
        self._check(tail, run_id)
        lost = self._lost.get(run_id)
        if lost is not None and not isinstance(lost, StoreUnavailable):
            raise lost
        moved = tail.moved
        try:
            # Not wait_for: before Python 3.12 it may lose a cancellation.
            async with asyncio.timeout(idle_s):
                await moved.wait()
        except TimeoutError:
            return False
        return True

    def _check(self, tail: _Tail, run_id: str) -> None:
        if self._is_stopping:
            raise ShuttingDown
        if tail.is_deleted:
            raise RunNotFound(run_id)

    async def _run(self, run_id: str) -> Run:
        run = await self._store.run(run_id)
        if run is None:
            raise RunNotFound(run_id)
        return run
