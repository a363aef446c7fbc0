"""
What the SQLite store does when its file or its disk is in trouble, and how large the file gets.
"""

import asyncio
import resource
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from dalsegno.model.errors import CorruptHistory, StoreUnavailable
from dalsegno.model.event import Event, EventType
from dalsegno.model.payload import Payload, Ref
from dalsegno.model.record import Attempt, Record, StepStatus
from dalsegno.model.run import RunStatus
from dalsegno.store.contract import Definition, RunFilter
from dalsegno.store.sqlite import SqliteStore
from tests.store.conftest import opened_sqlite
from tests.store.samples import ERROR, NOON_US, Pen, new_run, record, replay_of, request, text, told


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    async with opened_sqlite(path) as store:
        yield store


Reads = dict[str, Callable[[SqliteStore], Awaitable[object]]]

OF_RUN: Reads = {"run": lambda store: store.run("run")}
OF_LINEAGE: Reads = {"lineage_chain": lambda store: store.lineage_chain("run", limit=9)}
OF_RECORD: Reads = {
    "record": lambda store: store.record("run", "poll[0]"),
    "records": lambda store: store.records("run", ["poll[0]"]),
    "iterations": lambda store: store.iterations("run", "poll", first=0, limit=9),
    "steps": lambda store: store.steps("run", after_sequence=0, after_address="", limit=9),
}
OF_EVENT: Reads = {"events": lambda store: store.events("run", after=0, limit=9)}
OF_PAYLOAD: Reads = {"payload": lambda store: store.payload(Ref("run", 2))}
OF_STATE: Reads = {"state_before": lambda store: store.state_before("run", 9)}

EDITS: list[tuple[str, Reads]] = [
    ("UPDATE runs SET status = 'done'", OF_RUN | OF_LINEAGE),
    ("UPDATE runs SET detail = '{'", OF_RUN | OF_LINEAGE),
    ("UPDATE runs SET detail = '{\"lineage\":1}'", OF_RUN | OF_LINEAGE),
    ("UPDATE runs SET detail = '{\"bogus\":1}'", OF_RUN | OF_LINEAGE),
    ("UPDATE runs SET request_context = x'7b'", OF_RUN),
    ("UPDATE runs SET request_context = x'22ff22'", OF_RUN),
    ("DELETE FROM events WHERE sequence = 0", OF_RUN),
    ("UPDATE events SET state = x'7b' WHERE sequence = 0", OF_RUN),
    ("UPDATE records SET status = 'completed'", OF_RECORD),
    ("UPDATE records SET status = ''", OF_RECORD),
    ("UPDATE records SET kind = 'stage'", OF_RECORD),
    ("UPDATE records SET detail = 'null'", OF_RECORD),
    ("UPDATE records SET detail = '[1]'", OF_RECORD),
    ("UPDATE records SET detail = '{\"error\":7}'", OF_RECORD),
    ('UPDATE records SET detail = \'{"is_given":"yes"}\'', OF_RECORD),
    ("UPDATE records SET output_at = 77", OF_RECORD),
    ("UPDATE events SET payload = x'7b' WHERE sequence = 2", OF_RECORD | OF_EVENT | OF_PAYLOAD),
    ("UPDATE events SET payload = x'' WHERE sequence = 2", OF_RECORD | OF_EVENT | OF_PAYLOAD),
    ("UPDATE events SET payload = x'22ff22' WHERE sequence = 2", OF_RECORD | OF_EVENT | OF_PAYLOAD),
    ("UPDATE events SET payload = NULL WHERE sequence = 2", OF_RECORD | OF_PAYLOAD),
    ("DELETE FROM events WHERE sequence = 2", OF_RECORD | OF_EVENT | OF_PAYLOAD),
    ("UPDATE events SET type = 'step_done' WHERE sequence = 2", OF_EVENT),
    ("UPDATE events SET detail = '{}}' WHERE sequence = 2", OF_EVENT),
    ("UPDATE events SET state = x'7b' WHERE sequence = 3", OF_EVENT | OF_STATE),
]


@pytest.mark.parametrize(("edit", "reads"), EDITS, ids=[edit for edit, _ in EDITS])
async def test_what_cannot_be_read_is_corrupt_and_never_a_success(
    path: Path, edit: str, reads: Reads
) -> None:
    async with opened_sqlite(path) as store:
        await Pen(store).write(
            told(EventType.RUN_STARTED, ""),
            told(EventType.STEP_COMPLETED, payload=text("output")),
            told(EventType.STEP_COMPLETED, state=text("state")),
            records=[record("poll[0]", output=text("output", Ref("run", 2)))],
        )
        for read in (OF_RUN | OF_LINEAGE | OF_RECORD | OF_EVENT | OF_PAYLOAD | OF_STATE).values():
            await read(store)

    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute(edit).rowcount == 1
        connection.commit()

    async with opened_sqlite(path) as store:
        for read in reads.values():
            with pytest.raises(CorruptHistory) as corrupt:
                await read(store)
            assert corrupt.value.facts["run_id"] == "run"


