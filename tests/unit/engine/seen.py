"""
What a test sees of a run once it rests.
"""

from dataclasses import dataclass
from typing import Any

from dalsegno.engine.commands import RunView
from dalsegno.model import jsontext
from dalsegno.model.event import Event, EventType
from dalsegno.model.payload import Payload
from dalsegno.model.record import Error, Record


@dataclass(frozen=True)
class Seen:
    """
    A run with all its records (reused ones, too) and its own events.
    """

    view: RunView
    events: tuple[Event, ...]

    @property
    def run_id(self) -> str:
        return self.view.run.run_id

    @property
    def status(self) -> str:
        return self.view.run.status.value

    @property
    def result(self) -> Any:
        """
        The decoded result; there must be one.
        """
        return decoded(self.view.run.result)

    @property
    def error(self) -> Error:
        assert self.view.run.error is not None
        return self.view.run.error

    @property
    def state(self) -> Any:
        return decoded(self.view.run.state)

    @property
    def records(self) -> dict[str, Record]:
        assert self.view.records is not None
        found = {record.address: record for record in self.view.records}
        assert len(found) == len(self.view.records), "an address is shown twice"
        return found

    @property
    def statuses(self) -> dict[str, str]:
        """
        Status of every record shown, by address, in the order they are shown.
        """
        return {address: record.status.value for address, record in self.records.items()}

    @property
    def reused(self) -> list[str]:
        """
        Addresses of the records that another run made.
        """
        return [at for at, record in self.records.items() if record.run_id != self.run_id]

    @property
    def own(self) -> list[str]:
        """
        Addresses of the records that this run made.
        """
        return [at for at, record in self.records.items() if record.run_id == self.run_id]

    @property
    def suspended_at(self) -> list[str]:
        return [suspension.address for suspension in self.view.suspensions]

    @property
    def story(self) -> list[str]:
        """
        The events as text: their type, and what they are about.
        """
        return [f"{event.type} {event.address}".rstrip() for event in self.events]

    @property
    def step_story(self) -> list[str]:
        """
        The same, without what is told of the run itself.
        """
        return [line for line in self.story if line.startswith("step_")]

    def told(self, type_: EventType, address: str = "") -> list[Event]:
        """
        The events of one type about one address.
        """
        return [each for each in self.events if each.type is type_ and each.address == address]

    def input(self, address: str) -> Any:
        return decoded(self.records[address].input)

    def output(self, address: str) -> Any:
        return decoded(self.records[address].output)


def decoded(payload: Payload | None) -> Any:
    assert payload is not None
    return jsontext.loads(payload.json)
