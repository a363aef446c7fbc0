"""
What every stream promises, one validator each: the guarantees of etcd's watch, and completeness.

https://etcd.io/docs/v3.6/learning/api_guarantees/#watch-apis
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import grpc

from dalsegno.v1.event_pb2 import RunEvent

_TERMINAL = ("run_completed", "run_failed", "run_canceled")


@dataclass
class Transcript:
    """
    What one stream brought.

    Attributes:
        after: Its cursor.
        messages: Events and heartbeats, in the order they came.
        stored: For each event: the newest sequence of the run as it was stored when the event came.
        code: What the stream ended with; None if its reader left it.
    """

    after: int
    messages: list[RunEvent] = field(default_factory=list)
    stored: list[int] = field(default_factory=list)
    code: grpc.StatusCode | None = None

    @property
    def events(self) -> list[RunEvent]:
        return [message for message in self.messages if message.WhichOneof("body") != "heartbeat"]

    @property
    def sequences(self) -> list[int]:
        return [event.sequence for event in self.events]


Validator = Callable[[Transcript, Sequence[RunEvent]], None]


def ordered(transcript: Transcript, _: Sequence[RunEvent]) -> None:
    """
    An event never comes before one that has happened earlier.
    """
    assert transcript.sequences == sorted(transcript.sequences)


def unique(transcript: Transcript, _: Sequence[RunEvent]) -> None:
    """
    An event never comes twice.
    """
    assert len(transcript.sequences) == len(set(transcript.sequences))


def reliable(transcript: Transcript, _: Sequence[RunEvent]) -> None:
    """
    No event between two that have come is missing.
    """
    assert all(later <= earlier + 1 for earlier, later in pairwise(transcript.sequences))


def atomic(transcript: Transcript, log: Sequence[RunEvent]) -> None:
    """
    An event comes whole, as it is stored, and not before it is stored.
    """
    assert transcript.events == [log[sequence - 1] for sequence in transcript.sequences]
    pairs = zip(transcript.sequences, transcript.stored, strict=False)
    assert all(sequence <= stored for sequence, stored in pairs)


def resumable(transcript: Transcript, _: Sequence[RunEvent]) -> None:
    """
    A stream goes on exactly behind its cursor.
    """
    assert transcript.sequences[:1] in ([], [transcript.after + 1])


def bookmarkable(transcript: Transcript, _: Sequence[RunEvent]) -> None:
    """
    A heartbeat says that nothing is missing so far: it claims no event, and what comes after it
    follows what came before it.
    """
    newest = transcript.after
    for message in transcript.messages:
        if message.WhichOneof("body") == "heartbeat":
            assert message.sequence == 0
        else:
            assert message.sequence == newest + 1
            newest = message.sequence


def complete(transcript: Transcript, log: Sequence[RunEvent]) -> None:
    """
    A stream that ends well has brought everything up to the event that ends the run.
    """
    if transcript.code is grpc.StatusCode.OK:
        assert log[-1].WhichOneof("body") in _TERMINAL
        assert transcript.sequences == list(range(transcript.after + 1, len(log) + 1))


GUARANTEES: tuple[Validator, ...] = (
    ordered,
    unique,
    reliable,
    atomic,
    resumable,
    bookmarkable,
    complete,
)


def check(transcript: Transcript, log: Sequence[RunEvent]) -> None:
    """
    Compare a transcript of a run that has ended with its whole log.
    """
    for guarantee in GUARANTEES:
        guarantee(transcript, log)


async def read(stream: Any, after: int, newest: Callable[[], int] | None = None) -> Transcript:
    """
    Read a stream to its end.

    Args:
        newest: Tells the newest sequence that is stored.
    """
    transcript = Transcript(after)
    try:
        async for answer in stream:
            transcript.messages.append(answer.event)
            if newest is not None and answer.event.sequence:
                transcript.stored.append(newest())
    except grpc.aio.AioRpcError as error:
        transcript.code = error.code()
    else:
        transcript.code = grpc.StatusCode.OK
    return transcript
