"""
What a store must do. These docstrings are its specification.

All of a store's reads show committed data only. A payload that a record, run or event refers to
is read together with it, so what comes back is complete; `Payload.at` tells where it is stored.
A store must keep each payload once: one with `at` set is kept as that reference, one without is
kept where it is written. What is kept in an event comes back with that event as its `at`.

A reference must name the event that holds the text, never one that refers to another. What of the
event it names depends on where it is used:

- a state: the event's `state`; with sequence 0 the state the run began with. An event keeps the
  state that it sets, whatever its `at` says;
- resume data: the `resume_data` of a step_started, the `payload` of any other event;
- anything else: the event's `payload`.
"""

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from dalsegno.model.event import Event
from dalsegno.model.lineage import Lineage
from dalsegno.model.payload import Payload, Ref
from dalsegno.model.record import Record, StepStatus
from dalsegno.model.run import Run, RunStatus


@dataclass(frozen=True, slots=True)
class Definition:
    """
    A definition as it was when a run used it; kept once per hash.

    Attributes:
        json: The graph and the schemas, as `WorkflowService` serves them.
    """

    hash: str
    workflow_id: str
    json: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """
    A mutating request that was accepted, so that its repetition is answered the same.

    Attributes:
        fingerprint: Hash of the whole request; another one under the same id is refused.
        after_sequence: The run's newest sequence just before the request took effect.
    """

    request_id: str
    fingerprint: bytes
    run_id: str
    after_sequence: int
    created_us: int


@dataclass(frozen=True, slots=True)
class Ancestor:
    """
    What the replays of a run go by.

    Attributes:
        is_final: Whether the run has ended: nothing of it will change.
    """

    run_id: str
    definition_hash: str
    created_us: int
    is_final: bool
    lineage: Lineage | None


@dataclass(frozen=True, slots=True)
class Append:
    """
    What one step forward of a run writes: all of it, or none.

    Attributes:
        run: The run as it is after the append (its `newest_sequence` included). Identity, input,
            lineage and creation time of an existing run never change.
        epoch: The epoch that the writer read or holds.
        after: The run's newest sequence the writer has read; 0 when it creates the run.
        creates: Whether the run is new.
        events: Numbered from ``after + 1``, without gaps.
        records: Whole records, each replacing what the run had at its address.
    """

    run: Run
    epoch: int
    after: int
    creates: bool = False
    events: Sequence[Event] = ()
    records: Sequence[Record] = ()
    request: Request | None = None


@dataclass(frozen=True, slots=True)
class RunFilter:
    """
    Which runs a list shows; what is None or empty does not restrict.

    Attributes:
        created_from_us, created_before_us: The first is included, the second is not.
        source_run_id: Direct replays of this run.
        root_run_id: The tree below this root, itself included.
    """

    workflow_id: str | None = None
    statuses: tuple[RunStatus, ...] = ()
    created_from_us: int | None = None
    created_before_us: int | None = None
    source_run_id: str | None = None
    root_run_id: str | None = None


@dataclass(frozen=True, slots=True)
class RunCursor:
    """
    The last run of a page: the next page begins after it.
    """

    created_us: int
    run_id: str


class LeaseEnd(StrEnum):
    """
    How a lease ended: its server gave it back, or is taken for dead.
    """

    RELEASED = "released"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Lease:
    """
    A server's right to drive the runs it owns, until it runs out or is ended.

    Attributes:
        owner: The server's number, which no other ever gets.
        ended: None while it is held; once it is ended its runs are anybody's.
    """

    owner: int
    expires_us: int
    ended: LeaseEnd | None = None


