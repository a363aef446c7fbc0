"""
Opening a SQLite file: that nobody else has it, and how connections behave.
"""

import errno
import fcntl
import logging
import os
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from dalsegno.store.migrations import APPLICATION_ID, migrate
from dalsegno.store.sqlite_checks import StoreOpenError, check_not_lost, check_place

_LOG = logging.getLogger(__name__)

_CHUNK_BYTES = 1024 * 1024

# Of a database that is made new; one that exists keeps its own. A commit writes each page whole
# that it touches, and a step forward of a run touches six in a few bytes each: 7.5 KB written per
# step with these pages, 24 KB with SQLite's own of 4 KiB, at the same cost of time. Payloads of
# more than 100 KB take twice the time, 13 ms for 2 MB.
_PAGE_BYTES = 1024

# Of log that a commit may leave before it checkpoints: SQLite's own limit, 1000 pages of 4 KiB.
_LOG_BYTES = 4096 * 1000

_WRITER_PRAGMAS = (
    # A commit returns when the disk has it: the log promises to survive power loss.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # What stands in a file that somebody else wrote is neither trusted nor executed.
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    # After a large burst the log file shrinks to this again (64 MiB), at the next checkpoint.
    "PRAGMA journal_size_limit = 67108864",
)
_READER_PRAGMAS = (
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    # Views and small sorts are all that is temporary: no file for them.
    "PRAGMA temp_store = MEMORY",
)

_USED = "The file beside this one is a database of Dal Segno; this one keeps other servers away.\n"


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

    @property
    def was_used(self) -> bool:
        """
        Whether a server has opened a database here before.
        """
        return os.fstat(self.lock_file.fileno()).st_size > 0

    def use(self) -> None:
        """
        Keep in the lock file that there is a database here: an empty one is none from now on.
        """
        if not self.was_used:
            self.lock_file.write(_USED)
            self.lock_file.flush()

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
    check_place(real_path)
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
    found = Claim(real_path, real_path.exists(), lock_file)
    try:
        check_not_lost(real_path, was_used=found.was_used)
    except StoreOpenError:
        found.release()
        raise
    return found


def uri(path: Path, mode: str) -> str:
    """
    Args:
        mode: ``ro``, ``rw`` or ``rwc``, as in https://www.sqlite.org/uri.html.
    """
    return f"file:{quote(str(path))}?mode={mode}"


def look_mode(path: Path) -> str:
    """
    The mode to look into an existing database with: one that cannot change it, unless its making
    was cut off, which leaves a journal. SQLite has to take that back before anybody can read.
    """
    return "rw" if path.with_name(f"{path.name}-journal").exists() else "ro"


def prepare_writer(connection: sqlite3.Connection, scripts: Mapping[int, str]) -> None:
    """
    Make a connection the one that writes, and the schema the newest.

    Raises:
        StoreOpenError: The file system cannot share memory between connections.
        sqlite3.Error: It does not let us write.
    """
    connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise StoreOpenError("the database is on a file system that cannot do WAL; use a local one")
    for pragma in _WRITER_PRAGMAS:
        connection.execute(pragma)
    (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_BYTES // page_bytes}")
    migrate(connection, scripts)
    # A file that may only be read opens all the same, and even lets a transaction begin. That is
    # to be said now, not at the first append.
    connection.executescript(f"BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION_ID}; ROLLBACK")


def write_log_again(database: Path) -> None:
    """
    Write the log that a process before us left, if any, over itself.

    When a sync fails, the system may go on showing what it could not write, and hold it for
    written (https://wiki.postgresql.org/wiki/Fsync_Errors). A commit that failed like that is found
    in the log and taken for one; what is committed behind it is lost with it when the power fails.
    No connection is open yet, so closing the file takes none of SQLite's locks away.

    Raises:
        StoreOpenError: The disk did not take it.
    """
    log = database.with_name(f"{database.name}-wal")
    if not log.exists() or log.stat().st_size == 0:
        return
    try:
        with log.open("r+b", buffering=0) as file:
            at = 0
            while chunk := os.pread(file.fileno(), _CHUNK_BYTES, at):
                at += os.pwrite(file.fileno(), chunk, at)
            os.fsync(file.fileno())
    except OSError as problem:
        raise StoreOpenError(f"{log} cannot be written: {problem.strerror}") from problem


def sync_folder(database: Path) -> None:
    """
    Let the disk know the names of the database and of the log that its writer has just made.

    SQLite does so with its first commit, and says nothing if that fails: then a power failure can
    take the log away, with all that was committed since, and leave a database that is half old.

    Raises:
        StoreOpenError: The disk did not take it.
    """
    try:
        folder = os.open(database.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as problem:
        if problem.errno != errno.EINVAL:  # a file system that does not know this needs no telling
            raise StoreOpenError(
                f"the folder {database.parent} cannot be written: {problem.strerror}"
            ) from problem


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
