"""
Copies of a SQLite database while it is written.
"""

import asyncio
import itertools
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from dalsegno.model.errors import BackupActive, BackupNoSpace, CorruptStore, StoreUnavailable
from dalsegno.store import sqlite_backup
from dalsegno.store.contract import RunFilter
from dalsegno.store.sqlite import SqliteStore
from dalsegno.store.sqlite_backup import Backups
from dalsegno.store.sqlite_checks import StoreOpenError
from tests.store.conftest import opened_sqlite
from tests.store.samples import Pen, new_run, text, told

CHUNK = 10_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    async with opened_sqlite(path) as store:
        yield store


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere" / "copy.db"


async def take(store: SqliteStore) -> bytes:
    async with store.backup(chunk_bytes=CHUNK) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def restore(store: SqliteStore, copy: Path) -> None:
    data = await take(store)
    await asyncio.to_thread(copy.write_bytes, data)


async def grow(store: SqliteStore, *, megabytes: int) -> None:
    pen = Pen(store)
    for _ in range(megabytes * 4):
        await pen.write(told(payload=text("x" * 250_000)))


def beside(path: Path) -> set[str]:
    return {each.name for each in path.parent.iterdir()}


async def test_a_backup_is_a_database_with_all_that_was_committed(
    store: SqliteStore, copy: Path
) -> None:
    await Pen(store).write(told(payload=text("a")), told())

    await restore(store, copy)

    async with opened_sqlite(copy) as restored:
        assert await restored.run("run") == await store.run("run")
        events = await restored.events("run", after=0, limit=9)
        assert events == await store.events("run", after=0, limit=9)
        await Pen(restored, new_run("other")).write(told())
    assert await store.run("other") is None


