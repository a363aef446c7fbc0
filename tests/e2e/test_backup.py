"""
Backups of a real server under load, and what is left when it dies meanwhile.
"""

import asyncio
import itertools
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from dalsegno.client import Client, RunStatus
from tests.e2e.service import Ended, Service, dalsegno

GOOD = {"bows": 2, "card": "visa"}
MEGABYTES = 24

# More than an append takes while a copy is made on a busy machine; it may not wait for the copy.
PATIENCE_S = 1.0


@asynccontextmanager
async def load(client: Client) -> AsyncIterator[tuple[list[str], list[float]]]:
    """
    Start runs without end; their ids once they were acknowledged, and how long each took.
    """
    acknowledged: list[str] = []
    took: list[float] = []
    has_begun = asyncio.Event()

    async def start() -> None:
        for number in itertools.count():
            begun = time.monotonic()
            run = await client.run("checkout", input_data=GOOD, run_id=f"r-{number}")
            took.append(time.monotonic() - begun)
            acknowledged.append(run.run_id)
            has_begun.set()

    starting = asyncio.create_task(start())
    await has_begun.wait()
    try:
        yield acknowledged, took
    finally:
        starting.cancel()
        await asyncio.wait({starting})


async def grow(client: Client) -> None:
    for _ in range(MEGABYTES // 2):
        await client.run("echoes", input_data=["x" * 2_000_000])


def in_thread(*args: object, server: str) -> "asyncio.Future[Ended]":
    return asyncio.ensure_future(asyncio.to_thread(dalsegno, *args, server=server))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups" / "copy.db"


@pytest.fixture
def restored(copy: Path) -> Iterator[Service]:
    """
    A server of the backup, to be started.
    """
    service = Service(copy)
    yield service
    if service.process is not None:
        service.kill()


def beside(path: Path) -> set[str]:
    return {each.name for each in path.parent.iterdir()}


def made_beside(path: Path, before: set[str]) -> set[str]:
    """
    Wait until there is a file more; its name.
    """
    end_s = time.monotonic() + 20
    while not (made := beside(path) - before):
        assert time.monotonic() < end_s
    return made


def is_sound(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchall()
    return found == [("ok",)]


async def test_a_backup_under_load_goes_on_where_its_server_was(
    mortal: Service, restored: Service, copy: Path
) -> None:
    """
    The goal: everything that was acknowledged before is in it, its runs can be resumed and
    travelled from, those that were going on go on, and nobody waited for it.
    """
    async with Client(mortal.address) as client:
        await grow(client)
        asked = await client.run("asking", input_data=1, run_id="asked")
        async with load(client) as (acknowledged, took):
            going_on = await client.start_run("counting", input_data=0, run_id="going-on")
            before = list(acknowledged)
            took.clear()
            made = await in_thread("backup", copy, server=mortal.address)
            slowest = max(took)
    assert (made.code, made.err) == (0, "")
    assert len(took) > 3
    assert slowest < PATIENCE_S
    mortal.kill()

    assert await asyncio.to_thread(is_sound, copy)
    await asyncio.to_thread(restored.start)
    async with Client(restored.address) as client:
        for run_id in before:
            assert (await client.get_run(run_id)).status is RunStatus.SUCCESS
        assert (await client.resume(asked.run_id, resume_data=True)).status is RunStatus.SUCCESS
        replay = await client.time_travel(before[-1], "charge")
        assert replay.result == (await client.get_run(before[-1])).result
        assert (await client.wait_run(going_on.run_id)).result == 60
    assert await asyncio.to_thread(restored.stop) == 0


async def test_a_server_that_is_killed_meanwhile_leaves_nothing_broken(
    mortal: Service, copy: Path
) -> None:
    async with Client(mortal.address) as client:
        await grow(client)
        last = await client.run("checkout", input_data=GOOD)
    before = beside(mortal.db)
    taking = in_thread("backup", copy, server=mortal.address)
    left = await asyncio.to_thread(made_beside, mortal.db, before)
    mortal.kill()
    ended = await taking

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("dalsegno: the server went away: ")
    assert ended.err.endswith("; no file was made; take it again\n")
    assert beside(copy) == set()
    await asyncio.to_thread(mortal.start)
    assert not left & beside(mortal.db)
    async with Client(mortal.address) as client:
        assert await client.get_run(last.run_id) == last
        await client.backup(copy)
    assert await asyncio.to_thread(is_sound, copy)


def test_what_cannot_be_done_is_one_sentence(mortal: Service, copy: Path, tmp_path: Path) -> None:
    def backup(*args: object) -> str:
        ended = dalsegno("backup", *args, server=mortal.address)
        assert (ended.code, ended.out) == (1, "")
        assert ended.err.count("\n") == 1
        return ended.err.removeprefix("dalsegno: ").strip()

    copy.write_text("last week's")

    assert backup(copy) == f"{copy} is there already; name another file, or replace it with --force"
    assert backup(tmp_path) == f"{tmp_path} is a folder; name a file in it"
    nowhere = tmp_path / "nowhere" / "copy.db"
    assert backup(nowhere) == f"the folder {nowhere.parent} does not exist; make it first"
    assert copy.read_text() == "last week's"
    assert os.listdir(copy.parent) == ["copy.db"]  # noqa: PTH208 - the names are what counts

    done = dalsegno("backup", copy, "--force", "--json", server=mortal.address)

    assert done.document["file"] == str(copy)
    assert done.document["size"] == copy.stat().st_size
    mortal.stop()
    nobody = dalsegno("backup", copy, "--force", server=mortal.address)
    assert nobody.code == 7
    assert "no server answers" in nobody.err
    assert is_sound(copy)
