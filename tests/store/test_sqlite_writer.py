"""
What a commit costs, counted in statements and never in time, and that nothing is remembered of
one that failed.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager

import pytest

from dalsegno.model import failpoint
from dalsegno.model.errors import Conflict, StoreUnavailable
from dalsegno.model.event import EventType
from dalsegno.model.run import RunStatus
from dalsegno.store.contract import Append
from dalsegno.store.migrations import migrations
from dalsegno.store.sqlite_writer import Writer
from dalsegno.store.statements import load
from tests.store.samples import Pen, new_run, record, text, told


class Desk:
    """
    A writer whose statements are counted.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        connection.executescript("".join(migrations().values()))
        self._connection = connection
        self._writer = Writer(connection, load("sqlite.sql"))

    def commit(self, *appends: Append) -> list[str]:
        """
        Commit a batch of which nothing is refused; says what was executed, each by its verb and
        its table.
        """
        executed: list[str] = []
        self._connection.set_trace_callback(executed.append)
        refusals = self._writer.commit(appends)
        self._connection.set_trace_callback(None)
        assert refusals == [None] * len(appends)
        return [" ".join(re.findall(r"^\w+|(?<=INTO )\w+|(?<=UPDATE )\w+", it)) for it in executed]

    def refuse(self, append: Append) -> Exception | None:
        """
        Why an append is refused.
        """
        (refusal,) = self._writer.commit([append])
        return refusal

    def row(self, columns: str) -> tuple[object, ...]:
        row: tuple[object, ...] = self._connection.execute(f"SELECT {columns} FROM runs").fetchone()
        return row


@pytest.fixture
def desk() -> Iterator[Desk]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        yield Desk(connection)


FailingCommits = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def failing_commits() -> FailingCommits:
    """
    Lets every commit fail, at its very end.
    """

    @contextmanager
    def armed() -> Iterator[None]:
        failpoint.arm("commit.before=raise")
        try:
            yield
        finally:
            failpoint.arm("")

    return armed


class NoStore:
    """
    For pens whose appends a writer gets by hand.
    """


def pen(run_id: str = "run") -> Pen:
    return Pen(NoStore(), new_run(run_id))  # type: ignore[arg-type] # it is never asked


def test_a_step_forward_takes_one_statement_per_table(desk: Desk) -> None:
    run = pen()
    desk.commit(run.append(told(EventType.RUN_STARTED, "")))

    executed = desk.commit(run.append(told(), records=[record("charge")]))

    assert executed == ["BEGIN", "UPDATE runs", "INSERT events", "REPLACE records", "COMMIT"]


def test_the_statements_of_a_commit_grow_with_its_runs_and_not_with_its_rows(desk: Desk) -> None:
    pens = [pen(f"run{number}") for number in range(32)]
    desk.commit(*(each.append(told(EventType.RUN_STARTED, "")) for each in pens))
    appends = [
        each.append(told(), told(), records=[record("charge"), record("pack")]) for each in pens
    ]

    executed = desk.commit(*appends)

    assert executed.count("UPDATE runs") == 32
    assert executed.count("INSERT events") == executed.count("REPLACE records") == 2
    assert len(executed) == 2 + 32 + 2 + 2


def test_a_step_forward_touches_no_index_of_the_runs(desk: Desk) -> None:
    """
    Each index would be one more page in the log, for each commit.
    """
    plan = desk._connection.execute(
        f"EXPLAIN {load('sqlite.sql')['move_run']}", (None,) * 6
    ).fetchall()

    assert "IdxDelete" not in [row[1] for row in plan]
    assert "IdxInsert" not in [row[1] for row in plan]


def test_what_seldom_changes_of_a_run_is_written_when_it_does(desk: Desk) -> None:
    run = pen()
    desk.commit(run.append(told(EventType.RUN_STARTED, ""), status=RunStatus.RUNNING, owner=1))
    desk.commit(run.append(told(), owner=1))

    desk.commit(run.append(told(), status=RunStatus.WAITING, owner=None, due_us=7))
    assert desk.row("status, owner, due_us") == ("waiting", None, 7)
    desk.commit(run.append(told(), status=RunStatus.RUNNING, owner=2, due_us=None))
    assert desk.row("status, owner, due_us") == ("running", 2, None)
    desk.commit(run.append(told(), request_context=text("new")))
    assert desk.row("request_context") == (b'"new"',)


def test_nothing_is_remembered_of_a_commit_that_failed(
    desk: Desk, failing_commits: FailingCommits
) -> None:
    run = pen()
    desk.commit(run.append(told(EventType.RUN_STARTED, ""), owner=1))
    at = run.run
    with failing_commits(), pytest.raises(StoreUnavailable):
        desk.commit(run.append(told(), owner=2))
    assert desk.row("owner, newest_sequence") == (1, 1)

    desk.commit(Pen(run.store, at, is_new=False).append(told(), owner=2))

    assert desk.row("owner, newest_sequence") == (2, 2)


def test_nothing_is_remembered_of_an_append_that_was_refused(desk: Desk) -> None:
    run = pen()
    desk.commit(run.append(told(EventType.RUN_STARTED, ""), owner=1))
    late = run.rival()
    desk.commit(run.append(told(), owner=1))

    assert isinstance(desk.refuse(late.append(told(), owner=2)), Conflict)
    desk.commit(run.append(told(), owner=2))

    assert desk.row("owner, newest_sequence") == (2, 3)


def test_runs_get_keys_of_their_own_after_a_batch_that_failed(
    desk: Desk, failing_commits: FailingCommits
) -> None:
    with failing_commits(), pytest.raises(StoreUnavailable):
        desk.commit(pen("lost").append(told()))

    desk.commit(*(pen(name).append(told()) for name in ("a", "b")))

    assert desk.row("count(DISTINCT key), count(*), max(key)") == (2, 2, 2)
