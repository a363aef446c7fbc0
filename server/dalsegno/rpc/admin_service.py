"""
`AdminService`: looking after the server.
"""

# ruff: noqa: ARG002, N802 - methods are named and called as the RPCs say

from collections.abc import AsyncIterator
from hashlib import sha256

from dalsegno.engine import Engine
from dalsegno.rpc.interceptors.wrap import Context
from dalsegno.v1 import admin_service_pb2 as pb
from dalsegno.v1 import admin_service_pb2_grpc

# Small enough that hashing one does not hold up the event loop (0.2 ms), and far below what a
# message may take by default.
_CHUNK_BYTES = 256 * 1024


class AdminService(admin_service_pb2_grpc.AdminServiceServicer):
    def __init__(self, engine: Engine, *, message_bytes_max: int) -> None:
        self._engine = engine
        self._chunk_bytes = min(_CHUNK_BYTES, message_bytes_max // 2)

    async def Backup(
        self, request: pb.BackupRequest, context: Context
    ) -> AsyncIterator[pb.BackupResponse]:
        # At once: it may take a while until there is a first chunk.
        await context.send_initial_metadata(())
        digest, size = sha256(), 0
        async with self._engine.backup(chunk_bytes=self._chunk_bytes) as chunks:
            async for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                yield pb.BackupResponse(chunk=chunk)
        yield pb.BackupResponse(summary=pb.BackupSummary(size=size, sha256=digest.digest()))
