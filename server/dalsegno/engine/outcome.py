"""
How a walk over a part of the graph ends.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from dalsegno.model.payload import Payload
from dalsegno.model.record import Error


@dataclass(frozen=True, slots=True)
class Done:
    """
    It completed with an output.
    """

    value: Payload


@dataclass(frozen=True, slots=True)
class Skipped(Done):
    """
    It was not taken; its input passes through.
    """


@dataclass(frozen=True, slots=True)
class Bailed:
    """
    A step ended the workflow around it with success.
    """

    value: Payload


@dataclass(frozen=True, slots=True)
class Failed:
    """
    It failed.
    """

    error: Error


@dataclass(frozen=True, slots=True)
class Suspended:
    """
    A step inside waits for resume data; nothing else inside can go on.
    """


@dataclass(frozen=True, slots=True)
class Waiting:
    """
    A timer inside has not fired; the run is put down until it does.
    """


@dataclass(frozen=True, slots=True)
class Paused:
    """
    It stopped between two steps on request.
    """


@dataclass(frozen=True, slots=True)
class Canceled:
    """
    A body asked for the run to end as canceled.
    """

    reason: str | None


Outcome = Done | Bailed | Failed | Suspended | Waiting | Paused | Canceled

_RANK: tuple[type[Outcome], ...] = (Canceled, Paused, Waiting, Suspended, Failed, Bailed)


def decisive(outcomes: Iterable[Outcome]) -> Outcome | None:
    """
    The outcome that decides for a block, given those of its arms in graph order.

    Paused, suspended, failed, bailed count in this order, whichever came first in time; among
    equals the first in graph order. None if all are done.
    """
    settled = list(outcomes)
    for kind in _RANK:
        for outcome in settled:
            if isinstance(outcome, kind):
                return outcome
    return None
