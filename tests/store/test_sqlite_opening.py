"""
Opening and closing the SQLite store.
"""

import asyncio
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from dalsegno.model.errors import StoreUnavailable
from dalsegno.store import sqlite_checks, sqlite_opening
from dalsegno.store.contract import Definition, Store
from dalsegno.store.migrations import APPLICATION_ID, migrate, migrations
from dalsegno.store.sqlite import SqliteStore, StoreOpenError
from dalsegno.store.sqlite_checks import Integrity
from tests.store.samples import Pen, new_run, text, told

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def content(path: Path) -> bytes:
    return path.read_bytes()


def sql(path: Path, *statements: str) -> list[tuple[object, ...]]:
    """
    Execute statements as another program would; the rows of the last one.
    """
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements[:-1]:
            connection.execute(statement)
        rows = connection.execute(statements[-1]).fetchall()
        connection.commit()
    return rows


async def refusal(path: Path) -> str:
    """
    What is said when the store cannot be opened; the same again, so nothing was held on to.
    """
    with pytest.raises(StoreOpenError) as refused:
        await SqliteStore.open(path)
    with pytest.raises(StoreOpenError) as refused_again:
        await SqliteStore.open(path)
    assert str(refused.value) == str(refused_again.value)
    return str(refused.value)


async def test_the_sqlite_store_fulfils_the_contract(path: Path) -> None:
    store = await SqliteStore.open(path)
    fulfils: Store = store

    assert await fulfils.run("none") is None

    await store.close()


async def test_a_new_database_says_whose_it_is(path: Path) -> None:
    await (await SqliteStore.open(path)).close()

    assert sql(path, "PRAGMA application_id") == [(APPLICATION_ID,)]
    assert sql(path, "PRAGMA user_version") == [(len(migrations()),)]
    assert sql(path, "PRAGMA journal_mode") == [("wal",)]


async def test_a_database_with_larger_pages_keeps_them(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA page_size = 4096")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")

    store = await SqliteStore.open(path)
    await Pen(store).write(told())
    limit = await store._connection.call(
        lambda tx: tx.execute("PRAGMA wal_autocheckpoint").fetchone()
    )
    await store.close()

    assert sql(path, "PRAGMA page_size") == [(4096,)]
    assert limit == (1000,)


async def test_nothing_but_the_lock_is_left_beside_a_closed_database(path: Path) -> None:
    store = await SqliteStore.open(path)
    await Pen(store).write(told())
    await store.close()

    assert sorted(each.name for each in path.parent.iterdir()) == ["runs.db", "runs.db.lock"]


async def test_commits_are_durable_and_readers_cannot_write(path: Path) -> None:
    store = await SqliteStore.open(path)

    def pragma(name: str) -> object:
        return store._connection.call(lambda tx: tx.execute(f"PRAGMA {name}").fetchone()[0])

    expected = {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "foreign_keys": 1,
        "trusted_schema": 0,
        "cell_size_check": 1,
        "journal_size_limit": 64 * 1024 * 1024,
        "page_size": 1024,
        "wal_autocheckpoint": 4000,
    }
    assert {name: await pragma(name) for name in expected} == expected  # type: ignore[misc] # Any
    for reader in store._readers:
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            await reader.call(lambda tx: tx.execute("DELETE FROM runs"))
    await store.close()


async def test_a_missing_folder_is_told(path: Path) -> None:
    said = await refusal(path / "runs.db")

    assert said == f"the folder {path} does not exist; make it first"


async def test_a_folder_is_no_database(path: Path) -> None:
    await asyncio.to_thread(path.mkdir)

    assert await refusal(path) == f"{path} is no file, so it cannot be a database"


async def test_what_is_no_database_is_left_as_it_is(path: Path) -> None:
    write(path, b"Dear diary, " * 100)

    assert await refusal(path) == f"{path} is no SQLite database; name another file"
    assert content(path) == b"Dear diary, " * 100


@pytest.mark.parametrize(
    "statement",
    ["PRAGMA application_id = 7", "PRAGMA user_version = 1", "CREATE TABLE diary (day TEXT)"],
)
async def test_a_database_of_another_program_is_left_as_it_is(path: Path, statement: str) -> None:
    sql(path, "PRAGMA journal_mode = WAL", statement)
    before = content(path)

    said = await refusal(path)

    assert said == f"{path} is a database of another program; name another file"
    assert content(path) == before


async def test_a_database_of_a_newer_server_is_left_as_it_is(path: Path) -> None:
    await (await SqliteStore.open(path)).close()
    sql(path, "PRAGMA user_version = 99")
    before = content(path)

    said = await refusal(path)

    newest = len(migrations())
    assert said == (
        f"{path} has schema 99, of a newer server; this one knows schemas up to {newest}"
    )
    assert content(path) == before


async def test_an_empty_file_becomes_a_database(path: Path) -> None:
    write(path, b"")

    await (await SqliteStore.open(path)).close()

    assert sql(path, "PRAGMA application_id") == [(APPLICATION_ID,)]