@pytest.mark.parametrize("edit", [edit for edit, reads in EDITS if "run" in reads])
async def test_lists_leave_out_a_run_that_cannot_be_read(path: Path, edit: str) -> None:
    """
    The goal: it hides no other run, and shortens no page.
    The method: damage one run of a tree of four; read pages of two across it.
    """
    async with opened_sqlite(path) as store:
        root = Pen(store)
        await root.write()
        for number, run_id in enumerate(["a", "b", "c"], 1):
            replay = replay_of(root.run, run_id, created_us=NOON_US + number)
            await Pen(store, replay).write()
    key = "(SELECT key FROM runs WHERE run_id = 'b')"
    where = f"run = {key} AND" if "sequence" in edit else f"WHERE key = {key}"
    edit = edit.replace("WHERE", f"WHERE {where}") if "sequence" in edit else f"{edit} {where}"
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute(edit).rowcount == 1
        connection.commit()

    async with opened_sqlite(path) as store:
        listed = await store.list_runs(RunFilter(), after=None, limit=3)
        tree = await store.tree("run", after=None, limit=3)

    assert [run.run_id for run in listed] == ["c", "a", "run"]
    assert [run.run_id for run in tree] == ["run", "a", "c"]


async def test_an_error_about_a_row_does_not_keep_its_reader_in_the_past(path: Path) -> None:
    async with opened_sqlite(path) as store:
        await Pen(store).write(records=[record("a"), record("b")])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE records SET kind = 'stage' WHERE address = 'a'")
        connection.commit()

    async with opened_sqlite(path, readers=1) as store:
        with pytest.raises(CorruptHistory) as kept:
            await store.steps("run", after_sequence=0, after_address="", limit=9)

        await Pen(store, new_run("other")).write()
        assert await store.run("other") is not None
        assert kept.value.__traceback__ is not None


async def test_an_active_record_that_cannot_be_read_is_corrupt(path: Path) -> None:
    async with opened_sqlite(path) as store:
        await Pen(store).write(records=[record("a", status=StepStatus.SUSPENDED)])

    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE records SET detail = '{'")
        connection.commit()

    async with opened_sqlite(path) as store:
        with pytest.raises(CorruptHistory):
            await store.active_records("run", [StepStatus.SUSPENDED])


