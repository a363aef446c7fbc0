"""
Telling what happens to an address: each of these is one event and the record it tells of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from dalsegno.engine.live import LiveRun
from dalsegno.engine.outcome import Failed
from dalsegno.model import address as addresses
from dalsegno.model.event import Event, EventType
from dalsegno.model.payload import Payload
from dalsegno.model.record import Error, NodeKind, Record, StepStatus
from dalsegno.store.contract import Store


class Telling:
    """
    What a walk tells of its run.
    """

    live: LiveRun

    def start(self, address: str, kind: NodeKind, value: Payload) -> Record:
        """
        A container begins.
        """
        event = self.live.tell(EventType.STEP_STARTED, address, payload=value)
        return self._begin(event, kind, StepStatus.RUNNING, input=self.live.stored(value, event))

    def sleep(self, address: str, kind: NodeKind, value: Payload, due_us: int) -> Record:
        """
        A timer begins.
        """
        event = self.live.tell(EventType.STEP_WAITING, address, payload=value, due_us=due_us)
        stored = self.live.stored(value, event)
        return self._begin(event, kind, StepStatus.WAITING, input=stored, due_us=due_us)

    def skip(self, address: str, kind: NodeKind, value: Payload) -> None:
        """
        A node is not taken.
        """
        event = self.live.tell(EventType.STEP_SKIPPED, address, payload=value)
        stored = self.live.stored(value, event)
        self._begin(event, kind, StepStatus.SKIPPED, input=stored, ended_us=event.time_us)

    def refuse_input(self, address: str, kind: NodeKind, value: Payload, error: Error) -> Failed:
        """
        What was to begin gets an input that does not fit: it fails without having started.
        """
        event = self.live.tell(EventType.STEP_FAILED, address, error=error)
        ended_us = event.time_us
        self._begin(event, kind, StepStatus.FAILED, input=value, error=error, ended_us=ended_us)
        return Failed(error)

    def reopen(self, record: Record) -> Record:
        """
        A container that was suspended goes on; it is not started a second time.
        """
        if record.status is StepStatus.RUNNING:
            return record
        return self.live.put(replace(record, status=StepStatus.RUNNING))

    def complete(self, record: Record, value: Payload, *, state: Payload | None = None) -> Payload:
        """
        A record succeeds; returns its output with the place where it is stored.

        Args:
            state: What its step has set the state to.
        """
        if value.at is None and record.input is not None and value.json == record.input.json:
            value = record.input
        event = self.live.tell(EventType.STEP_COMPLETED, record.address, payload=value, state=state)
        if state is not None:
            self.live.change(state=state.stored(event.run_id, event.sequence))
        output = self.live.stored(value, event)
        self._end(record, event, StepStatus.SUCCESS, output=output, error=None)
        return output

    def fail(self, record: Record, error: Error, attempt: int | None = None) -> Failed:
        """
        A record fails.
        """
        event = self.live.tell(EventType.STEP_FAILED, record.address, error=error, attempt=attempt)
        self._end(record, event, StepStatus.FAILED, error=error)
        return Failed(error)

    def cancel(self, record: Record) -> None:
        """
        What is under way ends as canceled.
        """
        event = self.live.tell(EventType.STEP_CANCELED, record.address)
        self._end(record, event, StepStatus.CANCELED)

    def suspend_container(self, record: Record) -> None:
        """
        All that goes on inside a container waits for resume data.
        """
        event = self.live.tell(EventType.STEP_SUSPENDED, record.address)
        self.live.put(
            replace(
                record,
                status=StepStatus.SUSPENDED,
                suspended_us=event.time_us,
                last_sequence=event.sequence,
            )
        )

    def _begin(self, event: Event, kind: NodeKind, status: StepStatus, **facts: Any) -> Record:
        return self.live.put(
            Record(
                run_id=event.run_id,
                address=event.address,
                kind=kind,
                status=status,
                first_sequence=event.sequence,
                last_sequence=event.sequence,
                started_us=event.time_us,
                **facts,
            )
        )

    def _end(self, record: Record, event: Event, status: StepStatus, **facts: Any) -> None:
        attempts = record.attempts
        if attempts and attempts[-1].ended_us is not None:
            # It ends with its record, to the microsecond: then a row needs no text for it.
            attempts = (*attempts[:-1], replace(attempts[-1], ended_us=event.time_us))
        self.live.put(
            replace(
                record,
                status=status,
                attempts=attempts,
                ended_us=event.time_us,
                last_sequence=event.sequence,
                due_us=None,
                **facts,
            )
        )


@dataclass(slots=True)
class Teller(Telling):
    """
    Tells of a run that nobody walks.
    """

    live: LiveRun


async def cancel_inside(telling: Telling, store: Store, address: str) -> None:
    """
    What is under way at or inside an address ("" for all of the run) becomes canceled, innermost
    first.
    """
    statuses = (StepStatus.RUNNING, StepStatus.WAITING, StepStatus.SUSPENDED)
    inside = [
        record
        for record in await newest_records(telling.live, store, statuses)
        if record.status.is_active
        and (not address or addresses.is_at_or_inside(record.address, address))
    ]
    inside.sort(key=lambda record: (-_depth(record.address), record.first_sequence))
    for record in inside:
        telling.cancel(record)


async def newest_records(
    live: LiveRun, store: Store, statuses: Sequence[StepStatus]
) -> list[Record]:
    """
    The stored records in one of these statuses, each as it is now, and whatever is not stored
    yet. Some may have left these statuses since.

    A record may be written while the store is asked: it is then too new for the answer, and not
    in the overlay any more when that comes. So the overlay is looked at before and after.
    """
    before = list(live.overlay.values())
    stored = await store.active_records(live.run.run_id, statuses)
    newest: dict[str, Record] = {}
    for record in (*stored, *before, *live.overlay.values()):
        known = newest.get(record.address)
        if known is None or record.last_sequence >= known.last_sequence:
            newest[record.address] = record
    return list(newest.values())


def _depth(address: str) -> int:
    return address.count(".") + address.count("[")
