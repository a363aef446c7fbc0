"""
What one run writes, ready to be written again under other names.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from dalsegno.model.event import Event, EventType
from dalsegno.model.payload import Payload, Ref
from dalsegno.model.record import Record
from dalsegno.model.run import Run
from dalsegno.store.contract import Append, Definition
from dalsegno.store.sqlite import SqliteStore

_ALL = 1_000_000


@dataclass(frozen=True, slots=True)
class Prepared:
    """
    A finished run, cut into appends as the engine makes them: each step's completion together
    with the start of the next.
    """

    run: Run
    definition: Definition
    events: Sequence[Event]
    records: Sequence[Record]

    @classmethod
    async def read(cls, db: Path, run_id: str) -> "Prepared":
        """
        Take a run from a database that no server has open.
        """
        store = await SqliteStore.open(db)
        try:
            run = await store.run(run_id)
            assert run is not None
            definition = await store.definition(run.definition_hash)
            assert definition is not None
            events = await store.events(run_id, after=0, limit=_ALL)
            records = await store.steps(run_id, after_sequence=0, after_address="", limit=_ALL)
        finally:
            await store.close()
        return cls(run, definition, events, records)

    def appends(self, run_id: str) -> list[Append]:
        """
        The same run again, by another name.
        """
        records = {record.address: _renamed_record(record, run_id) for record in self.records}
        appends: list[Append] = []
        for events in self._groups():
            written = list(dict.fromkeys(event.address for event in events if event.address))
            after = events[0].sequence - 1
            appends.append(
                Append(
                    run=self._run(run_id, newest_sequence=events[-1].sequence),
                    epoch=self.run.epoch,
                    after=after,
                    creates=after == 0,
                    events=[_renamed_event(event, run_id) for event in events],
                    records=[records[address] for address in written],
                )
            )
        return appends

    def _groups(self) -> list[list[Event]]:
        groups: list[list[Event]] = [[]]
        for event in self.events:
            if event.type is EventType.STEP_COMPLETED:
                groups.append([])
            groups[-1].append(event)
        return groups

    def _run(self, run_id: str, newest_sequence: int) -> Run:
        return replace(
            self.run,
            run_id=run_id,
            newest_sequence=newest_sequence,
            input=_renamed(self.run.input, run_id),
            request_context=_renamed(self.run.request_context, run_id),
            initial_state=_renamed(self.run.initial_state, run_id),
            state=_renamed(self.run.state, run_id),
            result=self.run.result and _renamed(self.run.result, run_id),
        )


def _renamed_event(event: Event, run_id: str) -> Event:
    payload = event.payload and _renamed(event.payload, run_id)
    if payload and payload.at == Ref(run_id, event.sequence):
        payload = Payload(payload.json)  # it is this event that stores it
    return replace(event, run_id=run_id, payload=payload)


def _renamed_record(record: Record, run_id: str) -> Record:
    return replace(
        record,
        run_id=run_id,
        input=record.input and _renamed(record.input, run_id),
        output=record.output and _renamed(record.output, run_id),
    )


def _renamed(payload: Payload, run_id: str) -> Payload:
    at = payload.at
    return payload if at is None else Payload(payload.json, Ref(run_id, at.sequence))
