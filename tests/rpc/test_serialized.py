"""
Events are serialized once for all their readers, and what is kept for that is bounded.
"""

from collections import Counter

import pytest

from dalsegno.engine.tail import Shared
from dalsegno.model.event import Event, EventType
from dalsegno.model.payload import Payload
from dalsegno.rpc import serialized
from dalsegno.rpc.serialized import Serialized
from dalsegno.v1 import run_service_pb2 as pb
from dalsegno.wire.event import event_answer
from dalsegno.wire.payload import Form

_MESSAGE_MAX = 4 * 1024 * 1024


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    """
    How often the event of a sequence was serialized.
    """
    counts: Counter[int] = Counter()

    def counted(event: Event, form: Form, bytes_max: int) -> bytes:
        counts[event.sequence] += 1
        return event_answer(event, form, bytes_max)

    monkeypatch.setattr(serialized, "event_answer", counted)
    return counts


def outputs(count: int, letters: int = 10, state: int = 0) -> Shared:
    text, kept = (Payload(b'"%s"' % (b"x" * length)) for length in (letters, state))
    return Shared(
        Event("r", 1 + index, 1_000_000, EventType.STEP_OUTPUT, "a", text, state=kept)
        for index in range(count)
    )


def sequences(messages: list[bytes]) -> list[int]:
    return [pb.WatchRunResponse.FromString(message).event.sequence for message in messages]


def test_an_event_is_serialized_once_for_all_its_readers(made: Counter[int]) -> None:
    events, answers = outputs(100), Serialized(Form.VALUE, _MESSAGE_MAX)

    read = [list(answers.ready(Shared(events[reader % 3 :])).messages) for reader in range(50)]

    assert set(made.values()) == {1}
    assert all(messages == read[0][reader % 3 :] for reader, messages in enumerate(read))


def test_the_same_sequence_of_another_run_is_another_event(made: Counter[int]) -> None:
    """
    Also of a run of the same name, made anew after the first was deleted.
    """
    answers = Serialized(Form.JSON, _MESSAGE_MAX)

    for letters in range(20):
        (message,) = answers.ready(outputs(1, letters)).messages
        event = pb.WatchRunResponse.FromString(message).event
        assert event.step_output.data.json == b'"%s"' % (b"x" * letters)

    assert made[1] == 20


@pytest.mark.parametrize("where", ["letters", "state"])
def test_what_is_kept_for_other_readers_is_bounded_in_bytes(where: str) -> None:
    answers = Serialized(Form.JSON, _MESSAGE_MAX)

    messages = list(answers.ready(outputs(100, **{where: 100_000})).messages)

    assert sequences(messages) == list(range(1, 101))
    assert 1 <= len(answers._kept) <= 10
    assert answers._size == sum(size for _, _, size in answers._kept.values())


def test_what_is_kept_for_other_readers_is_bounded_in_events() -> None:
    answers = Serialized(Form.JSON, _MESSAGE_MAX)

    list(answers.ready(outputs(3000, 1)).messages)

    assert len(answers._kept) == serialized._KEPT


def test_what_one_reader_alone_has_read_is_not_kept() -> None:
    answers = Serialized(Form.JSON, _MESSAGE_MAX)

    messages = list(answers.ready(list(outputs(100))).messages)

    assert sequences(messages) == list(range(1, 101))
    assert not answers._kept


def test_little_is_serialized_before_it_is_sent(made: Counter[int]) -> None:
    small = iter(Serialized(Form.JSON, _MESSAGE_MAX).ready(outputs(1000)).messages)
    next(small)
    assert made.total() == serialized._AHEAD

    made.clear()
    large = iter(Serialized(Form.JSON, _MESSAGE_MAX).ready(outputs(1000, 1_000_000)).messages)
    next(large)
    assert made.total() == 1
