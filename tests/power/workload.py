"""
A program that drives the real store, and marks in the recording what it was promised.

    python -m tests.power.workload DATABASE RECORDING SEED [PRAGMA ...]

It opens a new database, writes many runs at once, deletes some, closes, opens again, writes on and
dies without closing. Pragmas are executed after the store's own.
"""

import asyncio
import os
import random
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from dalsegno.store import sqlite_opening
from dalsegno.store.contract import Definition
from dalsegno.store.sqlite import SqliteStore
from tests.faults.recording import Marker
from tests.power.author import Author

_RUNS = 24
_APPENDS = 8


def plant(pragmas: Sequence[str]) -> None:
    """
    Let writing connections be set up by these as well.
    """
    prepare = sqlite_opening.prepare_writer

    def prepare_otherwise(connection: sqlite3.Connection, scripts: Mapping[int, str]) -> None:
        prepare(connection, scripts)
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    sqlite_opening.prepare_writer = prepare_otherwise


async def _read_on(store: SqliteStore) -> None:
    """
    Look at the runs again and again, so that checkpoints meet readers.
    """
    while True:
        for number in range(_RUNS):
            await store.events(f"run{number}", after=0, limit=20)


async def _write_at_once(store: SqliteStore, authors: Sequence[Author], appends: int) -> None:
    reading = asyncio.create_task(_read_on(store))
    await asyncio.gather(*(author.write(store, appends) for author in authors))
    reading.cancel()
    await asyncio.wait([reading])


async def main(database: Path, recording: Path, seed: int) -> None:
    chance = random.Random(seed)
    marker = Marker(recording)
    authors = [Author(f"run{number}", marker, chance) for number in range(_RUNS)]

    store = await SqliteStore.open(database)
    marker.mark(opened=True)
    await store.put_definition(Definition("d1", "orders", b"{}"))
    marker.mark(defined="d1")
    await _write_at_once(store, authors, _APPENDS)
    await asyncio.gather(*(author.delete(store) for author in authors[: _RUNS // 4]))
    for author in authors[-4:]:  # each alone: no commit is shared
        await author.write(store, 4)
    await store.close()

    store = await SqliteStore.open(database)
    await _write_at_once(store, authors[_RUNS // 4 :], _APPENDS)
    os._exit(0)


if __name__ == "__main__":
    plant(sys.argv[4:])
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
