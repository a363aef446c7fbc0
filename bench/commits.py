"""
The limit below every run: how fast its rows can be committed, without engine and gRPC.

Both ways write the rows of one real run (`prepared`), to the server's schema with the server's
pragmas, and commit where the engine does:

- *store*: `SqliteStore.append`, so with the event loop, the encoding and the group commit;
- *sqlite3*: Python's sqlite3 module with rows encoded beforehand, and nothing else. With n
  callers, one append of each of n runs shares a commit, as if all had come at the same moment.
"""

import itertools
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.prepared import Prepared
from bench.rates import Rate, rate
from dalsegno.model.payload import Ref
from dalsegno.store import rows, sqlite_opening
from dalsegno.store.contract import Append
from dalsegno.store.migrations import migrations
from dalsegno.store.sqlite import SqliteStore
from dalsegno.store.statements import load

_SQL = load("sqlite.sql")

# Takes callers and seconds.
Measure = Callable[[int, float], Awaitable[Rate]]


# Both keep their files open: a log that is new grows with every commit, which takes the disk longer
# than to write it over, as a server does soon after its start.
@asynccontextmanager
async def store_writer(db: Path, prepared: Prepared) -> AsyncIterator[Measure]:
    """
    Runs written through the store.
    """
    names = itertools.count()
    store = await SqliteStore.open(db)

    async def write_run() -> None:
        for append in prepared.appends(f"run-{next(names)}"):
            await store.append(append)

    try:
        await store.put_definition(prepared.definition)
        yield lambda callers, seconds: rate(write_run, callers=callers, seconds=seconds)
    finally:
        await store.close()


@asynccontextmanager
async def sqlite_writer(db: Path, prepared: Prepared) -> AsyncIterator[Measure]:
    """
    Runs written by plain sqlite3.
    """
    keys = itertools.count(1)
    connection = sqlite3.connect(db, isolation_level=None)

    async def write(callers: int, seconds: float) -> Rate:
        runs, elapsed_s = 0, 0.0
        while elapsed_s < seconds:
            batches = list(_batches(prepared, [next(keys) for _ in range(callers)]))
            begun = time.perf_counter()
            for batch in batches:
                batch.commit(connection)
            elapsed_s += time.perf_counter() - begun
            runs += callers
        return Rate(runs / elapsed_s, elapsed_s / (runs / callers) * 1000, runs)

    try:
        sqlite_opening.prepare_writer(connection, migrations())
        yield write
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class _Batch:
    """
    Parameters of the statements of one commit.
    """

    inserts: Sequence[rows.Row]
    moves: Sequence[rows.Row]
    events: Sequence[rows.Row]
    records: Sequence[rows.Row]

    def commit(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(_SQL["insert_run"], self.inserts)
        connection.executemany(_SQL["move_run"], self.moves)
        connection.executemany(_SQL["insert_event"], self.events)
        connection.executemany(_SQL["put_record"], self.records)
        connection.execute("COMMIT")


def _batches(prepared: Prepared, keys: Sequence[int]) -> Iterator[_Batch]:
    appends = [prepared.appends(f"run-{key}") for key in keys]
    for one_of_each in zip(*appends, strict=True):
        encoded = [_encode(append, key) for append, key in zip(one_of_each, keys, strict=True)]
        yield _Batch(
            [item for batch in encoded for item in batch.inserts],
            [item for batch in encoded for item in batch.moves],
            [item for batch in encoded for item in batch.events],
            [item for batch in encoded for item in batch.records],
        )


def _encode(append: Append, key: int) -> _Batch:
    def place_of(ref: Ref) -> int:
        return rows.place(key, ref.sequence)

    run = append.run
    moving = rows.moving_columns(run, place_of)
    events = [rows.event_row(event, key, place_of) for event in append.events]
    inserts: list[rows.Row] = []
    moves: list[rows.Row] = []
    if append.creates:
        lasting = rows.lasting_columns(run, place_of)
        fixed = rows.fixed_columns(run, key, lambda _: key, place_of, place_of)
        inserts = [(*moving, *lasting, *fixed)]
        events.insert(0, rows.initial_state_row(run, key))
    else:
        moves = [(*moving, key, append.epoch, append.after)]
    records = [rows.record_row(record, key, place_of) for record in append.records]
    return _Batch(inserts, moves, events, records)
