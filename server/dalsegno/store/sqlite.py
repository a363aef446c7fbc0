"""
The store in a SQLite file.

One connection writes, commits and checkpoints; a few others read. Each has a thread of its own,
and each read or batch of writes is one hop there and back. Statements: ``sql/sqlite.sql``; what
the rows mean: `rows`.
"""

import asyncio
import json
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, closing
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from dalsegno.model.errors import CorruptHistory, StoreUnavailable
from dalsegno.model.event import Event
from dalsegno.model.payload import Payload, Ref
from dalsegno.model.record import Record, StepStatus
from dalsegno.model.run import Run, RunStatus
from dalsegno.store import rows
from dalsegno.store import sqlite_checks as checks
from dalsegno.store import sqlite_opening as opening
from dalsegno.store.connection import Connection, connect
from dalsegno.store.contract import (
    Ancestor,
    Append,
    Definition,
    Lease,
    LeaseEnd,
    Request,
    RunCursor,
    RunFilter,
)
from dalsegno.store.journal import Journal
from dalsegno.store.migrations import migrations
from dalsegno.store.sqlite_backup import Backups
from dalsegno.store.sqlite_checks import Integrity, StoreOpenError
from dalsegno.store.sqlite_writer import Writer
from dalsegno.store.statements import load

__all__ = ["SqliteStore", "StoreOpenError"]

T = TypeVar("T")
Sized = TypeVar("Sized", Event, Record)

_SQL = load("sqlite.sql")
_VIEWS = tuple(sql for name, sql in _SQL.items() if name.startswith("view_"))

# Above any time in microseconds: SQLite's largest integer.
_END_US = 2**63 - 1

_log = logging.getLogger(__name__)

# From the last row of a page, what to change so that the next begins behind it.
_Behind = Callable[[rows.Row], dict[str, Any]]
_Page = Callable[[sqlite3.Connection, dict[str, Any]], list[rows.Row]]


