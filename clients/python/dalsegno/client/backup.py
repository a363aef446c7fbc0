"""
Taking a copy of a server's database.
"""

import asyncio
import errno
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO

import grpc

from dalsegno.client.connection import Connection
from dalsegno.client.errors import IncompleteBackup, from_rpc
from dalsegno.v1.admin_service_pb2 import BackupRequest, BackupResponse


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """
    A copy that is whole and on disk.

    Attributes:
        size: In bytes.
        sha256: Of the file, in hexadecimal.
    """

    path: Path
    size: int
    sha256: str


async def save(connection: Connection, path: Path, *, overwrite: bool) -> Backup:
    """
    Make a file of what the server sends; there is none at the path until it is whole.

    Raises:
        DalsegnoError: The server refused, or the copy did not arrive whole.
        OSError: The file cannot be written, or is there already. Nothing of it is left.
    """
    check_target(path, overwrite=overwrite)
    number, name = await asyncio.to_thread(
        tempfile.mkstemp, prefix=f".{path.name}.", suffix=".part", dir=path.parent
    )
    try:
        with os.fdopen(number, "wb") as part:
            size, digest = await _receive(connection, part)
            await asyncio.to_thread(_sync, part)
        check_target(path, overwrite=overwrite)
        await asyncio.to_thread(_put, name, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)  # noqa: PTH108 - a name, as mkstemp gave it
        raise
    return Backup(path=path, size=size, sha256=digest)


def check_target(path: Path, *, overwrite: bool) -> None:
    """
    Raises:
        OSError: A backup cannot be put there.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not overwrite:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))


async def _receive(connection: Connection, part: IO[bytes]) -> tuple[int, str]:
    """
    Write the chunks; how many bytes they were, and their checksum.
    """
    digest, size = sha256(), 0
    async for response in _responses(connection):
        if response.WhichOneof("part") == "summary":
            summary = response.summary
            if (size, digest.digest()) != (summary.size, summary.sha256):
                raise IncompleteBackup(f"{size} bytes came, which are not those that were sent")
            return size, digest.hexdigest()
        digest.update(response.chunk)
        size += len(response.chunk)
        await asyncio.to_thread(part.write, response.chunk)
    raise IncompleteBackup(f"the backup ended after {size} bytes, before it was whole")


async def _responses(connection: Connection) -> AsyncIterator[BackupResponse]:
    """
    What the server sends. It is not asked a second time: it would make another copy.
    """
    call = connection.streams.admin.Backup(BackupRequest(), metadata=connection.metadata)
    has_begun = False
    try:
        # Comes at once, while the copy is still being made. If nobody is there, the call is over.
        await call.initial_metadata()
        has_begun = not call.done()
        async for response in call:
            has_begun = True
            yield response
    except grpc.aio.AioRpcError as failure:
        error = from_rpc(failure)
        if has_begun and error.code is grpc.StatusCode.UNAVAILABLE and not error.reason:
            raise IncompleteBackup(f"the server went away: {error.message}") from failure
        raise error from failure
    finally:
        call.cancel()


def _sync(part: IO[bytes]) -> None:
    part.flush()
    os.fsync(part.fileno())


def _put(part: str, path: Path) -> None:
    os.replace(part, path)  # noqa: PTH105 - a name, as mkstemp gave it
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
