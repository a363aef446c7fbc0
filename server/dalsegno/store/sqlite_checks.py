"""
What is looked at before a database is opened for writing, and what is said if it cannot be.

Nothing here changes anything.
"""

import ctypes
import logging
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from dalsegno.store.migrations import APPLICATION_ID

_LOG = logging.getLogger(__name__)

Integrity = Literal["quick", "full", "off"]

# `f_type` of file systems that other machines can write to at the same time: statfs(2).
_NETWORK = {
    0x6969: "NFS",
    0x517B: "SMB",
    0xFF534D42: "SMB",
    0xFE534D42: "SMB",
    0x01021997: "9P",
    0x5346414F: "AFS",
}
_STATFS_BYTES = 256  # struct statfs is smaller on every Linux

FileSystem = Callable[[Path], int | None]


class StoreOpenError(Exception):
    """
    The database cannot be opened; said to whoever starts the server. Nothing was changed.
    """


def filesystem(folder: Path) -> int | None:
    """
    The kind of file system a folder is on, as statfs(2) calls it; None if it cannot be told.
    """
    if sys.platform != "linux":
        return None
    buffer = ctypes.create_string_buffer(_STATFS_BYTES)
    if ctypes.CDLL(None).statfs(os.fsencode(folder), buffer) != 0:
        return None
    # 32 bits are what there is of it; the field is wider on most machines.
    return ctypes.c_long.from_buffer(buffer).value & 0xFFFFFFFF


def check_place(path: Path, kind_of: FileSystem = filesystem) -> None:
    """
    Raises:
        StoreOpenError: There can be no database at the path.
    """
    if not path.parent.is_dir():
        raise StoreOpenError(f"the folder {path.parent} does not exist; make it first")
    if path.exists() and not path.is_file():
        raise StoreOpenError(f"{path} is no file, so it cannot be a database")
    network = _NETWORK.get(kind_of(path.parent) or 0)
    if network is not None:
        # https://www.sqlite.org/wal.html: all processes that use it must be on one machine.
        raise StoreOpenError(
            f"{path} is on a network file system ({network}), where SQLite can lose data; "
            "use a local disk"
        )


def check_not_lost(path: Path, *, was_used: bool) -> None:
    """
    Look for what is left of a database that is gone: SQLite would begin a new one and remove it.

    Args:
        was_used: Whether there was a database at this path before.

    Raises:
        StoreOpenError: There was one, and it was not removed on purpose.
    """
    if path.exists() and path.stat().st_size > 0:
        return
    # A -journal, on the other hand, is there only while a database is made.
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size > 0:
        raise StoreOpenError(
            f"{log} is there without its database; put {path.name} back, or restore a "
            f"backup and move {log.name} away (docs/operations.md)"
        )
    if path.exists() and was_used:
        raise StoreOpenError(
            f"{path} was a database and is empty now; restore a backup (docs/operations.md), "
            "or remove it to begin anew"
        )


def check_content(connection: sqlite3.Connection, path: Path, newest: int) -> None:
    """
    Look into an existing database.

    Args:
        connection: One that cannot change anything.
        newest: The newest schema this server knows.

    Raises:
        StoreOpenError: It is no database, another program's, of a newer server, or damaged.
    """
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.DatabaseError as problem:
        if _is(problem, sqlite3.SQLITE_NOTADB):
            raise StoreOpenError(f"{path} is no SQLite database; name another file") from problem
        raise
    if application != APPLICATION_ID and (application or version or tables):
        raise StoreOpenError(f"{path} is a database of another program; name another file")
    if version > newest:
        raise StoreOpenError(
            f"{path} has schema {version}, of a newer server; this one knows schemas up to {newest}"
        )


def check_integrity(connection: sqlite3.Connection, path: Path, integrity: Integrity) -> None:
    """
    Read all of an existing database, unless it is `off`. `full` also compares the indexes with
    their tables.

    Neither can tell a payload whose text was changed: SQLite keeps no checksums.

    Raises:
        StoreOpenError: It is damaged.
    """
    if integrity == "off":
        return
    _LOG.info("the database is being checked", extra={"bytes": path.stat().st_size})
    problem = damage(connection, "quick_check" if integrity == "quick" else "integrity_check")
    if problem is not None:
        raise StoreOpenError(damaged(path, problem))


def damage(connection: sqlite3.Connection, check: str) -> str | None:
    """
    The first thing a check finds wrong with a database; None if there is none.

    Raises:
        sqlite3.Error: It cannot be read.
    """
    try:
        (found,) = connection.execute(f"PRAGMA {check}(1)").fetchone()
    except sqlite3.DatabaseError as problem:
        if not _is(problem, sqlite3.SQLITE_CORRUPT):
            raise
        return str(problem)
    # Before it may stand a line with the name that SQLite has for the file.
    return None if found == "ok" else str(found).splitlines()[-1]


def why_not(path: str | Path, problem: sqlite3.Error) -> str:
    """
    What to say of an error that opening a database ended with.
    """
    if _is(problem, sqlite3.SQLITE_CORRUPT):
        return damaged(path, str(problem))
    return (
        f"{path} cannot be used: {problem}; see that this user may read and write it and the files "
        "beside it"
    )


def _is(problem: sqlite3.Error, code: int) -> bool:
    """
    Whether a problem is of a kind; the details of one are in its upper bits.
    """
    return problem.sqlite_errorcode & 0xFF == code


def damaged(path: str | Path, problem: str) -> str:
    return (
        f"{path} is damaged ({problem}); keep it and the files beside it, and restore a backup "
        "(docs/operations.md)"
    )