async def test_a_database_that_has_become_empty_is_not_begun_anew(path: Path) -> None:
    await (await SqliteStore.open(path)).close()
    write(path, b"")

    said = await refusal(path)

    assert said.startswith(f"{path} was a database and is empty now; restore a backup")
    assert content(path) == b""


async def test_a_database_that_was_removed_is_begun_anew(path: Path) -> None:
    await (await SqliteStore.open(path)).close()
    await asyncio.to_thread(path.unlink)

    await (await SqliteStore.open(path)).close()

    assert sql(path, "PRAGMA application_id") == [(APPLICATION_ID,)]


@pytest.mark.parametrize("is_empty", [False, True])
async def test_a_log_without_its_database_is_not_thrown_away(path: Path, *, is_empty: bool) -> None:
    left = path.with_name("runs.db-wal")
    write(left, b"what was acknowledged last")
    if is_empty:
        write(path, b"")

    said = await refusal(path)

    assert said.startswith(f"{left} is there without its database; put runs.db back")
    assert content(left) == b"what was acknowledged last"
    assert [each.name for each in path.parent.glob("runs.db")] == ["runs.db"] * is_empty


async def test_a_database_whose_making_was_cut_off_is_made_anew(path: Path) -> None:
    """
    What SQLite has written first of all, when the disk is full or the power fails then.
    """
    write(path, b"")
    write(path.with_name("runs.db-journal"), bytes(512))

    await (await SqliteStore.open(path)).close()

    assert sql(path, "PRAGMA application_id") == [(APPLICATION_ID,)]


@pytest.mark.parametrize(
    ("kind", "name"),
    [(0x6969, "NFS"), (0xFF534D42, "SMB"), (0xFE534D42, "SMB"), (0x01021997, "9P")],
)
def test_a_network_file_system_is_refused(path: Path, kind: int, name: str) -> None:
    with pytest.raises(StoreOpenError) as refused:
        sqlite_checks.check_place(path, lambda folder: kind if folder == path.parent else None)

    assert str(refused.value).startswith(f"{path} is on a network file system ({name})")


@pytest.mark.parametrize("kind", [0xEF53, 0x9123683E, 0x58465342, 0x01021994, None])
def test_a_local_file_system_is_not(path: Path, kind: int | None) -> None:
    sqlite_checks.check_place(path, lambda _: kind)


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")
def test_the_kind_of_a_file_system_is_known() -> None:
    assert sqlite_checks.filesystem(Path("/proc")) == 0x9FA0
    assert sqlite_checks.filesystem(Path("/nowhere")) is None


async def full(path: Path) -> None:
    """
    A database of a few hundred pages.
    """
    store = await SqliteStore.open(path)
    for number in range(60):
        await Pen(store, new_run(f"r-{number}")).write(told(payload=text("x" * 3000)))
    await store.close()


def middle(path: Path) -> int:
    return path.stat().st_size // 4096 // 2 * 4096


