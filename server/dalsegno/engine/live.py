"""
A run in memory: what it is about to write, and who waits for what in it.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec.structs import replace

from dalsegno.model.address import is_at_or_inside
from dalsegno.model.clock import Clock
from dalsegno.model.event import Event, EventType
from dalsegno.model.payload import Payload
from dalsegno.model.record import Record
from dalsegno.model.run import Run, RunStatus
from dalsegno.store.contract import Append, Request, Store

# What a server that dies again and again never gets to tell of: a run of which one of these is told
# has got on.
_GOT_ON = frozenset(
    {
        EventType.STEP_COMPLETED,
        EventType.STEP_FAILED,
        EventType.STEP_RETRYING,
        EventType.STEP_SKIPPED,
        EventType.STEP_SUSPENDED,
        EventType.STEP_WAITING,
    }
)


class PutDown(Exception):
    """
    The run leaves memory until its next timer is due.
    """


class LiveRun:
    """
    One run in memory, and the only writer of its history.

    What is told and put is gathered, and written by the next commit: all that a walk does
    between two waits is one append. Several appends may be under way; they are written in order.

    Attributes:
        driver: The task that drives the run.
        error: Why it could not be written; None while it can.
        began: Done when the first append is durable, or failed.
        bodies: How many bodies run now.
        on_full: Called when an event is told that makes it full, or a further one.
        is_stopping: The server stops; what is recorded stays for recovery.
        run: As it is with everything gathered so far.
        overlay: Records that are not committed yet.
        cancel_reason, cancel_request: Set together with `is_canceling`, when a caller asked for
            the end.

    Args:
        events_max: Events that the run may have.
        on_commit: Called with the run and its new events once they are durable.
        owner: What marks the run as driven by this server.
    """

    def __init__(
        self,
        run: Run,
        store: Store,
        clock: Clock,
        on_commit: Callable[[Run, tuple[Event, ...]], None],
        *,
        wait_in_memory_us: int,
        events_max: int,
        owner: int,
        held_epoch: int,
        creates: bool = False,
        request: Request | None = None,
    ) -> None:
        is_driven = run.status is RunStatus.RUNNING
        self.run = replace(run, owner=owner) if is_driven else run
        self._owner = owner
        self.overlay: dict[str, Record] = {}
        self.is_canceling = False
        self.cancel_reason: str | None = None
        self.cancel_request: Request | None = None
        self.is_stopping = False
        self.bodies = 0
        self.clock = clock
        self._wait_in_memory_us = wait_in_memory_us
        self._events_max = events_max
        self.on_full: Callable[[], None] | None = None
        self._store = store
        self._on_commit = on_commit
        self._written_epoch = held_epoch
        self._written_sequence = run.newest_sequence
        self._creates = creates
        self._request = request
        self._events: list[Event] = []
        self._records: dict[str, Record] = {}
        self._is_changed = False
        self._commit: asyncio.Future[None] | None = None
        self._writes: set[asyncio.Future[None]] = set()
        self._newest_write: asyncio.Future[None] | None = None
        self.error: Exception | None = None
        self.driver: asyncio.Task[None] | None = None
        self._held_for: str | None = None
        self._busy = 1
        self._timers: dict[object, int] = {}
        self._put_down = asyncio.Event()
        self.began: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.began.add_done_callback(_retrieve)

    @property
    def is_unwritten(self) -> bool:
        """
        Whether nothing of the run was handed to the store yet: all there is of it is here.
        """
        return self._creates

    @property
    def is_full(self) -> bool:
        """
        Whether the run has as many events as it may have; what ends it comes on top.
        """
        return self.run.newest_sequence >= self._events_max

    # What is written.

    def tell(self, type_: EventType, address: str = "", **facts: Any) -> Event:
        """
        Add the run's next event. Payloads that are stored nowhere yet are stored by it.
        """
        sequence = self.run.newest_sequence + 1
        event = Event(
            self.run.run_id, sequence, self.clock.now_us(), type_, address=address, **facts
        )
        self._events.append(event)
        if self.run.recoveries and type_ in _GOT_ON:
            self.run = replace(self.run, newest_sequence=sequence, recoveries=0)
        else:
            self.run = replace(self.run, newest_sequence=sequence)
        if self.is_full and self.on_full is not None:
            self.on_full()
        return event

    def put(self, record: Record) -> Record:
        """
        Replace what the run knows of an address.
        """
        self._records[record.address] = record
        self.overlay[record.address] = record
        held_for = self._held_for
        is_awaited = held_for is not None and record.first_sequence > 0
        if is_awaited and (not held_for or is_at_or_inside(record.address, held_for)):
            self.release()
        return record

    def hold_until(self, address: str) -> None:
        """
        Commit nothing before the run knows something of an address ("" for any): a replay is
        stored together with the input its target was given, or not at all.
        """
        self._held_for = address

    def release(self) -> None:
        """
        Let commits begin again.
        """
        was_held = self._held_for is not None
        self._held_for = None
        if was_held and self._commit is not None:
            asyncio.get_running_loop().call_soon(self._begin_write)

    def change(self, **columns: Any) -> None:
        """
        Change the run itself.
        """
        if "status" in columns:
            is_driven = columns["status"] is RunStatus.RUNNING
            columns["owner"] = self._owner if is_driven else None
        self.run = replace(self.run, **columns)
        self._is_changed = True

    def stored(self, payload: Payload, event: Event) -> Payload:
        """
        A payload that this event carries, with the place where it is stored.
        """
        return payload.stored(event.run_id, event.sequence)

    async def commit(self) -> None:
        """
        Return when everything told and put so far is durable. While the server stops it never
        returns: nothing further is to begin.

        Raises:
            DalsegnoError: It could not be written, and nothing later can be.
        """
        if self.error is not None:
            raise self.error
        waiting = self.commit_soon()
        if waiting is not None:
            await asyncio.shield(waiting)
        if self.is_stopping:
            await asyncio.get_running_loop().create_future()

    def commit_soon(self) -> asyncio.Future[None] | None:
        """
        Begin a commit at the end of this turn of the event loop, so that all arms that run in it
        share one append. Returns what to wait for; None if all is durable already.
        """
        if self._commit is not None:
            return self._commit
        if not self._events and not self._records and not self._is_changed:
            return self._newest_write
        loop = asyncio.get_running_loop()
        self._commit = self._newest_write = loop.create_future()
        self._commit.add_done_callback(_retrieve)
        if self._held_for is None:
            loop.call_soon(self._begin_write)
        return self._commit

    def _begin_write(self) -> None:
        done = self._commit
        assert done is not None
        self._commit = None
        append = Append(
            run=self.run,
            epoch=self._written_epoch,
            after=self._written_sequence,
            creates=self._creates,
            events=tuple(self._events),
            records=tuple(self._records.values()),
            request=self._request,
        )
        self._written_epoch = self.run.epoch
        self._written_sequence = self.run.newest_sequence
        self._creates = False
        self._request = None
        self._events = []
        self._records = {}
        self._is_changed = False
        if self.error is not None:  # nothing is written after a write that failed
            self._fail(done, self.error)
            return
        # A future is taken as it is: a task for each write costs more than the rest of this.
        write = asyncio.ensure_future(self._store.append(append))
        self._writes.add(write)
        write.add_done_callback(partial(self._written, append, done))

    def _written(
        self, append: Append, done: asyncio.Future[None], write: asyncio.Future[None]
    ) -> None:
        self._writes.discard(write)
        if write.cancelled():
            done.cancel()
            return
        error = write.exception()
        if error is not None:
            assert isinstance(error, Exception)
            self._fail(done, error)
            return
        for record in append.records:
            if self.overlay.get(record.address) is record:
                del self.overlay[record.address]
        if self._newest_write is done:
            self._newest_write = None
        if self.error is None:
            # Else whoever waits is told why the run cannot go on here; the log has the rest.
            self._on_commit(append.run, tuple(append.events))
        done.set_result(None)
        if not self.began.done():
            self.began.set_result(None)

    def _fail(self, done: asyncio.Future[None], error: Exception) -> None:
        self.lose(error)
        done.set_exception(error)
        if not self.began.done():
            self.began.set_exception(error)

    def lose(self, error: Exception) -> None:
        """
        Nothing is to be written any more: the first reason ends the walk, wherever it is.
        """
        if self.error is None and self.driver is not None:
            self.driver.cancel()
        self.error = self.error or error

    def attach(self, request: Request | None) -> None:
        """
        Keep a request together with the next append.
        """
        self._request = request

    async def settle_writes(self) -> None:
        """
        Wait until no write is under way or about to begin, whatever became of them.
        """
        while True:
            is_beginning = self._commit is not None and self._held_for is None
            under_way = {self._commit} if self._commit and is_beginning else self._writes
            if not under_way:
                return
            await asyncio.wait(under_way)

    # Who waits.

    def idle(self) -> None:
        """
        A strand of the walk begins to wait for other strands or for a timer.
        """
        self._busy -= 1
        if self._busy == 0 and self._timers:
            self._only_timers_left()

    def busy(self, strands: int = 1) -> None:
        """
        Strands of the walk go on.
        """
        self._busy += strands

    def ended(self) -> None:
        """
        A strand of the walk has ended, and another goes on in its place.
        """
        self._busy -= 1

    async def wait_until(self, due_us: int, *, is_new: bool) -> None:
        """
        Wait for a time; the strand is idle meanwhile.

        Args:
            is_new: The timer has just begun. One that the run was put down for, and woken by, is
                due and told of already.

        Raises:
            PutDown: Only timers are left and none is due soon: the run is to leave memory.
        """
        if is_new or due_us > self.clock.now_us():
            key = object()
            self._timers[key] = due_us
            self.idle()
            try:
                await self._until_due(due_us)
            finally:
                del self._timers[key]
                self.busy()
        if self.run.status is RunStatus.WAITING:
            self.change(status=RunStatus.RUNNING, due_us=None)

    async def _until_due(self, due_us: int) -> None:
        timer = asyncio.ensure_future(self.clock.sleep_until(due_us))
        put_down = asyncio.ensure_future(self._put_down.wait())
        try:
            await asyncio.wait({timer, put_down}, return_when=asyncio.FIRST_COMPLETED)
            if not timer.done():
                raise PutDown
        finally:
            timer.cancel()
            put_down.cancel()

    def _only_timers_left(self) -> None:
        due_us = min(self._timers.values())
        if self.run.deadline_us is not None:
            due_us = min(due_us, self.run.deadline_us)
        if self.run.status is not RunStatus.WAITING:
            self.tell(EventType.RUN_WAITING, due_us=due_us)
        self.change(status=RunStatus.WAITING, due_us=due_us)
        self.commit_soon()
        is_long = due_us - self.clock.now_us() > self._wait_in_memory_us
        # A run that is to pause does so when its timers have fired; its other arms stand still
        # until then, and only memory knows where.
        if is_long and not self.run.is_pausing:
            self._put_down.set()


def _retrieve(future: asyncio.Future[None]) -> None:
    """
    Mark a failed commit as seen: not every strand waits for its own.
    """
    if not future.cancelled():
        future.exception()
