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
from dalsegno.store.sqlite_checks import damage
from dalsegno.store.sqlite_opening import prepare_reader, uri

# 1 MiB at the usual size of a page: between two steps a caller who has left is noticed. Measured
# with 590 MB, two cores and 1,300 appends/s: 1.9 s, appends took 0.33 ms in place of 0.18 (p50)
# and 0.8 in place of 0.5 (p99), and the log grew to 17 MB. Steps of 4 MiB took half the time and
# held up appends for 6 ms (p99), VACUUM INTO for 165 ms at worst.
_STEP_PAGES = 256


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
            with await asyncio.to_thread(self._copy.open, "rb") as copy:
                yield _chunks(copy, chunk_bytes)
        finally:
            await asyncio.to_thread(self.clean)
            self._is_active = False

    async def _make(self) -> None:
        try:
            await asyncio.to_thread(self._begin)
        except OSError as problem:
            raise StoreUnavailable(f"no copy at {self._copy}: {problem.strerror}") from problem
        is_abandoned = threading.Event()
        async with connect(uri(self._database, "rw")) as source:
            await source.call(lambda tx: prepare_reader(tx, ()))
            try:
                await source.call(lambda tx: self._fill(tx, is_abandoned))
            except asyncio.CancelledError:
                # The thread goes on: closing its connection waits for it.
                is_abandoned.set()
                raise
            except sqlite3.Error as problem:
                raise self._refusal(problem) from problem

    def _begin(self) -> None:
        """
        Make an empty file that nobody else may read: the database may be closed to others.
        """
        self.clean()
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
        # Immutable: otherwise it would get a log, which the chunks are without.
        with closing(_opened(uri(self._copy, "ro") + "&immutable=1")) as copy:
            copy.set_progress_handler(is_abandoned.is_set, 100_000)
            problem = damage(copy, "quick_check")
        if problem is not None:
            raise CorruptStore(problem)

    def _refusal(self, problem: sqlite3.Error) -> DalsegnoError:
        match problem.sqlite_errorcode & 0xFF:
            case sqlite3.SQLITE_FULL:
                return BackupNoSpace(str(self._copy.parent))
            case sqlite3.SQLITE_CORRUPT:
                return CorruptStore(str(problem))
            case _:
                return StoreUnavailable(str(problem))


class _Abandoned(Exception):
    """
    Nobody waits for the copy any longer.
    """


def _opened(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, isolation_level=None)


async def _chunks(copy: IO[bytes], chunk_bytes: int) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(copy.read, chunk_bytes):
        yield chunk
