"""
What becomes of a file whose bytes come from a server that may fail.
"""

import hashlib
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from dalsegno.client import Client, Unavailable, errors
from dalsegno.v1.admin_service_pb2 import BackupResponse, BackupSummary
from dalsegno.v1.admin_service_pb2_grpc import (
    AdminServiceServicer,
    add_AdminServiceServicer_to_server,
)

CHUNKS = [b"a" * 100_000, b"b" * 100_000]
DATA = b"".join(CHUNKS)
SUMMARY = BackupSummary(size=len(DATA), sha256=hashlib.sha256(DATA).digest())


class ScriptedAdmin(AdminServiceServicer):
    """
    Attributes:
        responses: What each backup brings.
        code: What it ends with.
    """

    def __init__(self) -> None:
        self.responses = [BackupResponse(chunk=chunk) for chunk in CHUNKS]
        self.responses.append(BackupResponse(summary=SUMMARY))
        self.code = grpc.StatusCode.OK

    async def Backup(  # noqa: N802 - named as the RPC
        self,
        request: Any,  # noqa: ARG002
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> AsyncIterator[BackupResponse]:
        await context.send_initial_metadata(())
        for response in self.responses:
            yield response
        if self.code is not grpc.StatusCode.OK:
            await context.abort(self.code, "broken off")


@pytest.fixture
def admin() -> ScriptedAdmin:
    return ScriptedAdmin()


@pytest.fixture
async def client(admin: ScriptedAdmin) -> AsyncIterator[Client]:
    server = grpc.aio.server()
    add_AdminServiceServicer_to_server(admin, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with Client(f"127.0.0.1:{port}") as client:
        yield client
    await server.stop(None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "copy.db"


def content(path: Path) -> bytes:
    return path.read_bytes()


def write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def names(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


async def test_the_file_holds_what_was_sent(client: Client, path: Path) -> None:
    made = await client.backup(path)

    assert content(path) == DATA
    assert (made.path, made.size) == (path, len(DATA))
    assert made.sha256 == hashlib.sha256(DATA).hexdigest()
    assert mode(path) == 0o600
    assert names(path.parent) == ["copy.db"]


async def test_a_file_that_is_there_is_replaced_if_asked_for(client: Client, path: Path) -> None:
    write(path, b"last week's")

    with pytest.raises(FileExistsError):
        await client.backup(path)
    assert content(path) == b"last week's"

    await client.backup(path, overwrite=True)
    assert content(path) == DATA


@pytest.mark.parametrize(
    "responses",
    [
        [],
        [BackupResponse(chunk=CHUNKS[0])],
        [BackupResponse(chunk=DATA)],
        [BackupResponse(chunk=CHUNKS[0]), BackupResponse(summary=SUMMARY)],
        [BackupResponse(chunk=b"c" + DATA[1:]), BackupResponse(summary=SUMMARY)],
        [BackupResponse(summary=SUMMARY)],
    ],
    ids=["nothing", "a part", "no summary", "too little", "another byte", "no chunk"],
)
async def test_what_is_not_whole_becomes_no_file(
    client: Client, admin: ScriptedAdmin, path: Path, responses: list[BackupResponse]
) -> None:
    admin.responses = responses
    write(path, b"last week's")

    with pytest.raises(errors.IncompleteBackup):
        await client.backup(path, overwrite=True)

    assert content(path) == b"last week's"
    assert names(path.parent) == ["copy.db"]


@pytest.mark.parametrize("sent", [1, 2])
async def test_a_server_that_goes_away_is_told_from_one_that_is_not_there(
    client: Client, admin: ScriptedAdmin, path: Path, sent: int
) -> None:
    admin.responses = admin.responses[:sent]
    admin.code = grpc.StatusCode.UNAVAILABLE

    with pytest.raises(errors.IncompleteBackup, match="the server went away: broken off"):
        await client.backup(path)
    assert names(path.parent) == []

    async with Client("127.0.0.1:1") as nobody:
        with pytest.raises(Unavailable):
            await nobody.backup(path)
    assert names(path.parent) == []


async def test_a_refusal_is_raised_as_it_is(
    client: Client, admin: ScriptedAdmin, path: Path
) -> None:
    admin.responses = []
    admin.code = grpc.StatusCode.RESOURCE_EXHAUSTED

    with pytest.raises(errors.Exhausted, match="broken off"):
        await client.backup(path)
    assert names(path.parent) == []


async def test_a_folder_that_is_not_there_is_no_place(client: Client, path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await client.backup(path / "copy.db")
    with pytest.raises(IsADirectoryError):
        await client.backup(path.parent, overwrite=True)


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("room", [1000, 150_000, len(DATA) - 1])
async def test_of_a_file_that_does_not_fit_nothing_is_left(
    client: Client, path: Path, room: int
) -> None:
    with no_file_above(room), pytest.raises(OSError, match="File too large"):
        await client.backup(path)

    assert names(path.parent) == []
