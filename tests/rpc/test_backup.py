"""
`AdminService.Backup` on a whole server.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from dalsegno.store import sqlite_backup
from dalsegno.v1 import admin_service_pb2 as pb
from dalsegno.v1.admin_service_pb2_grpc import AdminServiceStub
from tests.rpc.refused import refused
from tests.rpc.serving import Served, serving
from tests.rpc.workflows import WORKFLOWS


def ask(server: Served) -> Any:
    stub: Any = AdminServiceStub(server.channel)
    return stub.Backup(pb.BackupRequest(), timeout=20)


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@asynccontextmanager
async def large(db: Path, **settings: Any) -> AsyncIterator[Served]:
    """
    A server whose database does not fit into what the network takes unread.
    """
    async with serving(db, WORKFLOWS, **settings) as server:
        text = b'"' + b"x" * 2_000_000 + b'"'
        for number in range(12):
            await server.run("echo", text, run_id=f"r-{number}")
        yield server


async def test_chunks_come_first_and_their_sum_last(served: Served) -> None:
    await served.run("echo", b'"a"')

    *chunks, last = [response async for response in ask(served)]

    data = b"".join(response.chunk for response in chunks)
    assert data.startswith(b"SQLite format 3\0")
    assert all(0 < len(response.chunk) <= 1024 * 1024 for response in chunks)
    assert last.WhichOneof("part") == "summary"
    assert (last.summary.size, last.summary.sha256) == (len(data), hashlib.sha256(data).digest())


async def test_chunks_fit_into_the_messages_that_are_allowed(db: Path) -> None:
    least = 64 * 1024
    async with serving(db, WORKFLOWS, message_bytes_max=least) as server:
        sizes = [response.ByteSize() async for response in ask(server)]

    assert max(sizes) <= least


async def test_a_second_one_is_refused_until_the_first_has_ended(db: Path) -> None:
    async with large(db) as server:
        first = ask(server)
        await first.read()
        with refused() as refusal:
            await ask(server).read()

        first.cancel()
        async with asyncio.timeout(10):
            while True:
                second = ask(server)
                try:
                    assert (await second.read()).chunk
                    break
                except grpc.aio.AioRpcError:
                    await asyncio.sleep(0.01)
        second.cancel()

    assert (refusal.code, refusal.reason) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "BACKUP_ACTIVE",
    )
    assert refusal.metadata == {}


async def test_one_that_would_fill_the_disk_is_refused(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_backup, "free_bytes", lambda _: 1_000_000)
    async with serving(db, WORKFLOWS) as server:
        with refused() as refusal:
            await ask(server).read()

    assert (refusal.code, refusal.reason) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "BACKUP_NO_SPACE",
    )
    assert refusal.metadata == {"folder": str(db.parent)}


def spoil(db: Path) -> None:
    with db.open("r+b") as file:
        for page in range(10, db.stat().st_size // 4096, 5):
            file.seek(page * 4096)
            file.write(b"\xa5" * 64)


async def test_a_damaged_database_is_told(db: Path) -> None:
    async with serving(db, WORKFLOWS) as server:
        for number in range(30):
            await server.run("echo", b'"' + b"x" * 3000 + b'"', run_id=f"r-{number}")
    async with serving(db, WORKFLOWS) as server:
        await asyncio.to_thread(spoil, db)
        with refused() as refusal:
            await ask(server).read()

    assert (refusal.code, refusal.reason) == (grpc.StatusCode.DATA_LOSS, "CORRUPT_STORE")
    assert refusal.metadata.keys() == {"problem"}


async def test_one_that_nobody_reads_keeps_no_server_from_stopping(db: Path) -> None:
    async with large(db, stop_grace_s=20) as server:
        call = ask(server)
        await call.read()

        server.stop.set()
        async with asyncio.timeout(10):
            await server.serving

    assert not list(db.parent.glob("*.copy*"))
