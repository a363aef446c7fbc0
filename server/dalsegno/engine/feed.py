"""
The feed: tells watchers that a run has moved, and keeps the newest events for those who keep up.

The log is the stream. A watcher that falls behind the window reads the log, so no reader has a
queue that grows, and nothing is lost when the server dies.
"""

from collections.abc import AsyncGenerator, Sequence

from dalsegno.engine.silence import Silence
from dalsegno.engine.tail import WINDOW_BYTES, Tail, Use
from dalsegno.model.errors import (
    RunNotFound,
    SequenceOutOfRange,
    ShuttingDown,
    StoreUnavailable,
)
from dalsegno.model.event import Event
from dalsegno.model.failpoint import Failpoint, hit
from dalsegno.model.run import Run, RunStatus
from dalsegno.store.contract import Store

_PAGE = 256  # events read at once from the log
_FIRST_PAGE = 32  # the first is to be there soon

# Bytes of payloads in a page without its last event: what a watcher that stands still holds.
_PAGE_BYTES = WINDOW_BYTES

_LOST_S = 1.0  # between looks at the log of a run that cannot go on


class Feed:
    """
    Watches and waits for runs.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tails: dict[str, Tail] = {}
        self._running: dict[str, Run] = {}  # here, as they were told of last
        self._lost: dict[str, Exception] = {}
        self._silence = Silence()
        self._is_stopping = False

    def publish(self, run: Run, events: Sequence[Event]) -> None:
        """
        A run has moved, durably.
        """
        hit(Failpoint.PUBLISH_BEFORE)
        run_id = run.run_id
        self._lost.pop(run_id, None)
        if run.status is RunStatus.RUNNING:
            self._running[run_id] = run
        else:
            self._running.pop(run_id, None)
        tail = self._tails.get(run_id)
        if tail is not None:
            tail.add(run, events)

    def fail(self, run_id: str, error: Exception) -> None:
        """
        A run cannot go on here; whoever waits for it is told, until it goes on. Watchers are told
        as well unless the store is why: the run goes on when the store does. Until then they look
        at the log every second, for what was kept of a write that failed.
        """
        self._lost[run_id] = error
        self._running.pop(run_id, None)
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
        self._running.pop(run_id, None)
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

    async def wait(self, run_id: str) -> Run:
        """
        The run once it is at rest.

        Raises:
            RunNotFound: There is no such run.
            ShuttingDown: The server stops; the run goes on after it.
        """
        with Use(self._tails, run_id, watches=False) as tail:
            run = self._running.get(run_id) or await self._run(run_id)
            while not (run := tail.run or run).status.is_at_rest:
                if run_id in self._lost:
                    raise self._lost[run_id]
                self._check(tail, run_id)
                await tail.rested()
            return run

    async def check(self, run_id: str, after_sequence: int) -> None:
        """
        Refuse a cursor that cannot be.

        Raises:
            RunNotFound: There is no such run.
            SequenceOutOfRange: The cursor lies beyond the newest event.
        """
        run = await self._run(run_id)
        if after_sequence > run.newest_sequence:
            raise SequenceOutOfRange(run_id, after_sequence, run.newest_sequence)

    async def first(self, run_id: str, after_sequence: int) -> Sequence[Event]:
        """
        What a watch begins with, if that is in the log already; few events, to be there soon.

        Raises:
            RunNotFound, SequenceOutOfRange: There can be no such watch.
        """
        run = self._running.get(run_id)
        if run is not None and after_sequence <= run.newest_sequence:
            return ()  # it may be in the window
        batch = await self._store.events(
            run_id, after=after_sequence, limit=_FIRST_PAGE, bytes_max=_PAGE_BYTES
        )
        if not batch:
            await self.check(run_id, after_sequence)
        return batch

    async def watch(
        self,
        run_id: str,
        after_sequence: int,
        *,
        follow: bool,
        idle_s: float,
        first: Sequence[Event] = (),
    ) -> AsyncGenerator[Sequence[Event], None]:
        """
        The run's events after a sequence, in batches; an empty batch when idle, and more often
        than asked for while the run is lost.

        Args:
            first: The first batch, as far as it is known.

        Raises:
            ShuttingDown: The server stops.
        """
        cursor, looked = after_sequence, -1
        batch, first = first, ()  # a watcher that waits holds no events
        with Use(self._tails, run_id, watches=True) as tail:
            while True:
                moves = tail.moves
                batch = batch or await self._after(tail, run_id, cursor)
                if batch:
                    cursor, looked = batch[-1].sequence, -1
                    rests = batch[-1].type.rests_run
                    yield batch
                    batch = ()
                    if rests and await self._is_over(tail, run_id, cursor, follow=follow):
                        return
                    continue
                if looked != moves:
                    looked = moves
                    if await self._is_over(tail, run_id, cursor, follow=follow):
                        return
                if moves == tail.moves and not await self._moved(tail, run_id, idle_s):
                    yield ()

    async def _after(self, tail: Tail, run_id: str, cursor: int) -> Sequence[Event]:
        batch = tail.after(cursor)
        if batch is None:
            return await self._store.events(
                run_id, after=cursor, limit=_PAGE, bytes_max=_PAGE_BYTES
            )
        return batch

    async def _is_over(self, tail: Tail, run_id: str, cursor: int, *, follow: bool) -> bool:
        run = tail.run or self._running.get(run_id) or await self._run(run_id)
        if run.newest_sequence != cursor:
            return False
        return run.status.is_terminal if follow else run.status.is_at_rest

    async def _moved(self, tail: Tail, run_id: str, idle_s: float) -> bool:
        """
        Wait for the run to move; False if it has not within the time, or sooner while it is lost.

        Raises:
            ShuttingDown: The server stops.
            RunNotFound: The run was deleted.
            Exception: What keeps the run from going on here, unless that is the store.
        """
        self._check(tail, run_id)
        lost = self._lost.get(run_id)
        if lost is not None and not isinstance(lost, StoreUnavailable):
            raise lost
        patience_s = idle_s if lost is None else min(idle_s, _LOST_S)
        return await tail.moved(self._silence.line(patience_s))

    def _check(self, tail: Tail, run_id: str) -> None:
        if self._is_stopping:
            raise ShuttingDown
        if tail.is_deleted:
            raise RunNotFound(run_id)

    async def _run(self, run_id: str) -> Run:
        run = await self._store.run(run_id)
        if run is None:
            raise RunNotFound(run_id)
        return run