async def test_it_is_of_one_moment_whatever_is_appended_meanwhile(
    store: SqliteStore, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The goal: no append is half in it, none that came before is missing, and it is not begun again
    with each that comes.
    The method: copy page by page beside a busy writer; compare each run of the copy with itself.
    """
    monkeypatch.setattr(sqlite_backup, "_STEP_PAGES", 1)
    await grow(store, megabytes=10)
    written = 0
    has_begun = asyncio.Event()

    async def write() -> None:
        nonlocal written
        for number in itertools.count():
            await Pen(store, new_run(f"r-{number}")).write(told(), told())
            written = number + 1
            has_begun.set()

    writing = asyncio.create_task(write())
    await has_begun.wait()
    before = written
    async with asyncio.timeout(20), store.backup(chunk_bytes=CHUNK) as chunks:
        after = written
        data = b"".join([chunk async for chunk in chunks])
    writing.cancel()
    with suppress(asyncio.CancelledError):
        await writing
    await asyncio.to_thread(copy.write_bytes, data)

    async with opened_sqlite(copy) as restored:
        runs = await restored.list_runs(RunFilter(), after=None, limit=100_000)
        assert before < len(runs) <= after + 1  # and the run that made it grow
        for run in runs:
            events = await restored.events(run.run_id, after=0, limit=99)
            assert [event.sequence for event in events] == list(range(1, run.newest_sequence + 1))
    assert after > before


async def test_chunks_are_as_large_as_asked_for(store: SqliteStore) -> None:
    await grow(store, megabytes=1)

    async with store.backup(chunk_bytes=CHUNK) as chunks:
        sizes = [len(chunk) async for chunk in chunks]

    assert set(sizes[:-1]) == {CHUNK}
    assert sizes[-1] <= CHUNK
    assert sum(sizes) >= 1_000_000


async def test_there_is_one_at_a_time(store: SqliteStore) -> None:
    async with store.backup(chunk_bytes=CHUNK):
        with pytest.raises(BackupActive):
            await take(store)

    assert await take(store)


async def test_nothing_is_left_of_it(store: SqliteStore, path: Path) -> None:
    before = beside(path)

    async with store.backup(chunk_bytes=CHUNK) as chunks:
        await anext(chunks)
        assert beside(path) == before

    assert beside(path) == before


async def test_who_may_not_read_the_database_may_not_read_its_copy(
    path: Path, tmp_path: Path
) -> None:
    await (await SqliteStore.open(path)).close()
    backups = Backups(path, tmp_path)
    backups._begin()

    assert backups._copy.stat().st_mode & 0o777 == 0o600


async def test_nothing_is_left_of_one_whose_caller_has_gone(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The method: leave at ten moments of a copy that is made page by page.
    """
    monkeypatch.setattr(sqlite_backup, "_STEP_PAGES", 1)
    await grow(store, megabytes=2)
    before = beside(path)
    begun = time.monotonic()
    await take(store)
    took_s = time.monotonic() - begun
    canceled = 0
    for moment in range(10):
        taking = asyncio.create_task(take(store))
        await asyncio.sleep(took_s * moment / 10)
        taking.cancel()
        with suppress(asyncio.CancelledError):
            await taking
        canceled += taking.cancelled()
        assert beside(path) == before

    assert canceled > 0
    assert await take(store)


async def test_what_a_crash_has_left_is_removed_at_the_start(path: Path, copy: Path) -> None:
    """
    The method: end a process in which a backup is being sent. Its database is ours, and another
    one that uses the same folder must keep its copy.
    """
    other = path.with_name("other.db")
    for database in (path, other):
        await (await SqliteStore.open(database)).close()
        left = Backups(database, copy.parent)
        left._begin()
        left._copy.with_name(left._copy.name + "-journal").touch()
    assert len(beside(copy)) == 4

    store = await SqliteStore.open(path, backup_dir=copy.parent)
    await store.close()

    assert len(beside(copy)) == 2
    assert all(name.startswith("other.db-") for name in beside(copy))


async def test_it_can_be_made_in_another_folder(path: Path, copy: Path) -> None:
    store = await SqliteStore.open(path, backup_dir=copy.parent)

    other = Backups(path, copy.parent)._copy
    assert other.parent == copy.parent
    other.mkdir()  # in its place: only a copy that is made here meets it
    with pytest.raises(StoreUnavailable, match=f"no copy at {other}"):
        await take(store)
    other.rmdir()
    assert await take(store)

    await asyncio.to_thread(copy.parent.rmdir)
    with pytest.raises(StoreUnavailable, match=f"there is no folder {copy.parent}"):
        await take(store)
    await store.close()


async def test_a_folder_for_copies_that_is_not_there_is_told_at_the_start(
    path: Path, tmp_path: Path
) -> None:
    with pytest.raises(StoreOpenError) as refused:
        await SqliteStore.open(path, backup_dir=tmp_path / "none")

    assert str(refused.value) == (
        f"the folder {tmp_path / 'none'} for backups does not exist; make it first"
    )
    assert "runs.db" not in beside(path)


async def test_a_copy_that_would_leave_too_little_space_is_not_begun(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = path.with_name("runs.db-wal")
    size = sum([(await asyncio.to_thread(each.stat)).st_size for each in (path, log)])
    before = beside(path)
    monkeypatch.setattr(sqlite_backup, "free_bytes", lambda _: size + 64 * 1024 * 1024 - 1)

    with pytest.raises(BackupNoSpace) as refused:
        await take(store)

    assert refused.value.facts == {"folder": str(path.parent)}
    assert beside(path) == before


def damage(path: Path) -> None:
    """
    Spoil one page in five, as a disk does.
    """
    with path.open("r+b") as file:
        for page in range(10, path.stat().st_size // 4096, 5):
            file.seek(page * 4096)
            file.write(b"\xa5" * 64)


async def test_no_copy_is_made_of_a_damaged_database(path: Path) -> None:
    async with opened_sqlite(path) as store:
        for number in range(50):
            await Pen(store, new_run(f"r-{number}")).write(told(payload=text("x" * 3000)))
    async with opened_sqlite(path) as store:
        before = beside(path)
        await asyncio.to_thread(damage, path)

        with pytest.raises(CorruptStore, match=r"^the database is damaged: .*[Pp]age \d+"):
            await take(store)

        assert beside(path) == before


async def test_a_closed_store_makes_none(path: Path) -> None:
    store = await SqliteStore.open(path)
    await store.close()

    with pytest.raises(StoreUnavailable):
        await take(store)


async def test_the_copy_is_whole_without_any_other_file(store: SqliteStore, copy: Path) -> None:
    await Pen(store).write(told())
    await restore(store, copy)

    with closing(sqlite3.connect(f"file:{copy}?immutable=1", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT run_id FROM runs").fetchall() == [("run",)]