def spoil(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\xa5" * 64)


@pytest.mark.parametrize("integrity", ["quick", "full"])
@pytest.mark.parametrize("place", ["a page in the middle", "the schema", "the end"])
async def test_a_damaged_database_is_not_opened(
    path: Path, integrity: Integrity, place: str
) -> None:
    await full(path)
    match place:
        case "a page in the middle":
            spoil(path, middle(path))
        case "the schema":
            spoil(path, 100)
        case _:
            os.truncate(path, middle(path))
    before = content(path)

    with pytest.raises(StoreOpenError) as refused:
        await SqliteStore.open(path, integrity=integrity)

    assert str(refused.value).startswith(f"{path} is damaged (")
    assert str(refused.value).endswith("restore a backup (docs/operations.md)")
    assert content(path) == before


async def test_only_a_full_check_compares_an_index_with_its_table(path: Path) -> None:
    await full(path)
    # The definition changes, what is in the index does not.
    sql(
        path,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET sql = replace(sql, '(created_us', '(newest_sequence') "
        "WHERE name = 'runs_by_time'",
        "SELECT 1",
    )

    with pytest.raises(StoreOpenError, match="is damaged"):
        await SqliteStore.open(path, integrity="full")
    await (await SqliteStore.open(path, integrity="quick")).close()


async def test_a_check_that_is_off_reads_nothing_but_the_header(path: Path) -> None:
    await full(path)
    spoil(path, middle(path))

    await (await SqliteStore.open(path, integrity="off")).close()


@pytest.mark.parametrize("name", ["a b", "50%", "x?mode=memory", "x#y", "ü"])
async def test_any_name_is_a_name(tmp_path: Path, name: str) -> None:
    await (await SqliteStore.open(tmp_path / name)).close()

    assert (tmp_path / name).is_file()


async def test_a_second_server_is_refused_until_the_first_is_gone(path: Path) -> None:
    link = path.with_name("link.db")
    link.symlink_to(path)
    first = await SqliteStore.open(path)

    for name in (path, link):
        said = await refusal(name)
        assert said == f"{name} is open in another server; each needs a database of its own"

    await first.close()
    await (await SqliteStore.open(link)).close()


async def test_a_server_that_was_killed_leaves_no_lock_and_loses_nothing(path: Path) -> None:
    """
    The goal: what was acknowledged is there after kill -9, also if it is in the log file alone.
    """
    program = f"""
import asyncio, os, signal
from dalsegno.store.contract import Definition
from dalsegno.store.sqlite import SqliteStore
async def main():
    store = await SqliteStore.open({str(path)!r})
    await store.put_definition(Definition("d1", "orders", b"{{}}"))
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    ended = subprocess.run([sys.executable, "-c", program], check=False, timeout=30)  # noqa: ASYNC221 - nothing else goes on
    assert ended.returncode == -9
    assert path.with_name("runs.db-wal").stat().st_size > 0

    store = await SqliteStore.open(path)

    assert await store.definition("d1") == Definition("d1", "orders", b"{}")
    await store.close()


@contextmanager
def unprivileged() -> Iterator[Path]:
    """
    A folder of this process's own, and, if it is root, for a moment no privileges: root may write
    whatever the permissions say.
    """
    is_root = os.geteuid() == 0
    folder = Path(tempfile.mkdtemp())
    try:
        if is_root:
            os.chown(folder, NOBODY, -1)
            os.seteuid(NOBODY)
        yield folder
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o700)
        shutil.rmtree(folder)


async def test_a_folder_that_takes_no_files_is_told() -> None:
    await asyncio.to_thread(int)  # imports what may not be readable without privileges
    with unprivileged() as folder:
        folder.chmod(0o500)
        said = await refusal(folder / "runs.db")

    assert said == f"{folder / 'runs.db.lock'} cannot be written: Permission denied"


@pytest.mark.parametrize("mode", [0o400, 0o000])
async def test_a_file_that_cannot_be_read_or_written_is_told(mode: int) -> None:
    with unprivileged() as folder:
        path = folder / "runs.db"
        await (await SqliteStore.open(path)).close()
        path.chmod(mode)
        said = await refusal(path)

    assert said.startswith(f"{path} cannot be used: ")
    assert said.endswith("see that this user may read and write it and the files beside it")


async def test_a_closed_store_takes_no_calls(path: Path) -> None:
    store = await SqliteStore.open(path)
    await store.close()
    await store.close()

    with pytest.raises(StoreUnavailable):
        await store.run("run")
    with pytest.raises(StoreUnavailable):
        await store.put_definition(Definition("d1", "orders", b"{}"))
    with pytest.raises(StoreUnavailable):
        await Pen(store).write(told())


def test_migrations_are_applied_once_each_in_order(path: Path) -> None:
    scripts = {1: "CREATE TABLE a (x); CREATE TABLE b (x)", 2: "ALTER TABLE a ADD COLUMN y"}
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, {1: scripts[1]})
        connection.execute("INSERT INTO a VALUES (1)")

        migrate(connection, scripts)
        migrate(connection, scripts)

        assert connection.execute("SELECT x, y FROM a").fetchall() == [(1, None)]
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)


def test_of_a_migration_that_fails_nothing_is_kept(path: Path) -> None:
    scripts = {1: "CREATE TABLE a (x)", 2: "CREATE TABLE b (x); INSERT INTO nowhere VALUES (1)"}
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            migrate(connection, scripts)

        tables = connection.execute("SELECT name FROM sqlite_schema").fetchall()
        assert tables == [("a",)]
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)


def test_a_migration_that_is_killed_is_made_again(path: Path) -> None:
    """
    The method: a script that kills its process between two statements.
    """
    scripts = {
        1: "CREATE TABLE a (x)",
        2: "CREATE TABLE b (x); INSERT INTO a SELECT die(); CREATE TABLE c (x)",
    }
    program = f"""
import os, signal, sqlite3
from dalsegno.store.migrations import migrate
connection = sqlite3.connect({str(path)!r}, isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.create_function("die", 0, lambda: os.kill(os.getpid(), signal.SIGKILL))
migrate(connection, {scripts!r})
"""
    ended = subprocess.run([sys.executable, "-c", program], check=False, timeout=30)
    assert ended.returncode == -9

    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("a",)]
        connection.create_function("die", 0, lambda: 7)
        migrate(connection, scripts)

        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        assert connection.execute("SELECT x FROM a").fetchall() == [(7,)]


@pytest.mark.parametrize(
    ("version", "has_bug"),
    [
        ((3, 37, 0), True),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 54, 1), False),
    ],
)
def test_a_sqlite_with_the_wal_reset_bug_is_warned_of(
    caplog: pytest.LogCaptureFixture, version: tuple[int, ...], *, has_bug: bool
) -> None:
    with caplog.at_level(logging.WARNING):
        sqlite_opening.check_version(version)

    assert ["WAL-reset bug" in line for line in caplog.messages] == [True] * has_bug


def test_a_sqlite_that_is_too_old_is_refused() -> None:
    with pytest.raises(StoreOpenError, match=r"SQLite 3\.36\.0; the store needs 3\.37 or newer"):
        sqlite_opening.check_version((3, 36, 0))
