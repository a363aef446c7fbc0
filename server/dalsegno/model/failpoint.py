"""
Failpoints: named places where a server under test dies, fails or dawdles on demand.

A testing aid, armed by the setting `failpoints` and else never:

    DALSEGNO_FAILPOINTS=commit.after=kill@17,answer.before=sleep:50

The server dies right after its 17th commit, and lets every answer wait for 50 ms.
"""

import os
import re
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

_ARMED = re.compile(r"([a-z.]+)=(kill|raise|sleep:(\d+))(?:@([1-9]\d*))?")


class Failpoint(StrEnum):
    """
    The places there are. *before* and *after* are those of what the name says.
    """

    TAKEUP_BEFORE = "takeup.before"  # a run comes back into memory
    BODY_AFTER = "body.after"  # a body has returned, and nothing is written of it yet
    COMMIT_BEFORE = "commit.before"  # of appends, and of a deletion
    COMMIT_AFTER = "commit.after"
    PUBLISH_BEFORE = "publish.before"  # watchers are told of a commit
    ANSWER_BEFORE = "answer.before"  # a call has done all it does but answer


class FailpointHit(Exception):
    """
    What a place raises that has no error of its own.
    """


@dataclass(slots=True)
class _Trap:
    """
    What happens at a place.

    Attributes:
        action: ``kill``, ``raise`` or ``sleep``.
        sleep_s: How long the thread sleeps that comes by.
        at: The only time it happens, counted from 1; None for each time.
        hits: How often somebody came by.
    """

    action: str
    sleep_s: float = 0.0
    at: int | None = None
    hits: int = 0


_traps: dict[Failpoint, _Trap] = {}


def hit(point: Failpoint, error: type[Exception] = FailpointHit) -> None:
    """
    Come by a place; nothing happens unless it is armed.

    Args:
        error: What is raised if it is to fail: such as the world would raise here.
    """
    if not _traps:
        return
    trap = _traps.get(point)
    if trap is None:
        return
    trap.hits += 1
    if trap.at not in (None, trap.hits):
        return
    match trap.action:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)  # a signal to oneself may take a moment; nothing is done in it
        case "raise":
            raise error(f"failpoint {point}")
        case _:
            time.sleep(trap.sleep_s)


def arm(text: str) -> None:
    """
    Arm these failpoints, and no others; "" disarms all. Counting begins anew.

    Raises:
        ValueError: It cannot be read; nothing was armed.
    """
    traps = _parsed(text)
    _traps.clear()
    _traps.update(traps)


def check(text: str) -> None:
    """
    Raises:
        ValueError: `arm` could not read this.
    """
    _parsed(text)


def _parsed(text: str) -> Mapping[Failpoint, _Trap]:
    traps: dict[Failpoint, _Trap] = {}
    for part in filter(None, text.split(",")):
        found = _ARMED.fullmatch(part.strip())
        if found is None:
            message = f"has {part!r}, which is not NAME=kill, =raise or =sleep:MS, maybe with @N"
            raise ValueError(message)
        name, action, milliseconds, at = found.groups()
        if name not in list(Failpoint):
            message = f"has no failpoint {name!r}; there are {', '.join(Failpoint)}"
            raise ValueError(message)
        traps[Failpoint(name)] = _Trap(
            action.partition(":")[0],
            sleep_s=int(milliseconds or 0) / 1000,
            at=int(at) if at else None,
        )
    return traps
