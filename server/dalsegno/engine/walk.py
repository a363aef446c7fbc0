"""
The walk: the one way to execute a run, whether it starts, resumes, restarts or is travelled to.

It enters at the first node, or descends straight to the addresses of an `Entry` through the
containers around them, and goes on from there. What lies before is not visited. Each decision
is made from the history, none from memory, so going on after a crash is the same as going on.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from dalsegno.engine.body import Bodies
from dalsegno.engine.history import History
from dalsegno.engine.inputs import Inputs
from dalsegno.engine.live import LiveRun
from dalsegno.engine.outcome import Bailed, Canceled, Done, Failed, Outcome, Suspended
from dalsegno.engine.settings import EngineSettings
from dalsegno.engine.telling import Telling, cancel_inside
from dalsegno.model import address as addresses
from dalsegno.model import jsontext
from dalsegno.model.payload import NULL, Payload
from dalsegno.model.record import Error, NodeKind, Record, StepStatus
from dalsegno.model.shape import GraphShape, Place
from dalsegno.workflow.builder import Workflow
from dalsegno.workflow.types import Type, TypeMismatch


@dataclass(frozen=True, slots=True)
class Entry:
    """
    Where a walk enters.

    Attributes:
        addresses: The frontier: what is active, or the target of a travel, or where a paused
            run goes on.
        is_fresh: The addresses have not begun (target, pause), unlike those of a frontier.
        given: Input of the target, if it is known already.
    """

    addresses: tuple[str, ...]
    is_fresh: bool = False
    given: Payload | None = None

    def under(self, address: str) -> "Entry | None":
        """
        The part of it that lies at or inside an address; None if nothing does.
        """
        inside = tuple(at for at in self.addresses if addresses.is_at_or_inside(at, address))
        return replace(self, addresses=inside) if inside else None

    def begins_at(self, address: str) -> bool:
        """
        Whether what is at this very address is to begin.
        """
        return self.is_fresh and address in self.addresses


@dataclass(slots=True)
class Walk(Telling):
    """
    What all parts of one walk share.

    Attributes:
        source: What the source of a replay sees, the target included.
        taken: For each branch or when that a travel enters, by base and position: which of its
            arms are taken, or the error its condition raised.
        has_stepped: With `per_step`: the one node has been walked, see `Run.step_scope`.
        paused_at: Where the run goes on after a pause.
        asks_first: Loops that are entered behind their last iteration: their condition is asked
            before the next one begins.
        taps: Taps that were walked; nothing inside them may suspend.
        blocks: Blocks whose arms are under way, outermost first; resumptions find theirs here.
        moved: Set when a block begins to hold a suspended arm.
    """

    live: LiveRun
    root: Workflow
    shape: GraphShape
    history: History
    source: History | None
    inputs: Inputs
    loop: asyncio.AbstractEventLoop
    bodies: Bodies
    settings: EngineSettings
    random: Callable[[], float]
    taken: dict[tuple[str, int], frozenset[str] | Error] = field(default_factory=dict)
    has_stepped: bool = False
    paused_at: list[str] = field(default_factory=list)
    asks_first: set[str] = field(default_factory=set)
    taps: set[str] = field(default_factory=set)
    blocks: list[Any] = field(default_factory=list)
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def cancel_inside(self, address: str) -> None:
        """
        What is under way at or inside an address becomes canceled, innermost first.
        """
        await cancel_inside(self, self.history.store, address)

    def place(self, address: str) -> Place:
        """
        The place of an address of this workflow.
        """
        return self.shape.locate(addresses.parse(address))

    async def entered(self, address: str, entry: Entry | None) -> Record | None:
        """
        The run's own record of what is entered here, if that is under way.
        """
        if entry is None:
            return None
        own = await self.history.own(address)
        return own if own is not None and own.status.is_active else None

    async def settled(self, address: str, entry: Entry | None) -> Outcome | None:
        """
        How an arm or item has ended before this walk; None if it is to be walked.
        """
        if entry is not None and entry.begins_at(address):
            return None
        record = await self.history.record(address)
        return self.ended(record, entry)

    def ended(self, record: Record | None, entry: Entry | None) -> Outcome | None:
        """
        How a record has ended; None for one that is to be walked.
        """
        if record is None or record.status is StepStatus.NOT_RUN:
            return None
        match record.status:
            case StepStatus.SUCCESS:
                value = record.output if record.output is not None else NULL
                return Bailed(value) if record.is_bailed else Done(value)
            case StepStatus.FAILED:
                return Failed(record.error or Error("Unknown", "no error was recorded"))
            case StepStatus.CANCELED:
                return Canceled(None)
            case StepStatus.SUSPENDED if entry is None:
                return Suspended()
            case _:
                return None

    def passed_on(self, record: Record, kind: NodeKind) -> Payload:
        """
        What flows on behind a node that has been walked.
        """
        is_through = kind is NodeKind.TAP or record.status is StepStatus.SKIPPED
        return (record.input if is_through else record.output) or NULL

    def stepped(self, scope: str) -> None:
        """
        A node, iteration or item of this sequence or container has been walked.
        """
        if self.live.run.step_scope == scope:
            self.has_stepped = True

    @property
    def is_pausing(self) -> bool:
        """
        Whether nothing further is to begin.
        """
        return self.live.run.is_pausing or self.has_stepped

    def computed(self, value: Payload) -> Done | Failed:
        """
        A value that a block or container has put together, unless it is too deep or too large.
        """
        limit = self.settings.payload_bytes_max
        if len(value.json) > limit:
            problem = f"the output takes {len(value.json)} bytes; the limit is {limit}"
            return Failed(Error("PayloadTooLarge", problem, is_retryable=False))
        if jsontext.nesting(value.json) > jsontext.NESTING_MAX:
            problem = f"the output nests deeper than {jsontext.NESTING_MAX} levels"
            return Failed(Error("TooDeep", problem, is_retryable=False))
        return Done(value)


def mismatch(type_: Type, value: Payload) -> Error | None:
    """
    Why a value does not fit a type; None if it does.
    """
    if type_.is_any:
        return None
    try:
        type_.check(value.json)
    except TypeMismatch as error:
        return Error("TypeMismatch", str(error), is_retryable=False)
    return None