@contextmanager
def full_disk(path: Path) -> Iterator[None]:
    """
    No file may grow: the operating system refuses it while the store writes its log.
    """
    size = path.with_name(path.name + "-wal").stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_what_does_not_fit_on_the_disk_fails_its_batch_and_no_later_one(
    store: SqliteStore, path: Path
) -> None:
    large = Payload(b'"' + b"x" * 1_000_000 + b'"')
    pen, other = Pen(store), Pen(store, new_run("other"))
    await pen.write(told())
    await other.write(told())
    appends = [
        pen.append(told(payload=large), records=[record("a")], request=request()),
        other.append(told()),
    ]

    with full_disk(path):
        outcomes = await asyncio.gather(*map(store.append, appends), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [StoreUnavailable, StoreUnavailable]
        assert len(await store.events("run", after=0, limit=9)) == 1
        assert await store.record("run", "a") is None
        assert await store.request("request") is None

    await asyncio.gather(*map(store.append, appends))
    assert len(await store.events("run", after=0, limit=9)) == 2
    assert len(await store.events("other", after=0, limit=9)) == 2


async def test_a_run_that_was_not_kept_for_want_of_space_leaves_no_trace(
    store: SqliteStore,
) -> None:
    """
    The goal: what was rolled back is not remembered in memory either.
    The method: a new run fails together with its next append; another run gets its key.
    """
    await store._connection.call(lambda tx: tx.execute("PRAGMA max_page_count = 50").fetchall())
    large = Payload(b'"' + b"x" * 1_000_000 + b'"')
    lost = Pen(store, new_run("lost"))
    appends = [lost.append(told()), lost.append(told(payload=large))]
    outcomes = await asyncio.gather(*map(store.append, appends), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable, StoreUnavailable]
    await store._connection.call(lambda tx: tx.execute("PRAGMA max_page_count = 100000").fetchall())

    await Pen(store, new_run("kept")).write(told())
    again = Pen(store, new_run("lost"))
    await again.write(told())
    await again.write(told())

    assert len(await store.events("kept", after=0, limit=9)) == 1
    assert len(await store.events("lost", after=0, limit=9)) == 2


async def test_a_definition_that_does_not_fit_is_told(store: SqliteStore) -> None:
    await store._connection.call(lambda tx: tx.execute("PRAGMA max_page_count = 50").fetchall())

    with pytest.raises(StoreUnavailable, match="full"):
        await store.put_definition(Definition("d1", "orders", b"x" * 1_000_000))

    assert await store.definition("d1") is None


async def write_steps(store: SqliteStore, run_id: str, steps: int) -> str:
    """
    A run as the engine writes it: each step's input is the output of the one before, 1 KiB each.

    Returns:
        What only the first output contains.
    """
    pen = Pen(store, new_run(run_id))
    input_ = Payload(b'{"order":7}', Ref(run_id, 1))
    running: list[Record] = []
    ended: list[Event] = []
    first = f"{run_id} output 0"
    await pen.write(told(EventType.RUN_STARTED, "", payload=Payload(b'{"order":7}')))
    for number in range(steps):
        sequence = pen.run.newest_sequence + len(ended) + 1
        time_us = NOON_US + sequence
        step = record(
            f"step{number}",
            status=StepStatus.RUNNING,
            first_sequence=sequence,
            last_sequence=sequence,
            started_us=time_us,
            input=input_,
            attempts=(Attempt(1, time_us),),
        )
        await pen.write(
            *ended,
            told(EventType.STEP_STARTED, step.address, payload=input_, attempt=1),
            records=[*running, step],
        )
        output = text(f"{run_id} output {number}".ljust(1022, "x"))
        ended = [told(EventType.STEP_COMPLETED, step.address, payload=output)]
        input_ = output.stored(run_id, sequence + 1)
        running = [
            replace(
                step,
                status=StepStatus.SUCCESS,
                output=input_,
                ended_us=time_us + 9,
                last_sequence=sequence + 1,
                attempts=(Attempt(1, time_us, time_us + 9),),
            )
        ]
    await pen.write(
        *ended,
        told(EventType.RUN_COMPLETED, "", payload=input_),
        records=running,
        status=RunStatus.SUCCESS,
        result=input_,
    )
    return first


async def size_of(path: Path) -> int:
    return path.stat().st_size  # noqa: ASYNC240 - of a closed database, in memory


async def test_a_run_of_300_steps_of_1_kib_takes_less_than_half_a_megabyte(path: Path) -> None:
    await (await SqliteStore.open(path)).close()
    empty = await size_of(path)

    async with opened_sqlite(path) as store:
        first = await write_steps(store, "0198c0de-0000-7000-8000-000000000001", 300)

    assert await size_of(path) - empty < 405_000
    assert await size_of(path) < 450_000
    assert path.read_bytes().count(first.encode()) == 1  # noqa: ASYNC240 - likewise


async def test_a_step_writes_the_same_in_a_long_run_and_in_a_short_one(
    store: SqliteStore, path: Path
) -> None:
    """
    The goal: what a commit writes is what has changed, not what there is.
    The method: let the log grow, of which each commit writes every page that it touches.
    """
    log = path.with_name(path.name + "-wal")
    written = []
    for steps in (10, 300):
        before = await size_of(log)
        await write_steps(store, f"run-{steps}", steps)
        written.append((await size_of(log) - before) / steps)

    short, long = written
    assert long < 1.5 * short
    assert short < 12_000


async def test_runs_that_are_written_at_once_take_no_more_than_one_by_one(path: Path) -> None:
    async with opened_sqlite(path) as store:
        await asyncio.gather(*(write_steps(store, f"run-{number}", 60) for number in range(20)))

    assert await size_of(path) / (20 * 60) < 1_700


async def test_only_sqlite_opens_the_file(path: Path) -> None:
    """
    Any other descriptor of it, when closed, takes SQLite's locks away.
    """
    files: list[str] = []
    is_watching = True

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if is_watching and event == "open":
            files.append(str(arguments[0]))

    sys.addaudithook(watch)
    async with opened_sqlite(path) as store:
        await Pen(store).write(told(), records=[record("a", error=ERROR)])
        await store.run("run")
    async with opened_sqlite(path):
        pass
    is_watching = False

    assert str(path) + ".lock" in files
    assert str(path) not in files


async def test_a_large_request_context_is_not_written_with_every_append(
    store: SqliteStore, path: Path
) -> None:
    large = Payload(b'"' + b"x" * 1_000_000 + b'"')
    pen = Pen(store, new_run(request_context=large))
    await pen.write(told())
    for _ in range(30):
        await pen.write(told())

    log = path.with_name(path.name + "-wal")
    assert await size_of(log) < 6_000_000
