"""
Copies of a SQLite database while it is written.
"""

import asyncio
import os
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from hashlib import sha256
from pathlib import Path
from typing import IO

from dalsegno.model.errors import (
    BackupActive,
    BackupNoSpace,
    CorruptStore,
    DalsegnoError,
    StoreUnavailable,
)
from dalsegno.store.connection import connect
from dalsegno.store.sqlite_checks import StoreOpenError, damage
from dalsegno.store.sqlite_opening import prepare_reader, uri

# 1 MiB at the usual size of a page: between two steps a caller who has left is noticed. Measured
# with 590 MB, two cores and 1,300 appends/s: 1.9 s, appends took 0.33 ms in place of 0.18 (p50)
# and 0.8 in place of 0.5 (p99), and the log grew to 17 MB. Steps of 4 MiB took half the time and
# held up appends for 6 ms (p99), VACUUM INTO for 165 ms at worst.
_STEP_PAGES = 256

# Left free by a copy: what the log may take. Appends must not fail for want of its space.
_SPARED_BYTES = 64 * 1024 * 1024


class Backups:
    """
    Makes copies of a database, one at a time.

    The copy is made by SQLite from one read transaction: appends go on, and what they bring is not
    in it; the log is not emptied meanwhile. It is sent from a file of its own then, however slow
    whoever takes it may be.

    Args:
        database: The real path.
        folder: Where the copy is made; beside the database if None.
    """

    def __init__(self, database: Path, folder: Path | None) -> None:
        self._database = database
        # Several databases may share the folder.
        tag = sha256(os.fsencode(database)).hexdigest()[:8]
        self._copy = (folder or database.parent) / f"{database.name}-{tag}.copy"
        self._is_active = False
        self._made: IO[bytes] | None = None

    def check(self) -> None:
        """
        Raises:
            StoreOpenError: There is no folder to make a copy in.
        """
        folder = self._copy.parent
        if not folder.is_dir():
            raise StoreOpenError(f"the folder {folder} for backups does not exist; make it first")

    def clean(self) -> None:
        """
        Remove what a process left that died while it made a copy.
        """
        for suffix in ("", "-journal", "-wal", "-shm"):
            self._copy.with_name(self._copy.name + suffix).unlink(missing_ok=True)

    @asynccontextmanager
    async def backup(self, *, chunk_bytes: int) -> AsyncIterator[AsyncIterator[bytes]]:
        """
        See `contract.Store.backup`.
        """
        if self._is_active:
            raise BackupActive
        self._is_active = True
        try:
            await self._make()
            assert self._made is not None
            yield _chunks(self._made, chunk_bytes)
        finally:
            self._is_active = False
            made, self._made = self._made, None
            if made is not None:
                # Not here: the system takes its time to give a large file's space back.
                await asyncio.shield(asyncio.to_thread(made.close))

    async def _make(self) -> None:
        is_abandoned = threading.Event()
        async with connect(uri(self._database, "rw")) as source:
            await source.call(lambda tx: prepare_reader(tx, ()))
            try:
                await source.call(lambda tx: self._copy_from(tx, is_abandoned))
            except asyncio.CancelledError:
                is_abandoned.set()
                raise
            except sqlite3.Error as problem:
                raise self._refusal(problem) from problem
            except FileNotFoundError as problem:
                raise StoreUnavailable(f"there is no folder {self._copy.parent}") from problem
            except OSError as problem:
                raise StoreUnavailable(f"no copy at {self._copy}: {problem.strerror}") from problem

    def _copy_from(self, source: sqlite3.Connection, is_abandoned: threading.Event) -> None:
        """
        Make the copy, check it, and keep it open while it loses its name: whatever happens from
        here on, nothing is left of it. All on one thread: who closes its connection waits for it.
        """
        try:
            self._begin()
            self._fill(source, is_abandoned)
            # Immutable: otherwise it would get a log, which the chunks are without.
            with closing(_opened(uri(self._copy, "ro") + "&immutable=1")) as copy:
                copy.set_progress_handler(is_abandoned.is_set, 100_000)
                problem = damage(copy, "quick_check")
            if problem is not None:
                raise CorruptStore(problem)
            self._made = self._copy.open("rb")
        finally:
            self.clean()

    def _begin(self) -> None:
        """
        Make an empty file that nobody else may read: the database may be closed to others.

        Raises:
            BackupNoSpace: It could not be filled.
        """
        self.clean()
        folder = self._copy.parent
        log = self._database.with_name(f"{self._database.name}-wal")
        size = self._database.stat().st_size + (log.stat().st_size if log.exists() else 0)
        if free_bytes(folder) < size + _SPARED_BYTES:
            raise BackupNoSpace(str(folder))
        os.close(os.open(self._copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))

    def _fill(self, source: sqlite3.Connection, is_abandoned: threading.Event) -> None:
        def step(*_: int) -> None:
            if is_abandoned.is_set():
                raise _Abandoned

        with closing(_opened(uri(self._copy, "rw"))) as copy:
            # Whatever happens to the machine, nobody looks at this file afterwards.
            copy.execute("PRAGMA synchronous = OFF")
            copy.execute("PRAGMA journal_mode = OFF")
            # Without a transaction of its own each append would have the copy begun again.
            source.execute("BEGIN")
            try:
                source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
                source.backup(copy, pages=_STEP_PAGES, progress=step, sleep=0)
            finally:
                source.execute("COMMIT")

    def _refusal(self, problem: sqlite3.Error) -> DalsegnoError:
        match problem.sqlite_errorcode & 0xFF:
            case sqlite3.SQLITE_FULL:
                return BackupNoSpace(str(self._copy.parent))
            case sqlite3.SQLITE_CORRUPT:
                return CorruptStore(str(problem))
            case _:
                return StoreUnavailable(str(problem))


def free_bytes(folder: Path) -> int:
    """
    What a user without privileges may still write to a disk.
    """
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


class _Abandoned(Exception):
    """
    Nobody waits for the copy any longer.
    """


def _opened(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, isolation_level=None)


async def _chunks(copy: IO[bytes], chunk_bytes: int) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(copy.read, chunk_bytes):
        yield chunk