class Store(Protocol):
    """
    Keeps definitions, runs, records, events, accepted requests and leases.

    Any method may raise `StoreUnavailable`; after a failed write it is then unknown whether the
    write was kept.
    """

    async def put_definition(self, definition: Definition) -> None:
        """
        Keep a definition; one whose hash is known already must be left as it is.
        """
        ...

    async def definition(self, definition_hash: str) -> Definition | None:
        """
        The definition with this hash; None if it was never kept.
        """
        ...

    def append(self, append: Append) -> Awaitable[None]:
        """
        Commit one append: run, events, records and request together.

        Appends handed over must be committed in the order of the calls, as many in one
        transaction as have gathered; several may be of one run. When what this returns is done,
        the append is on disk and survives power loss. A refused append must write nothing, and
        must not disturb others of its batch. An append whose caller is canceled may be committed
        all the same.

        Raises, when awaited:
            RequestIdReused: Its request id is kept already (whatever the fingerprint; the caller
                reads the request and decides). Comes before the other refusals.
            RunNotFound: The run does not exist, or one that its lineage or a payload refers to.
            RunExists: It creates a run whose id is taken.
            Conflict: The run's epoch is not `epoch` or its newest sequence is not `after`. The
                run's own new epoch may be higher than `epoch`: so a run is taken over.
        """
        ...

    async def delete(self, run_id: str, *, epoch: int, after: int) -> None:
        """
        Remove a run with its records, events and requests: all of them, or nothing.

        Raises:
            RunNotFound: There is no such run.
            RunHasReplays: Replays were made from it; they share its history.
            Conflict: The run's epoch is not *epoch* or its newest sequence is not *after*.
        """
        ...

    async def run(self, run_id: str) -> Run | None:
        """
        One run; None if there is none.

        Raises:
            CorruptHistory: It cannot be read. So does any other method that returns runs.
        """
        ...

    async def request(self, request_id: str) -> Request | None:
        """
        The accepted request of this id; None if there is none.
        """
        ...

    async def list_runs(
        self, where: RunFilter, *, after: RunCursor | None, limit: int
    ) -> Sequence[Run]:
        """
        Runs that match, at most *limit*, beginning after the cursor: newest first, and of those
        created in the same microsecond the highest id first.
        """
        ...

    async def tree(self, root_run_id: str, *, after: RunCursor | None, limit: int) -> Sequence[Run]:
        """
        The root and every run below it, in the order they were appended: a source comes before
        its replays, whatever their clocks said.

        Must not read more than it returns.

        Runs that cannot be read are left out, as in `list_runs`.
        """
        ...

    async def lineage_chain(self, run_id: str, *, limit: int) -> Sequence[Ancestor]:
        """
        The run, its source, the source's source and so on up to the root, at most *limit*; empty
        if unknown.

        Must be one query whatever the depth, and read no payloads.

        Raises:
            CorruptHistory: One of them cannot be read.
        """
        ...

    async def replays(self, run_id: str, *, limit: int) -> Sequence[str]:
        """
        Ids of the direct replays of a run, oldest first.
        """
        ...

    async def record(self, run_id: str, address: str) -> Record | None:
        """
        The run's own record at an address; None if it has none.

        Raises:
            CorruptHistory: It cannot be read: unknown status or kind, bad JSON.
        """
        ...

    async def records(self, run_id: str, addresses: Sequence[str]) -> Mapping[str, Record]:
        """
        The run's own records at these addresses, as far as there are any.

        Raises:
            CorruptHistory: One of them cannot be read.
        """
        ...

    async def iterations(
        self, run_id: str, container: str, *, first: int, limit: int
    ) -> Sequence[Record]:
        """
        The run's own records of iterations or items ``container[i]`` with ``i >= first``, by
        rising i, at most *limit*. Records deeper inside are not among them.

        Must not read more than it returns, however many records the run has.

        Raises:
            CorruptHistory: One of them cannot be read.
        """
        ...

    async def last_iteration(self, run_id: str, container: str) -> int | None:
        """
        The highest i for which the run itself has a record ``container[i]``; None if none.

        Must cost the same however many iterations there are.
        """
        ...

    async def active_records(self, run_id: str, statuses: Sequence[StepStatus]) -> Sequence[Record]:
        """
        The run's own records in one of these statuses (running, waiting, suspended), in the
        order of `first_sequence`.

        Must cost what it returns, not the length of the run.

        Raises:
            CorruptHistory: One of them cannot be read.
        """
        ...

    async def steps(
        self,
        run_id: str,
        *,
        after_sequence: int,
        after_address: str,
        limit: int,
        bytes_max: int | None = None,
    ) -> Sequence[Record]:
        """
        The run's own records ordered by (`first_sequence`, address), beginning after the pair
        given, at most *limit*.

        Args:
            bytes_max: As in `events`.

        Raises:
            CorruptHistory: One of them cannot be read.
        """
        ...

    async def events(
        self, run_id: str, *, after: int, limit: int, bytes_max: int | None = None
    ) -> Sequence[Event]:
        """
        Events with a sequence above *after*, rising, without gaps, at most *limit*.

        Args:
            bytes_max: The last is the one with which their payloads take so many bytes or more;
                those behind it must not be brought into memory.

        Raises:
            CorruptHistory: One of them cannot be read or is missing.
        """
        ...

    async def state_before(self, run_id: str, sequence: int) -> Payload | None:
        """
        The newest state set by an event of the run below *sequence*; None if none did, so that
        the state was still the run's `initial_state`.

        Must cost the same however long the run is.

        Raises:
            CorruptHistory: It cannot be read.
        """
        ...

    async def payload(self, ref: Ref) -> Payload:
        """
        The `payload` of the event that a reference names; with sequence 0 the state the run began
        with.

        Raises:
            CorruptHistory: There is none, or it cannot be read.
        """
        ...

    def backup(self, *, chunk_bytes: int) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """
        A copy of the database, in chunks of at most so many bytes, from which a store of the same
        kind can be opened.

        Must hold everything that was committed before it was entered, as it was at one moment, and
        must have been checked when it is entered. Appends must go on meanwhile. Nothing is left of
        it when it is exited; what a crash leaves must be removed when the store is next opened.

        Raises (on entering):
            BackupActive: Another one has not been exited.
            BackupNoSpace: It does not fit where it is made.
            CorruptStore: The database is damaged.
        """
        ...

    async def next_due(self) -> int | None:
        """
        The earliest `due_us` among waiting runs; None if none waits.
        """
        ...

    async def due_runs(self, now_us: int, *, limit: int) -> Sequence[str]:
        """
        Ids of waiting runs that are due, earliest first.
        """
        ...

    async def running_runs(self, owner: int, *, after: str, limit: int) -> Sequence[str]:
        """
        Ids of running runs of one owner, rising from after *after* ("" for the first page).

        Must cost what it returns, not how many runs others own.
        """
        ...

    async def pending_runs(self, *, limit: int) -> Sequence[str]:
        """
        Ids of pending runs, in the order they were created, and of those created in the same
        microsecond the lowest id first.

        Must cost what it returns.
        """
        ...

    async def pending_count(self) -> int:
        """
        How many runs are pending.
        """
        ...

    async def take_lease(self, *, expires_us: int) -> int:
        """
        Begin a lease; returns the number of its owner.
        """
        ...

    async def renew_lease(self, owner: int, *, expires_us: int) -> bool:
        """
        Let a lease run longer; False, and nothing is written, if it was ended: then others may
        own its runs already.
        """
        ...

    async def end_lease(self, owner: int, ended: LeaseEnd) -> None:
        """
        End a lease, if it is held.
        """
        ...

    async def expire_leases(self, now_us: int, *, spare: int) -> None:
        """
        End every lease that has run out, but that of *spare*. Those that ended and own no running
        run may be forgotten.
        """
        ...

    async def owners(self) -> Sequence[Lease]:
        """
        The lease of every owner of a running run, by owner. A forgotten one counts as expired.

        Must cost what it returns, not how many runs there are.
        """
        ...
