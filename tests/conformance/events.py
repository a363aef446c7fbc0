"""
Comparison of event logs with what a scenario expects of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google.protobuf.message import Message

from dalsegno.v1 import event_pb2, payload_pb2, run_pb2
from tests.conformance.compare import NOTHING, differs, same, show, unmatched, value_of

Pattern = str | Mapping[str, Any]
Events = Sequence[event_pb2.RunEvent]


def label(event: event_pb2.RunEvent) -> str:
    """
    How scenarios write an event: its type, and its address if it has one.
    """
    kind = event.WhichOneof("body") or "nothing"
    return f"{kind}:{event.address}" if event.address else kind


def in_order(expected: Sequence[Pattern | list[Pattern]], events: Events) -> Iterator[str]:
    """
    What is wrong if these must be the events; a nested list is a group in any order.
    """
    place = 0
    for pattern in expected:
        group = pattern if isinstance(pattern, list) else [pattern]
        found = events[place : place + len(group)]
        missing = unmatched(group, found, fits)
        if missing or len(found) < len(group):
            got = show([label(event) for event in found])
            yield f"events: expected {show(pattern)} at {place + 1}, got {got}{_rest(events)}"
            return
        place += len(group)
    if place < len(events):
        yield f"events: {show(label(events[place]))} at {place + 1} is one too many{_rest(events)}"


def included(expected: Sequence[Pattern | list[Pattern]], events: Events) -> Iterator[str]:
    """
    What is wrong if these must be among the events, in this order.
    """
    place = 0
    for pattern in expected:
        taken: list[int] = []
        for member in pattern if isinstance(pattern, list) else [pattern]:
            left = (at for at in range(place, len(events)) if at not in taken)
            at = next((at for at in left if fits(member, events[at])), None)
            if at is None:
                yield f"events_include: no {show(member)} after {place}{_rest(events)}"
                return
            taken.append(at)
        place = max(taken, default=place - 1) + 1


def dense_from(first: int, events: Events) -> Iterator[str]:
    """
    What is wrong if the sequences must start there and have no gap.
    """
    sequences = [event.sequence for event in events]
    if not sequences or sequences != list(range(first, first + len(sequences))):
        yield f"sequence_from: expected {first} and on, got {show(sequences)}"


def fits(pattern: Pattern, event: event_pb2.RunEvent) -> bool:
    """
    Whether an event is of this type and address, and has these parts of data.
    """
    if isinstance(pattern, str):
        return pattern == label(event)
    if pattern["event"] != label(event):
        return False
    body = getattr(event, event.WhichOneof("body") or "")
    return all(
        _has(expected, data(body, key)) for key, expected in pattern.items() if key != "event"
    )


def data(message: Message, field: str) -> Any:
    """
    A field of a message: payloads as JSON, messages as they are, what is not set as NOTHING.
    """
    known = message.DESCRIPTOR.fields_by_name.get(field)
    if known is None:
        return NOTHING
    if known.has_presence and not message.HasField(field):
        return NOTHING
    value = getattr(message, field)
    match value:
        case payload_pb2.Payload():
            return value_of(value)
        case run_pb2.Error() | run_pb2.Lineage():
            return value
        case _:
            return list(value) if known.is_repeated else value


def lineage(expected: Mapping[str, Any], actual: run_pb2.Lineage) -> Iterator[str]:
    """
    What is wrong if these must be parts of a lineage.
    """
    parts = {
        "source": actual.source_run_id or None,
        "root": actual.root_run_id,
        "depth": actual.depth,
        "step": actual.step,
        "overrides": sorted(actual.overrides),
    }
    for key, value in expected.items():
        wanted = sorted(value) if key == "overrides" else value
        if not same(wanted, parts.get(key, NOTHING)):
            yield differs(f"lineage.{key}", value, parts.get(key, NOTHING))


def _has(expected: Any, actual: Any) -> bool:
    if isinstance(actual, run_pb2.Error):
        return isinstance(expected, str) and expected in actual.message
    if isinstance(actual, run_pb2.Lineage):
        return isinstance(expected, dict) and not [*lineage(expected, actual)]
    if expected is None and actual is NOTHING:
        return True
    return same(expected, actual)


def _rest(events: Events) -> str:
    return f" in {show([label(event) for event in events])}"
