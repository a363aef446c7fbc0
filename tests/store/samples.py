"""
Nouns for the store's tests, and a pen that writes runs of them.
"""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from dalsegno.model.event import Event, EventType
from dalsegno.model.lineage import Lineage
from dalsegno.model.payload import EMPTY_OBJECT, Payload, Ref
from dalsegno.model.record import Attempt, Error, NodeKind, Record, StepStatus
from dalsegno.model.run import Run, RunStatus, Tracing
from dalsegno.store.contract import Append, Request, Store

NOON_US = 1_767_268_800_000_000

ERROR = Error("ValueError", "no such account", is_retryable=False, cause=Error("KeyError", "'a'"))


def text(value: str, at: Ref | None = None) -> Payload:
    return Payload(f'"{value}"'.encode(), at)


def new_run(run_id: str = "run", **columns: Any) -> Run:
    """
    A run as it is before its first append.
    """
    run = Run(
        run_id=run_id,
        workflow_id="orders",
        definition_hash="d1",
        status=RunStatus.RUNNING,
        created_us=NOON_US,
        input=Payload(b'{"order":7}'),
        request_context=EMPTY_OBJECT,
        initial_state=EMPTY_OBJECT,
        state=EMPTY_OBJECT,
    )
    return replace(run, **columns)


def replay_of(source: Run, run_id: str, **columns: Any) -> Run:
    """
    A replay as it is before its first append, taking input and state from its source.
    """
    depth = source.lineage.depth + 1 if source.lineage else 1
    root = source.lineage.root_run_id if source.lineage else source.run_id
    lineage = Lineage(source.run_id, "charge", root, depth, (), "charge")
    return new_run(run_id, lineage=lineage, **columns)


def record(address: str, **facts: Any) -> Record:
    plain = Record("run", address, NodeKind.STEP, StepStatus.SUCCESS, 1, NOON_US)
    return replace(plain, **facts)


def told(type_: EventType = EventType.STEP_OUTPUT, address: str = "charge", **facts: Any) -> Event:
    """
    An event that the pen will number.
    """
    return Event("", 0, NOON_US, type_, address, **facts)


class Pen:
    """
    Writes one run to a store, remembering what an engine would.

    Attributes:
        run: As it is after the newest append that was made, written or not.
    """

    def __init__(self, store: Store, run: Run | None = None, *, is_new: bool = True) -> None:
        self.store = store
        self.run = run if run is not None else new_run()
        self._is_new = is_new

    def rival(self) -> "Pen":
        """
        Another one that believes to be at the same place.
        """
        return Pen(self.store, self.run, is_new=self._is_new)

    def append(
        self,
        *events: Event,
        records: Iterable[Record] = (),
        request: Request | None = None,
        held_epoch: int | None = None,
        **columns: Any,
    ) -> Append:
        """
        The run's next append.
        """
        after = self.run.newest_sequence
        held = self.run.epoch if held_epoch is None else held_epoch
        numbered = [
            replace(event, run_id=self.run.run_id, sequence=sequence)
            for sequence, event in enumerate(events, after + 1)
        ]
        self.run = replace(self.run, newest_sequence=after + len(events), **columns)
        own = [replace(each, run_id=self.run.run_id) for each in records]
        creates, self._is_new = self._is_new, False
        return Append(self.run, held, after, creates, numbered, own, request)

    async def write(self, *events: Event, **rest: Any) -> Append:
        """
        Make the next append, and commit it.
        """
        append = self.append(*events, **rest)
        await self.store.append(append)
        return append


def request(request_id: str = "request", run_id: str = "run") -> Request:
    return Request(request_id, b"\x00fingerprint\xff", run_id, 3, NOON_US)


# Every field differs from its default: one that a store forgets shows.

FULL_LINEAGE = Lineage(
    "source", "inner.charge", "root", 2, ("context", "input_data"), "inner", 7, is_partial=True
)

FULL_EVENT = Event(
    run_id="run",
    sequence=1,
    time_us=NOON_US + 1,
    type=EventType.STEP_STARTED,
    address="inner.charge[3]",
    payload=text("payload"),
    resume_data=text("resume data"),
    state=text("state"),
    attempt=2,
    error=ERROR,
    due_us=NOON_US + 2,
    label="approval",
    addresses=("a", "b[1]"),
    done=0,
    total=12,
    reason="no longer wanted",
    lineage=FULL_LINEAGE,
    workflow_id="orders",
    definition_hash="d1",
)

FULL_RECORD = Record(
    run_id="run",
    address="inner.charge[3]",
    kind=NodeKind.SLEEP_UNTIL,
    status=StepStatus.CANCELED,
    first_sequence=3,
    started_us=NOON_US + 1,
    input=text("input"),
    output=text("output"),
    error=ERROR,
    attempts=(Attempt(1, NOON_US, NOON_US + 1, ERROR), Attempt(2, NOON_US + 2)),
    ended_us=NOON_US + 3,
    suspend_payload=text("suspend payload"),
    suspend_label="",
    suspended_us=0,
    resume_data=text("resume data"),
    resumed_us=NOON_US + 5,
    is_given=True,
    is_bailed=True,
    due_us=NOON_US + 6,
    last_sequence=9,
)

FULL_RUN = Run(
    run_id="run",
    workflow_id="orders",
    definition_hash="d1",
    status=RunStatus.WAITING,
    created_us=NOON_US,
    input=text("input"),
    request_context=Payload(b'{"tenant": "t"}'),
    initial_state=Payload(b'{"n": 0}', Ref("run", 0)),
    state=Payload(b'{"n": 1}'),
    epoch=3,
    newest_sequence=1,
    owner=7,
    recoveries=2,
    started_us=NOON_US + 1,
    ended_us=NOON_US + 2,
    result=text("result"),
    error=ERROR,
    lineage=FULL_LINEAGE,
    definition_changed=True,
    paused_at=("a", "b"),
    kept_resume_data=(("", text("kept")), ("a", text("there", Ref("source", 1)))),
    due_us=NOON_US + 3,
    deadline_us=NOON_US + 4,
    is_pausing=True,
    step_scope="inner",
    is_stepping_in=True,
    pause_reason="to look",
    tracing=Tracing("ab" * 16, "cd" * 8, ("a", "b"), (("team", "x"),), ("tenant",)),
)