class SqliteStore:
    """
    Keeps everything in one SQLite file, for one server. Fulfils `contract.Store`.

    Made by `open`, given back by `close`.
    """

    def __init__(
        self,
        connection: Connection,
        writer: Writer,
        readers: Sequence[Connection],
        backups: Backups,
        resources: AsyncExitStack,
    ) -> None:
        self._connection = connection
        self._writer = writer
        self._readers = readers
        self._backups = backups
        self._resources = resources
        self._journal = Journal(self._commit)
        self._is_closed = False

    @classmethod
    async def open(
        cls,
        path: str | Path,
        *,
        readers: int = 2,
        integrity: Integrity = "quick",
        backup_dir: Path | None = None,
    ) -> "SqliteStore":
        """
        Open the database at *path*; one that does not exist is made, its folder is not.

        Args:
            readers: How many reads go on at once.
            integrity: How thoroughly an existing database is checked first.
            backup_dir: Where copies are made before they are sent; beside the database if None.

        Raises:
            StoreOpenError: It cannot be used. It was not changed; a lock file may be beside it.
        """
        opening.check_version(sqlite3.sqlite_version_info)
        resources = AsyncExitStack()
        try:
            return await cls._open(path, readers, integrity, backup_dir, resources)
        except BaseException as problem:
            await resources.aclose()
            if isinstance(problem, sqlite3.Error):
                raise StoreOpenError(checks.why_not(path, problem)) from problem
            raise

    @classmethod
    async def _open(
        cls,
        path: str | Path,
        readers: int,
        integrity: Integrity,
        backup_dir: Path | None,
        resources: AsyncExitStack,
    ) -> "SqliteStore":
        """
        Args:
            resources: Gets whatever must be given back, also if the rest fails.
        """
        scripts = migrations()
        claim = await asyncio.to_thread(opening.claim, path)
        resources.callback(claim.release)
        backups = Backups(claim.path, backup_dir)
        await asyncio.to_thread(backups.check)
        if claim.exists:
            await asyncio.to_thread(opening.write_log_again, claim.path)
            async with connect(opening.uri(claim.path, opening.look_mode(claim.path))) as looking:
                await looking.call(
                    lambda tx: checks.check_content(tx, claim.path, newest=len(scripts))
                )
                await looking.call(lambda tx: checks.check_integrity(tx, claim.path, integrity))
        writing = await resources.enter_async_context(connect(opening.uri(claim.path, "rwc")))
        await writing.call(lambda tx: opening.prepare_writer(tx, scripts))
        await asyncio.to_thread(opening.sync_folder, claim.path)
        # Given back in reverse: when all readers are closed, none keeps the log from being emptied.
        resources.push_async_callback(writing.call, _empty_log)
        reading = []
        for _ in range(readers):
            reader = await resources.enter_async_context(connect(opening.uri(claim.path, "rw")))
            await reader.call(lambda tx: opening.prepare_reader(tx, _VIEWS))
            reading.append(reader)
        writer = await writing.call(lambda tx: Writer(tx, _SQL))
        # The lock that we have says that whoever had the file before us is dead.
        await writing.call(lambda _: writer.expire_leases(_END_US, spare=0))
        await asyncio.to_thread(claim.use)
        await asyncio.to_thread(backups.clean)
        return cls(writing, writer, reading, backups, resources)

    async def close(self) -> None:
        """
        Commit what was handed over, and give the file back; later calls raise StoreUnavailable.
        """
        if self._is_closed:
            return
        self._is_closed = True
        await self._journal.close()
        await self._resources.aclose()

    async def put_definition(self, definition: Definition) -> None:
        await self._write(lambda writer: writer.put_definition(definition))

    async def definition(self, definition_hash: str) -> Definition | None:
        row = await self._row("definition", hash=definition_hash)
        return Definition(*row) if row is not None else None

    def append(self, append: Append) -> asyncio.Future[None]:
        return self._journal.append(append)

    async def delete(self, run_id: str, *, epoch: int, after: int) -> None:
        await self._write(lambda writer: writer.delete(run_id, epoch=epoch, after=after))

    async def run(self, run_id: str) -> Run | None:
        found = await self._runs("run", run_id=run_id)
        return found[0] if found else None

    async def request(self, request_id: str) -> Request | None:
        row = await self._row("request", request_id=request_id)
        return Request(*row) if row is not None else None

    async def list_runs(
        self, where: RunFilter, *, after: RunCursor | None, limit: int
    ) -> Sequence[Run]:
        below_us = where.created_before_us if where.created_before_us is not None else _END_US
        below = min((below_us, ""), (after.created_us, after.run_id) if after else (_END_US, ""))
        values = {
            "workflow_id": where.workflow_id,
            "source_run_id": where.source_run_id,
            "root_run_id": where.root_run_id,
            "statuses": json.dumps(where.statuses) if where.statuses else None,
            "created_from_us": where.created_from_us or 0,
            "below_us": below[0],
            "below_id": below[1],
            "limit": limit,
        }
        if where.source_run_id is not None:
            return await self._listed("list_by_source", values, _below)
        if where.root_run_id is not None:
            return await self._listed("list_by_root", values, _below)
        if where.workflow_id is None and not where.statuses:
            return await self._listed("list_all", values, _below)
        name = "list_by_status" if where.workflow_id is None else "list_by_workflow"
        statuses = where.statuses or tuple(RunStatus)

        def page(tx: sqlite3.Connection, values: dict[str, Any]) -> list[rows.Row]:
            pages = (_rows(tx, name, values | {"status": each.value}) for each in statuses)
            newest = sorted(chain.from_iterable(pages), key=rows.list_order, reverse=True)
            return newest[: values["limit"]]

        return await self._read(_snapshot(lambda tx: _readable(tx, page, values, _below)))

    async def tree(self, root_run_id: str, *, after: RunCursor | None, limit: int) -> Sequence[Run]:
        values = {
            "root_run_id": root_run_id,
            "after_us": after.created_us if after is not None else None,
            "after_id": after.run_id if after is not None else None,
            "limit": limit,
        }
        return await self._listed("tree", values, _after)

    async def lineage_chain(self, run_id: str, *, limit: int) -> Sequence[Ancestor]:
        values = {"run_id": run_id, "limit": limit}
        return await self._read(
            lambda tx: [rows.ancestor(row) for row in _rows(tx, "lineage_chain", values)]
        )

    async def replays(self, run_id: str, *, limit: int) -> Sequence[str]:
        return await self._ids("replays", run_id=run_id, limit=limit)

    async def record(self, run_id: str, address: str) -> Record | None:
        found = await self._records("record", run_id, address=address)
        return found[0] if found else None

    async def records(self, run_id: str, addresses: Sequence[str]) -> Mapping[str, Record]:
        found = await self._records("records", run_id, addresses=json.dumps(list(addresses)))
        return {record.address: record for record in found}

    async def iterations(
        self, run_id: str, container: str, *, first: int, limit: int
    ) -> Sequence[Record]:
        return await self._records(
            "iterations", run_id, container=container, first=first, limit=limit
        )

    async def last_iteration(self, run_id: str, container: str) -> int | None:
        row = await self._row("last_iteration", run_id=run_id, container=container)
        return row[0] if row is not None else None

    async def active_records(self, run_id: str, statuses: Sequence[StepStatus]) -> Sequence[Record]:
        def read(tx: sqlite3.Connection) -> list[Record]:
            found = [
                rows.record(row, run_id)
                for status in set(statuses)
                for row in _rows(tx, "active_records", {"run_id": run_id, "status": status.value})
            ]
            return sorted(found, key=lambda record: (record.first_sequence, record.address))

        return await self._read(_snapshot(read))

    async def steps(
        self,
        run_id: str,
        *,
        after_sequence: int,
        after_address: str,
        limit: int,
        bytes_max: int | None = None,
    ) -> Sequence[Record]:
        values = {
            "run_id": run_id,
            "after_sequence": after_sequence,
            "after_address": after_address,
            "limit": limit,
        }
        return await self._read(
            lambda tx: _filled(tx, "steps", values, lambda it: rows.record(it, run_id), bytes_max)
        )

    async def events(
        self, run_id: str, *, after: int, limit: int, bytes_max: int | None = None
    ) -> Sequence[Event]:
        def read(tx: sqlite3.Connection) -> list[Event]:
            values = {"run_id": run_id, "after": after, "limit": limit}
            found = _filled(tx, "events", values, lambda it: rows.event(it, run_id), bytes_max)
            for sequence, event in enumerate(found, after + 1):
                if event.sequence != sequence:
                    raise CorruptHistory(run_id, f"event {sequence}", "it is missing")
            return found

        return await self._read(read)

    async def state_before(self, run_id: str, sequence: int) -> Payload | None:
        row = await self._row("state_before", run_id=run_id, sequence=sequence)
        return rows.payload(row[1], Ref(run_id, row[0])) if row is not None else None

    async def payload(self, ref: Ref) -> Payload:
        name = "payload" if ref.sequence > 0 else "initial_state"
        row = await self._row(name, run_id=ref.run_id, sequence=ref.sequence)
        return rows.payload(row[0] if row is not None else None, ref)

    async def next_due(self) -> int | None:
        row = await self._row("next_due")
        return row[0] if row is not None else None

    async def due_runs(self, now_us: int, *, limit: int) -> Sequence[str]:
        return await self._ids("due_runs", now_us=now_us, limit=limit)

    async def running_runs(self, owner: int, *, after: str, limit: int) -> Sequence[str]:
        return await self._ids("running_runs", owner=owner, after=after, limit=limit)

    async def pending_runs(self, *, limit: int) -> Sequence[str]:
        return await self._ids("pending_runs", limit=limit)

    async def pending_count(self) -> int:
        ((count,),) = await self._read(lambda tx: _rows(tx, "pending_count", {}))
        return int(count)

    async def take_lease(self, *, expires_us: int) -> int:
        return await self._write(lambda writer: writer.take_lease(expires_us))

    async def renew_lease(self, owner: int, *, expires_us: int) -> bool:
        return await self._write(lambda writer: writer.renew_lease(owner, expires_us))

    async def end_lease(self, owner: int, ended: LeaseEnd) -> None:
        await self._write(lambda writer: writer.end_lease(owner, ended))

    async def expire_leases(self, now_us: int, *, spare: int) -> None:
        await self._write(lambda writer: writer.expire_leases(now_us, spare))

    async def owners(self) -> Sequence[Lease]:
        found = await self._read(lambda tx: _rows(tx, "owners", {}))
        return [
            Lease(owner, expires_us, LeaseEnd(ended) if ended is not None else None)
            for owner, expires_us, ended in found
        ]

    def backup(self, *, chunk_bytes: int) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        if self._is_closed:
            raise StoreUnavailable("it is closed")
        return self._backups.backup(chunk_bytes=chunk_bytes)

    async def _runs(self, name: str, **values: Any) -> list[Run]:
        return await self._read(lambda tx: [rows.run(row) for row in _rows(tx, name, values)])

    async def _listed(self, name: str, values: dict[str, Any], behind: _Behind) -> list[Run]:
        def page(tx: sqlite3.Connection, values: dict[str, Any]) -> list[rows.Row]:
            return _rows(tx, name, values)

        return await self._read(_snapshot(lambda tx: _readable(tx, page, values, behind)))

    async def _records(self, name: str, run_id: str, **values: Any) -> list[Record]:
        values["run_id"] = run_id
        return await self._read(
            lambda tx: [rows.record(row, run_id) for row in _rows(tx, name, values)]
        )

    async def _ids(self, name: str, **values: Any) -> list[str]:
        return await self._read(lambda tx: [id for (id,) in _rows(tx, name, values)])

    async def _row(self, name: str, **values: Any) -> rows.Row | None:
        found = await self._read(lambda tx: _rows(tx, name, values))
        return found[0] if found else None

    async def _read(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """
        Execute a read on the reader with the fewest waiting: one hop there and back.
        """
        reader = min(self._readers, key=lambda reader: reader.waiting)
        return await self._call(reader, function)

    async def _write(self, function: Callable[[Writer], T]) -> T:
        return await self._call(self._connection, lambda _: function(self._writer))

    async def _commit(self, appends: Sequence[Append]) -> Sequence[Exception | None]:
        return await self._connection.call(lambda _: self._writer.commit(appends))

    async def _call(self, connection: Connection, function: Callable[[sqlite3.Connection], T]) -> T:
        if self._is_closed:
            raise StoreUnavailable("it is closed")
        try:
            return await connection.call(function)
        except sqlite3.Error as problem:
            raise StoreUnavailable(str(problem)) from problem


def _snapshot(read: Callable[[sqlite3.Connection], T]) -> Callable[[sqlite3.Connection], T]:
    """
    The same read with all of its statements seeing the same commits.
    """

    def read_in_transaction(tx: sqlite3.Connection) -> T:
        tx.execute("BEGIN")
        try:
            return read(tx)
        finally:
            tx.execute("COMMIT")

    return read_in_transaction


def _rows(tx: sqlite3.Connection, name: str, values: Mapping[str, Any]) -> list[rows.Row]:
    """
    All rows that a statement finds.

    They are fetched before any is looked at: while a statement is under way its connection stays
    at one state of the database, and an error about a row could keep it there.
    """
    return tx.execute(_SQL[name], values).fetchall()


def _filled(
    tx: sqlite3.Connection,
    name: str,
    values: Mapping[str, Any],
    noun: Callable[[rows.Row], Sized],
    bytes_max: int | None,
) -> list[Sized]:
    """
    The nouns that a statement finds, up to the one with which they take so many bytes.

    Row by row: what lies behind may not fit into memory.
    """
    found: list[Sized] = []
    size = 0
    with closing(tx.execute(_SQL[name], values)) as cursor:
        for row in cursor:
            found.append(noun(row))
            size += found[-1].size
            if bytes_max is not None and size >= bytes_max:
                break
    return found


def _below(row: rows.Row) -> dict[str, Any]:
    created_us, run_id = rows.list_order(row)
    return {"below_us": created_us, "below_id": run_id}


def _after(row: rows.Row) -> dict[str, Any]:
    created_us, run_id = rows.list_order(row)
    return {"after_us": created_us, "after_id": run_id}


def _readable(
    tx: sqlite3.Connection, rows_of: _Page, values: dict[str, Any], behind: _Behind
) -> list[Run]:
    """
    A page of runs without those that cannot be read, which would hide all others; who
    asks for one of those is told.

    Args:
        rows_of: Reads a page, of which the values say the limit.
        behind: What to change in the values so that the page begins behind a row.
    """
    found: list[Run] = []
    wanted = values["limit"]
    while True:
        page = rows_of(tx, values | {"limit": wanted})
        found.extend(run for run in map(_read_run, page) if run is not None)
        if len(page) < wanted or len(found) >= values["limit"]:
            return found
        wanted = values["limit"] - len(found)
        values = values | behind(page[-1])


def _read_run(row: rows.Row) -> Run | None:
    try:
        return rows.run(row)
    except CorruptHistory as problem:
        _log.warning("a run is left out of a list: %s", problem)
        return None


def _empty_log(tx: sqlite3.Connection) -> None:
    """
    Leave one file behind, if the disk lets us: what is in the log is as safe there.
    """
    try:
        _rows(tx, "empty_log", {})
    except sqlite3.Error as problem:
        _log.warning("the log stays beside the database: %s", problem)
