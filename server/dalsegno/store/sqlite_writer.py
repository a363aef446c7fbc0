"""
What the writing connection of a SQLite store does, on its thread.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain
from typing import Any

from dalsegno.model.errors import (
    Conflict,
    DalsegnoError,
    RequestIdReused,
    RunExists,
    RunHasReplays,
    RunNotFound,
    StoreUnavailable,
)
from dalsegno.model.failpoint import Failpoint, hit
from dalsegno.model.payload import Ref
from dalsegno.model.run import Run
from dalsegno.store import rows
from dalsegno.store.contract import Append, Definition, LeaseEnd, Request

# About 200 bytes each; enough for all runs that are live at once, and the sources of replays.
_RUNS_KNOWN_MAX = 10_000

# Rows that one statement inserts. sqlite3 gives up the interpreter's lock for each statement, and
# has to win it back from a busy event loop; 64 rows at once were no faster.
_ROWS_MAX = 32

# In a refusal, which names no more than 50 and says how many more it knows of.
_REPLAYS_NAMED_MAX = 100


class Writer:
    """
    Commits appends and definitions. Everything here blocks, and belongs to one thread.
    """

    def __init__(self, connection: sqlite3.Connection, statements: Mapping[str, str]) -> None:
        self._connection = connection
        self._sql = statements
        self._newest_key: int | None = None
        self._keys: dict[str, int] = {}
        # What the rows of runs that go on were last given: most appends change none of it.
        self._lasting: dict[int, rows.Row] = {}

    def put_definition(self, definition: Definition) -> None:
        """
        Commit a definition unless its hash is known.
        """
        self._connection.execute(
            self._sql["put_definition"],
            {
                "hash": definition.hash,
                "workflow_id": definition.workflow_id,
                "json": definition.json,
            },
        )

    def commit(self, appends: Sequence[Append]) -> list[Exception | None]:
        """
        Commit a batch in one transaction.

        Returns:
            For each append why it was refused, or None.

        Raises:
            StoreUnavailable: The database failed; nothing of the batch was written.
        """
        try:
            return self._commit(appends)
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError) as problem:
            culprit: Exception = problem
        except sqlite3.DatabaseError as problem:
            raise StoreUnavailable(str(problem)) from problem
        except Exception as problem:  # noqa: BLE001 - a bug of ours; its append gets it, below
            culprit = problem
        # One append cannot be written at all. Its neighbours shall not suffer for it.
        if len(appends) == 1:
            return [culprit]
        return [self.commit([append])[0] for append in appends]

    def delete(self, run_id: str, *, epoch: int, after: int) -> None:
        """
        Remove a run and all that is about it in one transaction.

        Raises:
            RunNotFound, RunHasReplays, Conflict: Nothing was removed.
        """
        with self._transaction():
            values: dict[str, Any] = {"key": self._find_key(run_id)}
            values |= {"expected_epoch": epoch, "expected_sequence": after}
            of_run = {"run_id": run_id, "limit": _REPLAYS_NAMED_MAX}
            replays = self._connection.execute(self._sql["replays"], of_run).fetchall()
            if replays:
                raise RunHasReplays(run_id, [replay for (replay,) in replays])
            for name in ("delete_requests", "delete_records", "delete_events"):
                self._connection.execute(self._sql[name], values)
            if self._connection.execute(self._sql["delete_run"], values).rowcount == 0:
                raise Conflict(run_id)
            hit(Failpoint.COMMIT_BEFORE, sqlite3.OperationalError)
        self._forget()
        hit(Failpoint.COMMIT_AFTER, sqlite3.OperationalError)

    def take_lease(self, expires_us: int) -> int:
        """
        Commit a new lease; returns its owner.
        """
        owner = self._connection.execute(self._sql["take_lease"], {"expires_us": expires_us})
        assert owner.lastrowid is not None
        return owner.lastrowid

    def renew_lease(self, owner: int, expires_us: int) -> bool:
        """
        Commit a new end of a lease; False if it is not held.
        """
        values = {"owner": owner, "expires_us": expires_us}
        return self._connection.execute(self._sql["renew_lease"], values).rowcount == 1

    def end_lease(self, owner: int, ended: LeaseEnd) -> None:
        """
        Commit the end of a lease, if it is held.
        """
        self._connection.execute(self._sql["end_lease"], {"owner": owner, "ended": ended.value})

    def expire_leases(self, now_us: int, spare: int) -> None:
        """
        Commit the end of all leases that have run out but one, and forget those without runs.
        """
        with self._transaction():
            self._connection.execute(self._sql["expire_leases"], {"now_us": now_us, "spare": spare})
            self._connection.execute(self._sql["forget_leases"])

    def _commit(self, appends: Sequence[Append]) -> list[Exception | None]:
        event_rows: list[rows.Row] = []
        record_rows: list[rows.Row] = []
        refusals: list[Exception | None] = []
        if len(self._keys) > _RUNS_KNOWN_MAX:
            self._forget()
        with self._transaction():
            for append in appends:
                try:
                    self._write(append, event_rows, record_rows)
                    refusals.append(None)
                except DalsegnoError as refusal:
                    refusals.append(refusal)
            self._insert("insert_event", event_rows)
            self._insert("put_record", record_rows)
            hit(Failpoint.COMMIT_BEFORE, sqlite3.OperationalError)
        hit(Failpoint.COMMIT_AFTER, sqlite3.OperationalError)
        return refusals

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """
        Commit what is written inside; all of it or, if anything is raised, nothing.
        """
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            self._forget()
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _write(
        self, append: Append, event_rows: list[rows.Row], record_rows: list[rows.Row]
    ) -> None:
        """
        Write the run and the request of one append, and hand out the rows of the rest.

        All rows are made before the first is written, so that a refusal, or a bug, finds nothing
        to take back.

        Raises:
            DalsegnoError: It is refused; nothing was written or handed out.
        """
        _assert_sound(append)
        run, request = append.run, append.request
        if request is not None and self._is_kept(request):
            raise RequestIdReused(request.request_id, request.run_id)
        key = self._new_key() if append.creates else self._key_of(run.run_id)

        def key_of(run_id: str) -> int:
            return key if run_id == run.run_id else self._key_of(run_id)

        def place_of(ref: Ref) -> int:
            return rows.place(key_of(ref.run_id), ref.sequence)

        def state_place_of(ref: Ref) -> int:
            if ref.sequence > 0:
                return place_of(ref)
            if ref.run_id != run.run_id:
                return self._initial_place(self._key_of(ref.run_id))
            began_with = run.initial_state.at
            return rows.place(key, 0) if began_with in (None, ref) else state_place_of(began_with)

        moving = rows.moving_columns(run, state_place_of)
        lasting = rows.lasting_columns(run, place_of)
        new_events = [rows.event_row(event, key, place_of) for event in append.events]
        new_records = [rows.record_row(record, key, place_of) for record in append.records]
        request_key = key_of(request.run_id) if request is not None else 0
        if append.creates:
            fixed = rows.fixed_columns(run, key, key_of, place_of, state_place_of)
            self._create(run, key, (*moving, *lasting, *fixed))
            if run.initial_state.at in (None, Ref(run.run_id, 0)):
                event_rows.append(rows.initial_state_row(run, key))
        else:
            self._move_on(append, key, moving, lasting)
        if run.status.is_at_rest:
            self._lasting.pop(key, None)
        else:
            self._lasting[key] = lasting
        event_rows += new_events
        record_rows += new_records
        if request is not None:
            self._keep(request, request_key)

    def _create(self, run: Run, key: int, values: rows.Row) -> None:
        if self._connection.execute(self._sql["insert_run"], values).rowcount == 0:
            raise RunExists(run.run_id)
        self._newest_key = key
        self._keys[run.run_id] = key

    def _move_on(self, append: Append, key: int, moving: rows.Row, lasting: rows.Row) -> None:
        expected = (key, append.epoch, append.after)
        if self._lasting.get(key) == lasting:
            name, values = "move_run", (*moving, *expected)
        else:
            name, values = "update_run", (*moving, *lasting, *expected)
        if self._connection.execute(self._sql[name], values).rowcount == 0:
            raise Conflict(append.run.run_id)

    def _insert(self, name: str, values: Sequence[rows.Row]) -> None:
        """
        Insert many rows, with as few statements as there can be without preparing many.
        """
        at, size = 0, _ROWS_MAX
        while at < len(values):
            while size > len(values) - at:
                size //= 2
            sql = _for_rows(self._sql[name], size)
            self._connection.execute(sql, list(chain.from_iterable(values[at : at + size])))
            at += size

    def _is_kept(self, request: Request) -> bool:
        values = {"request_id": request.request_id}
        row = self._connection.execute(self._sql["request_kept"], values).fetchone()
        return row is not None

    def _keep(self, request: Request, key: int) -> None:
        self._connection.execute(
            self._sql["insert_request"],
            {
                "request_id": request.request_id,
                "fingerprint": request.fingerprint,
                "run": key,
                "after_sequence": request.after_sequence,
                "created_us": request.created_us,
            },
        )

    def _forget(self) -> None:
        """
        Forget what is known of runs: some may be gone again, and their keys given to others.
        """
        self._newest_key = None
        self._keys.clear()
        self._lasting.clear()

    def _new_key(self) -> int:
        if self._newest_key is None:
            (newest,) = self._connection.execute(self._sql["newest_key"]).fetchone()
            self._newest_key = newest or 0
        return self._newest_key + 1

    def _key_of(self, run_id: str) -> int:
        key = self._keys.get(run_id)
        if key is None:
            key = self._keys[run_id] = self._find_key(run_id)
        return key

    def _find_key(self, run_id: str) -> int:
        row = self._connection.execute(self._sql["run_key"], {"run_id": run_id}).fetchone()
        if row is None:
            raise RunNotFound(run_id)
        return int(row[0])

    def _initial_place(self, key: int) -> int:
        row = self._connection.execute(self._sql["initial_at"], {"key": key}).fetchone()
        return int(row[0])


@cache
def _for_rows(insert: str, number: int) -> str:
    """
    A statement that inserts one row, as one that inserts several.
    """
    head, row = insert.rstrip(";").split(" VALUES ")
    return f"{head} VALUES {', '.join([row] * number)}"


def _assert_sound(append: Append) -> None:
    """
    What only a bug of the engine's could break.
    """
    run = append.run
    assert append.after == 0 or not append.creates
    assert run.newest_sequence == append.after + len(append.events) <= rows.SEQUENCE_MAX
    for sequence, event in enumerate(append.events, append.after + 1):
        assert event.sequence == sequence
        assert event.run_id == run.run_id
    for record in append.records:
        assert record.run_id == run.run_id
