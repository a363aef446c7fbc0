"""
That no statement of the SQLite store reads more than it returns.
"""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from dalsegno.model.event import EventType
from dalsegno.model.payload import Ref
from dalsegno.model.record import StepStatus
from dalsegno.model.run import RunStatus
from dalsegno.store import sqlite_opening
from dalsegno.store.contract import RunCursor, RunFilter
from dalsegno.store.migrations import migrations
from dalsegno.store.sqlite import SqliteStore
from dalsegno.store.statements import load
from tests.store.conftest import opened_sqlite
from tests.store.samples import NOON_US, Pen, new_run, record, replay_of, text, told

SQL = load("sqlite.sql")
VIEWS = [sql for name, sql in SQL.items() if name.startswith("view_")]
STATEMENTS = [name for name, sql in SQL.items() if not re.match("CREATE|PRAGMA", sql)]

# What may be gone through from end to end: what a statement is given, and what it has found.
NO_TABLES = {"json_each", "chain", "c", "owners", "o"}
# A row per server, those without runs removed.
SMALL_TABLES = {"leases"}


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.executescript("".join(migrations().values()))
        sqlite_opening.prepare_reader(connection, VIEWS)
        yield connection


def plan(connection: sqlite3.Connection, name: str) -> list[str]:
    sql = SQL[name]
    unset: Any = (
        (None,) * sql.count("?") if "?" in sql else dict.fromkeys(re.findall(r":(\w+)", sql))
    )
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", unset)]


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_goes_through_a_whole_table(connection: sqlite3.Connection, name: str) -> None:
    for step in plan(connection, name):
        scanned = re.match(r"SCAN (\w+)", step)
        assert scanned is None or scanned[1] in NO_TABLES | SMALL_TABLES, step
        assert "MATERIALIZE" not in step
        assert "AUTOMATIC" not in step


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_sorts_what_it_reads(connection: sqlite3.Connection, name: str) -> None:
    assert [step for step in plan(connection, name) if "TEMP B-TREE" in step] == []


@pytest.mark.parametrize(
    "name", [name for name in STATEMENTS if SQL[name].startswith(("SELECT", "WITH"))]
)
def test_no_read_is_prepared_anew_for_each_value(connection: sqlite3.Connection, name: str) -> None:
    """
    SQLite asks the authorizer while it prepares a statement, and never while it executes one.
    """
    asked: list[int] = []

    def authorize(action: int, *_: object) -> int:
        asked.append(action)
        return sqlite3.SQLITE_OK

    connection.set_authorizer(authorize)
    values: list[dict[str, Any]] = [
        {name: [f"[{value}]", value][name == "limit"] for name in re.findall(r":(\w+)", SQL[name])}
        for value in (1, 2)
    ]
    connection.execute(SQL[name], values[0]).fetchall()
    first = len(asked)
    connection.execute(SQL[name], values[1]).fetchall()
    connection.set_authorizer(None)

    assert 0 < first == len(asked)


def test_every_statement_is_used() -> None:
    code = "".join(
        file.read_text() for file in files("dalsegno.store").iterdir() if file.name.endswith(".py")
    )

    unused = [name for name in SQL if f'"{name}"' not in code and not name.startswith("view_")]

    assert unused == []


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with opened_sqlite(tmp_path / "runs.db", readers=1) as store:
        yield store


async def work(store: SqliteStore, read: Callable[[SqliteStore], Awaitable[object]]) -> int:
    """
    How many instructions of SQLite's virtual machine a read takes, in tens.
    """
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    (reader,) = store._readers
    await read(store)  # the schema is read once
    await reader.call(lambda tx: tx.set_progress_handler(count, 10))
    await read(store)
    await reader.call(lambda tx: tx.set_progress_handler(None, 0))
    return steps


async def write_run(store: SqliteStore, iterations: int) -> None:
    """
    A run with a loop, and with two active records behind it.
    """
    output = text("output", Ref("run", 1))
    loop = [
        record(f"poll[{index}]", output=output, first_sequence=index + 1)
        for index in range(iterations)
    ]
    active = [
        record("poll", status=StepStatus.SUSPENDED, first_sequence=1),
        record("last", status=StepStatus.RUNNING, first_sequence=iterations),
    ]
    first = told(EventType.STEP_COMPLETED, payload=text("output"), state=text("state"))
    await Pen(store).write(
        first, *[told()] * iterations, records=[*loop, *active], state=text("state", Ref("run", 1))
    )


