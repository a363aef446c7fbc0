"""
Answers of streams, serialized: once for all readers of an event.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dalsegno.engine.tail import Shared
from dalsegno.model.event import Event
from dalsegno.wire.event import event_answer
from dalsegno.wire.payload import Form

# What is kept: readers of a run are told of an event in the same turn of the event loop, or one of
# the next.
_KEPT = 1024
_KEPT_BYTES = 1024 * 1024

# What is serialized ahead of being sent. gRPC's thread falls asleep if it has nothing to do between
# two messages, and waking it takes as long as sending one.
_AHEAD = 32
_AHEAD_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Ready:
    """
    Messages that are serialized as they are taken, to be sent one after the other.

    A stream that gives its messages so has no generators to go through for each of them.
    """

    messages: Iterable[bytes]


class Serialized:
    """
    Serializes events in one form, and keeps those that others may be told of, too.

    Args:
        bytes_max: Of one message; larger ones lose payloads.
    """

    def __init__(self, form: Form, bytes_max: int) -> None:
        self._form = form
        self._bytes_max = bytes_max
        # By id of the event, which is kept beside, so that its id stays its own; and what both
        # take, in bytes.
        self._kept: OrderedDict[int, tuple[Event, bytes, int]] = OrderedDict()
        self._size = 0

    def ready(self, events: Sequence[Event]) -> Ready:
        make = self._known if isinstance(events, Shared) else self._new
        return Ready(_ahead(map(make, events)))

    def _new(self, event: Event) -> bytes:
        return event_answer(event, self._form, self._bytes_max)

    def _known(self, event: Event) -> bytes:
        known = self._kept.get(id(event))
        if known is not None:
            return known[1]
        message = self._new(event)
        size = event.size + len(message)
        self._kept[id(event)] = (event, message, size)
        self._size += size
        while len(self._kept) > 1 and (len(self._kept) > _KEPT or self._size > _KEPT_BYTES):
            _, oldest = self._kept.popitem(last=False)
            self._size -= oldest[2]
        return message


def _ahead(messages: Iterable[bytes]) -> Iterator[bytes]:
    """
    The same, some of them made before the first is given.
    """
    ahead: list[bytes] = []
    size = 0
    for message in messages:
        ahead.append(message)
        size += len(message)
        if len(ahead) >= _AHEAD or size >= _AHEAD_BYTES:
            yield from ahead
            ahead.clear()
            size = 0
    yield from ahead
