"""
A program that drives the real store, and marks in the recording what it was promised.

    python -m tests.power.workload DATABASE RECORDING SEED [PRAGMA ...]

It opens a new database, writes many runs at once, deletes some, closes, opens again, writes on and
dies without closing. Appends are all alike, so that a half one shows: three events, a record of
its own, and one record that every append changes. Pragmas are executed after the store's own.
"""

import asyncio
import os
import random
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from dalsegno.model.payload import Payload
from dalsegno.model.record import Record
from dalsegno.store import sqlite_opening
from dalsegno.store.contract import Definition
from dalsegno.store.sqlite import SqliteStore
from tests.faults.recording import Marker
from tests.store.samples import Pen, new_run, record, request, told

EVENTS = 3
_RUNS = 24
_APPENDS = 8
# Mostly small; some take pages of their own.
_SIZES = (10,) * 20 + (200,) * 10 + (1500, 9000)
# Between appends of a run, at most: so that commits are of one, of some and of many.
_THINKING_S = 0.01


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


def payload(run_id: str, sequence: int, size: int) -> Payload:
    """
    One that tells whose it is.
    """
    return Payload(f'"{run_id}/{sequence}/'.encode() + b"x" * size + b'"')


class Author:
    """
    Writes one run, and marks what was acknowledged.
    """

    def __init__(self, run_id: str, marker: Marker, chance: random.Random) -> None:
        self._pen: Pen | None = None
        self._run_id = run_id
        self._marker = marker
        self._chance = chance
        self._appends = 0

    async def write(self, store: SqliteStore, appends: int) -> None:
        for _ in range(appends):
            await asyncio.sleep(self._chance.random() * _THINKING_S)
            await self.append(store)

    async def append(self, store: SqliteStore) -> None:
        if self._pen is None:
            self._pen = Pen(store, new_run(self._run_id))
        pen = self._pen
        pen.store = store
        at = pen.run.newest_sequence
        events = [
            told(payload=payload(self._run_id, at + number, self._chance.choice(_SIZES)))
            for number in range(1, EVENTS + 1)
        ]
        self._appends += 1
        request_id = f"{self._run_id}:{self._appends}"
        await pen.write(
            *events,
            records=self._records(at + EVENTS),
            request=request(request_id, self._run_id) if self._appends % 3 == 0 else None,
        )
        self._marker.mark(wrote=self._run_id, sequence=pen.run.newest_sequence)

    async def delete(self, store: SqliteStore) -> None:
        assert self._pen is not None
        run = self._pen.run
        self._marker.mark(deleting=run.run_id)
        await store.delete(run.run_id, epoch=run.epoch, after=run.newest_sequence)
        self._marker.mark(deleted=run.run_id)

    def _records(self, last_sequence: int) -> list[Record]:
        return [
            record(address, first_sequence=1, last_sequence=last_sequence)
            for address in (f"step{self._appends}", "total")
        ]


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
