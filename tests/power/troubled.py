"""
A program that drives the real store while calls to its disk fail.

    python -m tests.power.troubled FOLDER RECORDINGS SEED ROUNDS

To be started with `disk.c` preloaded. Each round has a numbered folder with a database, and a
numbered recording: runs are written at once, one is deleted, the store is closed and opened again,
and the nth call of a kind fails, alone or with those after it. In round 0 calls fail now and then.
Every write is made again until it is kept; what is acknowledged is marked in the recording.
Prints a line of JSON for each round.
"""

import asyncio
import ctypes
import errno
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from dalsegno.model.errors import StoreUnavailable
from dalsegno.store.contract import Definition
from dalsegno.store.sqlite import SqliteStore, StoreOpenError
from tests.faults.recording import Call, Marker
from tests.power.author import Author
from tests.power.workload import plant


class Fault(NamedTuple):
    """
    Calls of one kind that fail: the *nth* from now, and with it *times* in a row.
    """

    call: Call
    error: int
    nth: int
    times: int


KINDS = (
    (Call.WRITE, errno.ENOSPC),
    (Call.WRITE, errno.EIO),
    (Call.SYNC, errno.EIO),
    (Call.TRUNCATE, errno.EIO),
    (Call.OPEN, errno.EIO),
    (Call.UNLINK, errno.EIO),
)
# At least as many calls of a kind as a round makes.
_CALLS = {Call.WRITE: 260, Call.SYNC: 36, Call.TRUNCATE: 6, Call.OPEN: 24, Call.UNLINK: 3}


# Syncs of the first opening: if they fail long enough, so does what is then undone and tried again.
_FIRST_SYNCS = 12


def faults(chance: random.Random) -> Iterator[Fault]:
    """
    One of each kind in turn, each place at most once: so a few already meet everything.
    """
    places = {kind: list(range(1, _CALLS[kind[0]] + 1)) for kind in KINDS}
    for (call, _), left in places.items():
        chance.shuffle(left)
        if call is Call.SYNC:
            left.sort(key=lambda nth: nth <= _FIRST_SYNCS)  # the last one is taken first
    while any(places.values()):
        for (call, error), left in places.items():
            # Syncs are where it gets difficult.
            for _ in range(3 if call is Call.SYNC else 1):
                if left:
                    nth = left.pop()
                    is_early = call is Call.SYNC and nth <= _FIRST_SYNCS
                    times = chance.choice((3, 20) if is_early else (1, 2, 3, 20))
                    yield Fault(call, error, nth, times)


class FaultyDisk:
    """
    The preloaded library, as this process reaches it.
    """

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)

    def watch(self, database: Path, recording: Path) -> None:
        self._library.disk_watch(str(database).encode(), str(recording).encode())

    def arm(self, fault: Fault) -> None:
        call, error, nth, times = fault
        self._library.disk_fail(ctypes.c_char(call.value.encode()), error, nth, times)

    def mend(self) -> None:
        self._library.disk_fail(ctypes.c_char(b"-"), 0, 0, 0)

    @property
    def failed(self) -> int:
        """
        How many calls failed since it was armed.
        """
        return int(self._library.disk_failed())


class Round:
    """
    One database in trouble.
    """

    def __init__(self, folder: Path, recording: Path, chance: random.Random) -> None:
        folder.mkdir()
        self.database = folder / "runs.db"
        self.recording = recording
        self.met = Counter[str]()
        self._marker = Marker(self.recording)
        self._chance = chance

    async def live(self, *, lives: int, runs: int, appends: int) -> None:
        authors = [Author(f"run{number}", self._marker, self._chance) for number in range(runs)]
        for life in range(lives):
            store = await self._open()
            await self._define(store, f"d{life}")
            await asyncio.gather(*(author.write(store, appends) for author in authors[life:]))
            await authors[life].delete(store)
            await store.close()
        self.met["failed_writes"] += sum(author.failures for author in authors)
        self._marker.close()

    async def _open(self) -> SqliteStore:
        while True:
            try:
                store = await SqliteStore.open(self.database)
            except StoreOpenError:
                self.met["failed_openings"] += 1
            else:
                self._marker.mark(opened=True)
                return store

    async def _define(self, store: SqliteStore, hash_: str) -> None:
        while True:
            try:
                await store.put_definition(Definition(hash_, "orders", b"{}"))
            except StoreUnavailable:
                self.met["failed_writes"] += 1
            else:
                self._marker.mark(defined=hash_)
                return


async def fail_now_and_then(disk: FaultyDisk, chance: random.Random, met: Counter[str]) -> None:
    while True:
        call, error = chance.choice(KINDS)
        nth = chance.randint(1, 99 if call is Call.WRITE else 9)
        disk.arm(Fault(call, error, nth, times=chance.choice((1, 1, 2, 20))))
        await asyncio.sleep(chance.random() * 0.02)
        met["failed_calls"] += disk.failed
        disk.mend()


async def main(folder: Path, recordings: Path, seed: int, rounds: int) -> None:
    chance = random.Random(seed)
    disk = FaultyDisk()

    def tell(**facts: Any) -> None:
        print(json.dumps(facts), flush=True)  # noqa: T201 - to whoever started this program

    long = Round(folder / "0", recordings / "0", chance)
    disk.watch(long.database, long.recording)
    failing = asyncio.create_task(fail_now_and_then(disk, chance, long.met))
    await long.live(lives=6, runs=8, appends=12)
    failing.cancel()
    await asyncio.wait([failing])
    disk.mend()
    tell(round=0, fault="now and then", **long.met)
    for number, fault in enumerate(islice(faults(chance), rounds), 1):
        short = Round(folder / str(number), recordings / str(number), chance)
        disk.watch(short.database, short.recording)
        disk.arm(fault)
        await short.live(lives=2, runs=4, appends=2)
        tell(round=number, fault=str(fault), failed_calls=disk.failed, **short.met)
        disk.mend()


if __name__ == "__main__":
    plant(["wal_autocheckpoint = 40"])
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