READS: dict[str, Callable[[SqliteStore], Awaitable[object]]] = {
    "run": lambda store: store.run("run"),
    "record": lambda store: store.record("run", "poll[3]"),
    "records": lambda store: store.records("run", ["poll[3]", "poll[5]"]),
    "iterations": lambda store: store.iterations("run", "poll", first=4, limit=3),
    "last_iteration": lambda store: store.last_iteration("run", "poll"),
    "active_records": lambda store: store.active_records("run", list(StepStatus)),
    "steps": lambda store: store.steps("run", after_sequence=5, after_address="", limit=3),
    "events": lambda store: store.events("run", after=5, limit=3),
    "state_before": lambda store: store.state_before("run", 1_000_000),
    "no_state_before": lambda store: store.state_before("run", 1),
    "payload": lambda store: store.payload(Ref("run", 1)),
}


@pytest.mark.parametrize("name", READS)
async def test_a_read_costs_the_same_however_long_the_run_is(tmp_path: Path, name: str) -> None:
    costs = []
    for iterations in (10, 1000):
        async with opened_sqlite(tmp_path / f"{iterations}.db", readers=1) as store:
            await write_run(store, iterations)
            costs.append(await work(store, READS[name]))

    short, long = costs
    assert long <= short + 2


LISTS: dict[str, Callable[[SqliteStore], Awaitable[object]]] = {
    "all": lambda store: listed(store, RunFilter()),
    "status": lambda store: listed(store, RunFilter(statuses=(RunStatus.FAILED,))),
    "workflow": lambda store: listed(store, RunFilter(workflow_id="rare")),
    "both": lambda store: listed(store, RunFilter("orders", (RunStatus.FAILED,))),
    "source": lambda store: listed(store, RunFilter(source_run_id="root")),
    "root": lambda store: listed(store, RunFilter(root_run_id="root")),
    "created": lambda store: listed(store, RunFilter(created_before_us=NOON_US + 10)),
    "tree": lambda store: store.tree("root", after=RunCursor(NOON_US, "root"), limit=2),
    "replays": lambda store: store.replays("root", limit=2),
    "next_due": lambda store: store.next_due(),
    "due_runs": lambda store: store.due_runs(NOON_US + 10, limit=2),
    "running_runs": lambda store: store.running_runs(1, after="", limit=2),
    "pending_runs": lambda store: store.pending_runs(limit=2),
    "pending_count": lambda store: store.pending_count(),
    "owners": lambda store: store.owners(),
}


def listed(store: SqliteStore, where: RunFilter) -> Awaitable[Sequence[object]]:
    return store.list_runs(where, after=None, limit=2)


async def write_runs(store: SqliteStore, count: int) -> None:
    """
    A few runs of every sort among many that are finished.
    """
    root = new_run("root", status=RunStatus.SUCCESS)
    waiting = {"status": RunStatus.WAITING, "due_us": NOON_US + 5}
    few: list[dict[str, Any]] = [
        {"status": RunStatus.RUNNING, "owner": 1},
        {"status": RunStatus.PENDING},
        waiting,
        {"status": RunStatus.FAILED},
        {"workflow_id": "rare", "status": RunStatus.SUCCESS},
    ]
    runs = [root, *(replay_of(root, f"replay-{number}", created_us=NOON_US + 3) for number in "12")]
    runs += [
        new_run(f"few-{copy}-{number}", created_us=NOON_US + 2, **columns)
        for copy in range(2)
        for number, columns in enumerate(few)
    ]
    runs += [
        new_run(f"run-{number}", status=RunStatus.SUCCESS, created_us=NOON_US + 7 * number)
        for number in range(count)
    ]
    await asyncio.gather(*(Pen(store, run).write() for run in runs))


@pytest.mark.parametrize("name", LISTS)
async def test_a_list_costs_the_same_however_many_runs_there_are(tmp_path: Path, name: str) -> None:
    costs = []
    for count in (10, 500):
        async with opened_sqlite(tmp_path / f"{count}.db", readers=1) as store:
            await write_runs(store, count)
            costs.append(await work(store, LISTS[name]))

    few, many = costs
    assert many <= few + 5


async def test_a_lineage_is_one_query_however_deep(store: SqliteStore) -> None:
    run = new_run("run-0")
    await Pen(store, run).write()
    for number in range(1, 30):
        run = replay_of(run, f"run-{number}")
        await Pen(store, run).write()
    statements: list[str] = []
    (reader,) = store._readers
    await reader.call(lambda tx: tx.set_trace_callback(statements.append))

    chain = await store.lineage_chain("run-29", limit=99)

    await reader.call(lambda tx: tx.set_trace_callback(None))
    assert len(chain) == 30
    assert [each for each in statements if not each.startswith("--")] == statements[:1]
