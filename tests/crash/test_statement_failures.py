"""
Each statement of a transaction fails in turn.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from dalsegno.model.errors import DalsegnoError, StoreUnavailable
from dalsegno.store.contract import Append, RunFilter
from dalsegno.store.sqlite import SqliteStore
from tests.store.samples import Pen, new_run, record, request, told

ERRORS = {
    "busy": "database is locked",
    "broken": "disk I/O error",  # SQLite takes the transaction back by itself
    "full": "database or disk is full",
}


class FailingConnection:
    """
    Passes statements on to a real connection, but for one.

    Attributes:
        statements: What was executed, in order.
    """

    def __init__(self, connection: sqlite3.Connection, fatal: int, kind: str) -> None:
        self._connection = connection
        self._fatal = fatal
        self._kind = kind
        self.statements: list[str] = []

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        return self._passed_on(self._connection.execute, sql, *values)

    def executemany(self, sql: str, *values: Any) -> sqlite3.Cursor:
        return self._passed_on(self._connection.executemany, sql, *values)

    def _passed_on(self, execute: Any, sql: str, *values: Any) -> sqlite3.Cursor:
        self.statements.append(sql)
        if len(self.statements) != self._fatal:
            cursor: sqlite3.Cursor = execute(sql, *values)
            return cursor
        if self._kind == "kept":
            execute(sql, *values)
            raise sqlite3.OperationalError(ERRORS["broken"])
        if self._kind == "broken" and self.in_transaction:
            self._connection.execute("ROLLBACK")
        raise sqlite3.OperationalError(ERRORS[self._kind])


@dataclass(frozen=True)
class Trial:
    """
    A store with a run, and writes that one statement of fails.
    """

    store: SqliteStore
    appends: Sequence[Append]

    async def write(
        self, fatal: int = 0, kind: str = "busy"
    ) -> tuple[list[Any], FailingConnection]:
        """
        Write all in one transaction; what each was answered.
        """
        writer = self.store._writer
        real = writer._connection
        failing = FailingConnection(real, fatal, kind)
        writer._connection = cast("sqlite3.Connection", failing)
        try:
            writes: list[Awaitable[None]] = [self.store.append(it) for it in self.appends]
            answers = await asyncio.gather(*writes, return_exceptions=True)
        finally:
            writer._connection = real
        return answers, failing

    async def stored(self) -> list[Any]:
        """
        Everything there is.
        """
        runs = await self.store.list_runs(RunFilter(), after=None, limit=100)
        rest = [
            (
                await self.store.events(run.run_id, after=0, limit=100),
                await self.store.steps(run.run_id, after_sequence=-1, after_address="", limit=100),
            )
            for run in runs
        ]
        return [*runs, *rest, await self.store.request("request")]


@asynccontextmanager
async def trial(path: Path) -> AsyncIterator[Trial]:
    store = await SqliteStore.open(path)
    try:
        old, new, other = Pen(store, new_run("old")), Pen(store), Pen(store, new_run("other"))
        await old.write(told())
        appends = [
            old.append(told(), told(), records=[record("charge")]),
            new.append(told(), records=[record("charge")], request=request()),
            other.append(told()),
        ]
        yield Trial(store, appends)
    finally:
        await store.close()


@pytest.mark.parametrize("kind", ERRORS)
async def test_a_transaction_is_written_whole_or_not_at_all(tmp_path: Path, kind: str) -> None:
    """
    The goal: no part of a batch is ever there without the rest, and the writer goes on.
    The method: fail each statement in turn, look, write the same again, and look again.
    """
    async with trial(tmp_path / "well.db") as well:
        _, connection = await well.write()
        whole = await well.stored()
    assert connection.statements[-1] == "COMMIT"

    for fatal in range(1, len(connection.statements) + 1):
        async with trial(tmp_path / f"{fatal}.db") as ill:
            before = await ill.stored()
            answers, _ = await ill.write(fatal, kind)
            where = f"statement {fatal}, {connection.statements[fatal - 1]}"
            assert [type(it) for it in answers] == [StoreUnavailable] * 3, where
            assert await ill.stored() == before, where

            answers, _ = await ill.write()
            assert answers == [None] * 3, where
            assert await ill.stored() == whole, where


async def test_a_commit_that_is_reported_as_failed_was_whole(tmp_path: Path) -> None:
    async with trial(tmp_path / "well.db") as well:
        _, connection = await well.write()
        whole = await well.stored()

    async with trial(tmp_path / "kept.db") as kept:
        answers, _ = await kept.write(len(connection.statements), "kept")
        assert [type(it) for it in answers] == [StoreUnavailable] * 3
        assert await kept.stored() == whole

        answers, _ = await kept.write()
        assert all(isinstance(it, DalsegnoError) for it in answers)
        assert await kept.stored() == whole
