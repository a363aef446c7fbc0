"""
Large databases, made quickly: the runs of a small one, again and again.

A server makes a few runs. SQLite then copies their rows, as they are, under other keys, ids and
times, until there are enough; so nothing here knows what is in a row, but where runs are named.
No server may have the database open.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

_BITS = 32  # of a place: run key * 2^32 + sequence
_COPIES_AT_ONCE = 2_000

# How many there are, and how long it took to make them.
_ORIGINALS = "SELECT max(key), max(created_us) - min(created_us) + 1 FROM runs"


def copied_id(copy: int, key: int) -> str:
    """
    The id of one of the copies of the run of this key. Ids rise with time, as a server's do.
    """
    return f"{copy:08x}-0000-7000-8000-{key:012x}"


def multiply(db: Path, copies: int) -> None:
    """
    Have every run of the database so many times more.
    """
    with closing(sqlite3.connect(db, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -200000")
        connection.execute("CREATE TEMP TABLE copies (n INTEGER PRIMARY KEY)")
        statements = list(_statements(connection, *connection.execute(_ORIGINALS).fetchone()))
        for begin in range(1, copies + 1, _COPIES_AT_ONCE):
            end = min(begin + _COPIES_AT_ONCE, copies + 1)
            connection.execute("BEGIN")
            connection.execute("DELETE FROM copies")
            numbers = ((n,) for n in range(begin, end))
            connection.executemany("INSERT INTO copies VALUES (?)", numbers)
            for statement in statements:
                connection.execute(statement)
            connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _statements(connection: sqlite3.Connection, runs: int, took_us: int) -> Iterator[str]:
    """
    One per table: the rows of the first so many runs, once for each of ``copies``.
    """
    for table, key, last in (
        ("runs", "key", runs),
        ("records", "run", runs),
        ("events", "id", (runs + 1 << _BITS) - 1),
    ):
        # Without generated columns, which this does not list.
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        shifted = ", ".join(_shifted(name, runs, took_us) for name in columns)
        yield (
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {shifted} "  # noqa: S608 - ours
            f"FROM copies c CROSS JOIN {table} t WHERE t.{key} <= {last} ORDER BY c.n, t.{key}"
        )


def _shifted(name: str, runs: int, took_us: int) -> str:
    """
    A column of the c-th copy of a row.
    """
    if name in {"key", "run", "source", "root"}:
        return f"t.{name} + {runs} * c.n"
    if name == "id" or name.endswith("_at"):
        return f"t.{name} + (({runs} * c.n) << {_BITS})"
    if name == "run_id":
        return "printf('%08x-0000-7000-8000-%012x', c.n, t.key)"
    if name.endswith("_us"):
        return f"t.{name} + {took_us} * c.n"
    return f"t.{name}"
