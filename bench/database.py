"""
What a stopped server left: looked at through SQLite, read-only.
"""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

_COUNT = "SELECT (SELECT count(*) FROM runs), (SELECT count(*) FROM records), count(*) FROM events"
_ROWS_OF_RUN = (
    "SELECT * FROM runs WHERE key = ?",
    "SELECT * FROM records WHERE run = ? ORDER BY address",
    "SELECT * FROM events WHERE id >> 32 = ? ORDER BY id",
)


@dataclass(frozen=True, slots=True)
class Size:
    """
    Attributes:
        bytes: Of the database file and its log, if one is left.
        rows: Of runs, records and events together.
    """

    bytes: int
    rows: int


def size(db: Path) -> Size:
    """
    How much is there. No server may have it open, so that its log is in the file.
    """
    with _open(db) as connection:
        rows = sum(connection.execute(_COUNT).fetchone())
    log = db.with_name(db.name + "-wal")
    return Size(db.stat().st_size + (log.stat().st_size if log.exists() else 0), rows)


def digest(db: Path, run_id: str) -> str:
    """
    Hash of every row of a run, in every column.
    """
    result = hashlib.sha256()
    with _open(db) as connection:
        (key,) = connection.execute("SELECT key FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        for statement in _ROWS_OF_RUN:
            for row in connection.execute(statement, (key,)):
                result.update(repr(row).encode())
    return result.hexdigest()


@contextmanager
def _open(db: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as connection:
        yield connection
