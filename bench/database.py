"""
What is in a database: looked at through SQLite, read-only. A server may have it open.
"""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

_BYTES = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
_ROWS = "SELECT (SELECT count(*) FROM runs), (SELECT count(*) FROM records), count(*) FROM events"
_ROWS_OF_RUN = (
    "SELECT * FROM runs WHERE key = :key",
    "SELECT * FROM records WHERE run = :key ORDER BY address",
    "SELECT * FROM events WHERE id >= :key << 32 AND id < (:key + 1) << 32 ORDER BY id",
)


def size_bytes(db: Path) -> int:
    """
    How large the database is, with what is still in its log only.
    """
    with _open(db) as connection:
        (size,) = connection.execute(_BYTES).fetchone()
        return int(size)


def row_count(db: Path) -> int:
    """
    Runs, records and events together.
    """
    with _open(db) as connection:
        return sum(connection.execute(_ROWS).fetchone())


def digest(db: Path, run_id: str) -> str:
    """
    Hash of every row of a run, in every column.
    """
    result = hashlib.sha256()
    with _open(db) as connection:
        (key,) = connection.execute("SELECT key FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        for statement in _ROWS_OF_RUN:
            for row in connection.execute(statement, {"key": key}):
                result.update(repr(row).encode())
    return result.hexdigest()


@contextmanager
def _open(db: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as connection:
        yield connection
