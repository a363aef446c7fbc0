"""
Every moment at which the power could have failed, and what the disk could have held then.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.disk import Disk, Loss
from tests.faults.recording import Call, Done
from tests.power.told import Told

_NAMES = ("", "-wal", "-journal")


@dataclass(frozen=True)
class State:
    """
    Attributes:
        moment: How many calls and marks were made before the power failed.
        files: By what follows the database's name.
        told: What was acknowledged by then. Belongs to the generator: it goes on changing.
    """

    moment: int
    loss: Loss
    files: dict[str, bytes] = field(repr=False)
    told: Told = field(repr=False)

    def write(self, database: Path) -> None:
        """
        Make the files, and remove what an earlier state left.
        """
        for name in (*_NAMES, "-shm", ".lock"):
            file = database.with_name(database.name + name)
            if name in self.files:
                file.write_bytes(self.files[name])
            else:
                file.unlink(missing_ok=True)


def states(calls: Sequence[Done], *, count: int, seed: int) -> Iterator[State]:
    """
    About *count* states at moments all over a recording, oldest first, no two alike for sure.

    A moment is one call, or mark, after which something was not synced: there every kind of loss
    is another state, but for the loss of everything, which is the same as long as nothing is
    synced. What is settled has one state.
    """
    chance = random.Random(seed)
    share = count / _possible(calls)
    disk, told = Disk(), Told()
    is_new = True  # since the last state in which everything was dropped
    for moment, done in enumerate(calls, 1):
        disk.do(done)
        if done.call is Call.MARK:
            told.hear(done.mark)
        is_new = is_new or done.call in (Call.SYNC, Call.MARK)
        for loss in Loss:
            is_same = not is_new if loss is Loss.ALL else disk.is_settled
            if is_same or chance.random() > share:
                continue
            if loss is Loss.ALL:
                is_new = False
            yield State(moment, loss, disk.after(loss, chance), told)


def _possible(calls: Sequence[Done]) -> int:
    """
    How many states there are, roughly.
    """
    return sum(len(Loss) - 1 if done.call in (Call.WRITE, Call.TRUNCATE) else 1 for done in calls)
