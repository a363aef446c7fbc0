"""
Whether a database keeps what was promised.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tests.power.author import EVENTS
from tests.power.told import Told

# Runs as their row, their events and their records tell of them. The state that a run began with
# is an event of sequence 0.
_RUNS = """
SELECT r.run_id, r.newest_sequence,
    (SELECT count(*) FROM events e WHERE e.id > r.key << 32 AND e.id < r.key + 1 << 32),
    (SELECT max(e.sequence) FROM events e WHERE e.id >= r.key << 32 AND e.id < r.key + 1 << 32),
    (SELECT count(*) FROM records WHERE run = r.key),
    (SELECT max(last_sequence) FROM records WHERE run = r.key)
FROM runs r
"""
_STRANGERS = """
SELECT 'event', count(*) FROM events WHERE run NOT IN (SELECT key FROM runs)
UNION ALL SELECT 'record', count(*) FROM records WHERE run NOT IN (SELECT key FROM runs)
UNION ALL SELECT 'request', count(*) FROM requests WHERE run NOT IN (SELECT key FROM runs)
UNION ALL SELECT 'record without its event', count(*) FROM records r
    WHERE last_sequence > 0 AND NOT EXISTS
        (SELECT 1 FROM events WHERE id = (r.run << 32) + r.last_sequence)
"""
_OTHER_TEXTS = """
SELECT count(*) FROM events e JOIN runs r ON r.key = e.run
WHERE sequence > 0
    AND substr(CAST(payload AS TEXT), 2, length(run_id) + 1 + length(sequence) + 1)
        <> run_id || '/' || sequence || '/'
"""


def broken(path: Path, told: Told, *, is_uniform: bool) -> list[str]:
    """
    The promises that the database at *path* does not keep.

    Args:
        is_uniform: It was written by `author`, all of whose appends are alike.
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            # The index of the log in memory, and no waiting for a disk: this is a copy.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA synchronous = OFF")
            return list(_broken(connection, told, is_uniform=is_uniform))
    except sqlite3.DatabaseError as problem:
        # While it is made, on a disk that fails and then loses power, there may be half of it.
        return [f"it cannot be read: {problem}"] if told.is_open else []


def _broken(connection: sqlite3.Connection, told: Told, *, is_uniform: bool) -> Iterator[str]:
    (health,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if health != "ok":
        yield f"integrity: {health}"
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        if told.is_open:
            yield "the schema is gone"
        return
    found = {}
    for run_id, newest, events, last, records, last_recorded in connection.execute(_RUNS):
        found[run_id] = newest
        if not newest == events == last:
            yield f"{run_id} is at {newest} with {events} events up to {last}"
        if (last_recorded or 0) > newest:
            yield f"{run_id} is at {newest} with a record of {last_recorded}"
        is_whole = newest % EVENTS == 0 and last_recorded == newest
        if is_uniform and not (is_whole and records == newest // EVENTS + 1):
            yield f"{run_id} is at {newest} with {records} records up to {last_recorded}"
    for thing, number in connection.execute(_STRANGERS):
        if number:
            yield f"{number} times: {thing} that belongs to nothing"
    if is_uniform and (number := connection.execute(_OTHER_TEXTS).fetchone()[0]):
        yield f"{number} events with texts of others"
    yield from _lost(told, found)
    kept = {hash_ for (hash_,) in connection.execute("SELECT hash FROM definitions")}
    if not told.definitions <= kept:
        yield "a definition is gone"


def _lost(told: Told, found: dict[str, int]) -> Iterator[str]:
    for run_id, newest in told.newest.items():
        if found.get(run_id, 0) < newest:
            yield f"{run_id} was acknowledged up to {newest} and is at {found.get(run_id, 0)}"
    for run_id in told.deleted & found.keys():
        yield f"{run_id} was deleted and is there"
