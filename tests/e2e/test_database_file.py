"""
The file of the database, while others look at it.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from dalsegno.client import Client, Run
from tests.e2e.service import Service, dalsegno

# What `sqlite3 FILE .tables` does, and programs that make copies of whole machines: open, read,
# close, again and again.
LOOKING = """
import sqlite3, sys
for _ in range(20):
    connection = sqlite3.connect(sys.argv[1])
    connection.execute("SELECT name FROM sqlite_schema").fetchall()
    connection.execute("SELECT count(*) FROM events").fetchall()
    connection.close()
    open(sys.argv[1], "rb").close()
"""


@pytest.fixture
def told(tmp_path: Path) -> Path:
    return tmp_path / "opened"


@pytest.fixture
def watched(tmp_path: Path, told: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("OPENED", str(told))
    service = Service(tmp_path / "runs.db", workflows="tests.e2e.opening")
    service.start()
    yield service
    if service.process is not None:
        service.kill()


def look(service: Service) -> None:
    """
    Read the database from a process beside the server.
    """
    subprocess.run([sys.executable, "-c", LOOKING, str(service.db)], check=True, timeout=30)


async def ask_health(service: Service) -> None:
    async with grpc.aio.insecure_channel(service.address) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        for name in ("", "dalsegno.v1.RunService", "dalsegno.v1.AdminService"):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=name), timeout=10)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


def handles(service: Service) -> list[str]:
    """
    The files of the database that the server has open.
    """
    assert service.process is not None
    links = []
    for each in Path(f"/proc/{service.process.pid}/fd").iterdir():
        try:
            links.append(str(each.readlink()))
        except FileNotFoundError:  # closed meanwhile
            continue
    return [link for link in links if link.startswith(str(service.db))]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
async def test_the_log_stays_the_databases_own_whoever_looks(
    watched: Service, told: Path, tmp_path: Path
) -> None:
    """
    The goal: nothing the server does takes SQLite's locks from its file, so that no other program
    can throw the log away with what was acknowledged.
    The method: make it do everything it can besides runs, look into the database from outside
    after each, kill it, and compare what was told with what is there.
    """
    at_start = await asyncio.to_thread(told.read_text)
    acknowledged: list[Run] = []

    async def after(what: str) -> None:
        await asyncio.to_thread(look, watched)
        acknowledged.append(await client.run("checkout", input_data={"bows": 2, "card": "visa"}))
        files = await asyncio.to_thread(handles, watched)
        assert f"{watched.db}-wal" in files, what
        assert not [name for name in files if name.endswith("(deleted)")], what

    async with Client(watched.address) as client:
        await after("the start")
        await client.backup(tmp_path / "copy.db")
        await after("a backup")
        await ask_health(watched)
        await after("health")
        listed = await asyncio.to_thread(dalsegno, "list", "--json", server=watched.address)
        assert len(listed.document["runs"]) == 3
        await after("the command line")
        await client.delete_run(acknowledged.pop(0).run_id)
        await after("a deletion")
        watched.kill()
        assert await asyncio.to_thread(told.read_text) == at_start
        await asyncio.to_thread(watched.start)
        for run in acknowledged:
            assert await client.get_run(run.run_id) == run
