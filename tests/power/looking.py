"""
Looks at the states of a recording, and counts.
"""

import logging
import os
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.disk import Disk, Loss
from tests.faults.recording import Call, Done
from tests.power.states import states
from tests.power.verdict import broken

# How many states are looked at, in all: what `make test` has time for.
STATES = int(os.environ.get("POWER_STATES", "1200"))

_log = logging.getLogger(__name__)


@dataclass
class Found:
    """
    What became of the states of one recording.

    Attributes:
        broken: The states in which a promise was broken, with their seed.
    """

    looked_at: Counter[Loss] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    @property
    def states(self) -> int:
        return self.looked_at.total()


def look(
    calls: Sequence[Done], database: Path, *, count: int, seed: int, is_uniform: bool = True
) -> Found:
    """
    Make about *count* states, one after the other, and read each.
    """
    found = Found()
    for state in states(calls, count=count, seed=seed):
        state.write(database)
        found.looked_at[state.loss] += 1
        if problems := broken(database, state.told, is_uniform=is_uniform):
            found.broken.append(f"POWER_SEED={seed}, {state}: {'; '.join(problems[:3])}")
    return found


def assert_complete(calls: Sequence[Done], database: Path) -> None:
    """
    What was recorded is all there was: it makes the same files.
    """
    disk = Disk()
    for done in calls:
        disk.do(done)
    for name, content in disk.after(Loss.NONE, random.Random(0)).items():
        assert content == database.with_name(database.name + name).read_bytes()


def tell(name: str, calls: Sequence[Done], found: Found) -> None:
    """
    Log the figures, which `make test-power` shows.
    """
    made = Counter(done.call for done in calls)
    _log.info(
        "%s: %d writes and %d syncs recorded; %d states, %d broken (%s)",
        name,
        made[Call.WRITE],
        made[Call.SYNC],
        found.states,
        len(found.broken),
        ", ".join(f"{loss}: {number}" for loss, number in sorted(found.looked_at.items())),
    )
