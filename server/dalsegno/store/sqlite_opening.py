"""
Opening a SQLite file: whether it is ours, that nobody else has it, and how connections behave.
"""

import fcntl
import logging
import os
import sqlite3
from collections.abc import Mapping, Sequence
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
_READER_PRAGMAS = ("PRAGMA trusted_schema = OFF", "PRAGMA cell_size_check = ON")


class StoreOpenError(Exception):
    """
    The database cannot be opened; said to whoever starts the server. Nothing was changed.
    """


def lock(path: Path) -> IO[str]:
    """
    Take the database for this process; closing what is returned gives it back.

    SQLite's own locks do not keep a second server out, and may not be relied on by who holds a
    file of ours open beside it: closing any descriptor of the database drops them
    (https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_).
    So the lock is a file of its own. It stays when the lock is given back: to remove it could
    take it from a server that is just starting.

    Raises:
        StoreOpenError: Another process has it, or the folder takes no file.
    """
    lock_path = path.with_name(path.name + ".lock")
    try:
        file = lock_path.open("a", encoding="ascii")
    except OSError as problem:
        raise StoreOpenError(
            f"the lock file {lock_path} cannot be written: {problem.strerror}"
        ) from problem
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        file.close()
        raise StoreOpenError(
            f"another server has the database {path} open; a SQLite database serves one server"
        ) from problem
    return file


def check_path(path: Path) -> None:
    """
    Raises:
        StoreOpenError: There can be no database at the path.
    """
    if not path.parent.is_dir():
        raise StoreOpenError(f"the folder {path.parent} of the database does not exist; make it")
    if path.exists() and not path.is_file():
        raise StoreOpenError(f"{path} is no file, so it cannot be a database")
    needed = path if path.exists() else path.parent
    if not os.access(needed, os.R_OK | os.W_OK):
        raise StoreOpenError(f"{needed} cannot be read and written by this user")


def uri(path: Path, mode: str) -> str:
    """
    Args:
        mode: ``ro``, ``rw`` or ``rwc``, as in https://www.sqlite.org/uri.html.
    """
    return f"file:{quote(str(path))}?mode={mode}"


def check_content(path: Path, newest: int) -> None:
    """
    Look into an existing database, through a connection that cannot change it.

    Args:
        newest: The newest schema this server knows.

    Raises:
        StoreOpenError: It is no database, another program's, or of a newer server.
    """
    try:
        connection = sqlite3.connect(uri(path, "ro"), uri=True)
    except sqlite3.Error as problem:
        raise StoreOpenError(f"the database {path} cannot be opened: {problem}") from problem
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.DatabaseError as problem:
        raise StoreOpenError(f"{path} cannot be read as a database: {problem}") from problem
    finally:
        connection.close()
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
        StoreOpenError: The file system does not let it.
    """
    try:
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        for pragma in _WRITER_PRAGMAS:
            connection.execute(pragma)
        migrate(connection, scripts)
    except sqlite3.Error as problem:
        raise StoreOpenError(f"the database cannot be written: {problem}") from problem
    if mode != "wal":
        raise StoreOpenError("the database's file system cannot share memory, which WAL needs")


def prepare_reader(connection: sqlite3.Connection, views: Sequence[str]) -> None:
    """
    Make a connection one that reads and can do nothing else.
    """
    for pragma in _READER_PRAGMAS:
        connection.execute(pragma)
    for view in views:
        connection.execute(view)
    connection.execute("PRAGMA query_only = ON")


def warn_of_wal_reset_bug(version: tuple[int, ...]) -> None:
    """
    Log a warning if this SQLite can, rarely, lose commits when the log is reset.

    Source: https://www.sqlite.org/wal.html#the_wal_reset_bug; from 3.7.0, mended in 3.51.3 and,
    backported, in 3.50.7 and 3.44.6.
    """
    is_mended = (
        version >= (3, 51, 3)
        or (3, 50, 7) <= version < (3, 51)
        or ((3, 44, 6) <= version < (3, 45))
    )
    if not is_mended:
        _LOG.warning(
            "SQLite %s has the WAL-reset bug, which can corrupt a database; use 3.51.3 or newer, "
            "3.50.7 or 3.44.6",
            ".".join(map(str, version)),
        )
