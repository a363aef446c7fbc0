"""
Opening a SQLite file: whether it is ours, that nobody else has it, and how connections behave.
"""

import fcntl
import logging
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from dalsegno.store.migrations import APPLICATION_ID, migrate

_LOG = logging.getLogger(__name__)

_WRITER_PRAGMAS = (
    # A commit returns when the disk has it: the log promises to survive power loss.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # What stands in a file that somebody else wrote is neither trusted nor executed.
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    # After a large burst the log file shrinks to this again (64 MiB), at the next checkpoint.
    "PRAGMA journal_size_limit = 67108864",
    # Pages of log that a commit may leave before it checkpoints: 4 MiB, SQLite's default.
    "PRAGMA wal_autocheckpoint = 1000",
)
_READER_PRAGMAS = (
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    # Views and small sorts are all that is temporary: no file for them.
    "PRAGMA temp_store = MEMORY",
)


class StoreOpenError(Exception):
    """
    The database cannot be opened; said to whoever starts the server. Nothing was changed.
    """


@dataclass(frozen=True, slots=True)
class Claim:
    """
    A database path that belongs to this process until it is released.

    Attributes:
        path: With links followed: a file and a link to it are one database.
        exists: Whether there is a file already.
    """

    path: Path
    exists: bool
    lock_file: IO[str]

    def release(self) -> None:
        """
        Let another process have it. The lock file stays: to remove it could take it from a server
        that is just starting.
        """
        self.lock_file.close()


def claim(path: str | Path) -> Claim:
    """
    Check that there can be a database at the path, and keep other servers from it.

    SQLite's own locks let a second server in, and end as soon as anybody in this process closes
    the file (https://www.sqlite.org/howtocorrupt.html). So the lock is on a file beside it, and
    the database itself is never opened but by SQLite.

    Raises:
        StoreOpenError: There can be none, or another process has it.
    """
    real_path = Path(path).resolve()
    _check_path(real_path)
    lock_path = real_path.with_name(real_path.name + ".lock")
    try:
        lock_file = lock_path.open("a", encoding="ascii")
    except OSError as problem:
        raise StoreOpenError(f"{lock_path} cannot be written: {problem.strerror}") from problem
    try:
        fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        lock_file.close()
        raise StoreOpenError(
            f"{path} is open in another server; each needs a database of its own"
        ) from problem
    return Claim(real_path, real_path.exists(), lock_file)


def _check_path(path: Path) -> None:
    if not path.parent.is_dir():
        raise StoreOpenError(f"the folder {path.parent} does not exist; make it first")
    if path.exists() and not path.is_file():
        raise StoreOpenError(f"{path} is no file, so it cannot be a database")


def uri(path: Path, mode: str) -> str:
    """
    Args:
        mode: ``ro``, ``rw`` or ``rwc``, as in https://www.sqlite.org/uri.html.
    """
    return f"file:{quote(str(path))}?mode={mode}"


def check_content(connection: sqlite3.Connection, path: Path, newest: int) -> None:
    """
    Look into an existing database.

    Args:
        connection: One that cannot change anything.
        newest: The newest schema this server knows.

    Raises:
        StoreOpenError: It is no database, another program's, or of a newer server.
    """
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.DatabaseError as problem:
        if problem.sqlite_errorcode != sqlite3.SQLITE_NOTADB:
            raise
        raise StoreOpenError(f"{path} is no SQLite database; name another file") from problem
    if application != APPLICATION_ID and (application or version or tables):
        raise StoreOpenError(f"{path} is a database of another program; name another file")
    if version > newest:
        raise StoreOpenError(
            f"{path} has schema {version}, of a newer server; this one knows schemas up to {newest}"
        )


def prepare_writer(connection: sqlite3.Connection, scripts: Mapping[int, str]) -> None:
    """
    Make a connection the one that writes, and the schema the newest.

    Raises:
        StoreOpenError: The file system cannot share memory between connections.
        sqlite3.Error: It does not let us write.
    """
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise StoreOpenError("the database is on a file system that cannot do WAL; use a local one")
    for pragma in _WRITER_PRAGMAS:
        connection.execute(pragma)
    migrate(connection, scripts)
    # A file that may only be read opens all the same, and even lets a transaction begin. That is
    # to be said now, not at the first append.
    connection.executescript(f"BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION_ID}; ROLLBACK")


def prepare_reader(connection: sqlite3.Connection, views: Sequence[str]) -> None:
    """
    Make a connection one that reads and can do nothing else.
    """
    for pragma in _READER_PRAGMAS:
        connection.execute(pragma)
    for view in views:
        connection.execute(view)
    connection.execute("PRAGMA query_only = ON")


def check_version(version: tuple[int, ...]) -> None:
    """
    Log a warning if this SQLite can, rarely, corrupt a database when it begins its log anew.

    The WAL-reset bug is in 3.7.0 and later, mended in 3.51.3 and, ported back, in 3.50.7 and
    3.44.6: https://www.sqlite.org/wal.html#walresetbug.

    Raises:
        StoreOpenError: It lacks what the schema needs: STRICT tables came with 3.37.
    """
    text = ".".join(map(str, version))
    if version < (3, 37):
        raise StoreOpenError(f"this Python has SQLite {text}; the store needs 3.37 or newer")
    ported_back = (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)
    if version < (3, 51, 3) and not ported_back:
        _LOG.warning(
            "this SQLite has the WAL-reset bug, which can corrupt a database;"
            " run Python with SQLite 3.51.3 or newer, 3.50.7 or 3.44.6",
            extra={"sqlite_version": text},
        )
