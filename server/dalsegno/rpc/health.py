"""
`grpc.health.v1`, for the server as a whole and for each service.
"""

# ruff: noqa: ARG002, N802 - methods are named and called as the RPCs say

import asyncio
from collections.abc import AsyncIterator, Iterable

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2 as pb
from grpc_health.v1 import health_pb2_grpc

from dalsegno.rpc.interceptors.wrap import Context

_WHOLE_SERVER = ""
SERVICE = "grpc.health.v1.Health"


class Health(health_pb2_grpc.HealthServicer):
    """
    Says SERVING until the server stops, then NOT_SERVING for good, and ends its watchers.

    Not the servicer of grpcio-health-checking: that one never ends a watcher, so that stopping
    waits its whole grace, and holds its lock while it writes to one that does not read.
    """

    def __init__(self, services: Iterable[str]) -> None:
        self._services = (_WHOLE_SERVER, *services)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """
        Say NOT_SERVING from now on.
        """
        self._stopping.set()

    async def Check(
        self, request: pb.HealthCheckRequest, context: Context
    ) -> pb.HealthCheckResponse:
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        return self._answer()

    async def List(self, request: Message, context: Context) -> Message:
        statuses = {service: self._answer() for service in self._services}
        answer: Message = pb.HealthListResponse(  # type: ignore[attr-defined] # newer than its types
            statuses=statuses
        )
        return answer

    async def Watch(
        self, request: pb.HealthCheckRequest, context: Context
    ) -> AsyncIterator[pb.HealthCheckResponse]:
        if request.service not in self._services:
            # The protocol asks to stay open: the service could come to be.
            yield pb.HealthCheckResponse(status=pb.HealthCheckResponse.SERVICE_UNKNOWN)
            await self._stopping.wait()
            return
        yield self._answer()
        if not self._stopping.is_set():
            await self._stopping.wait()
            yield self._answer()

    def _answer(self) -> pb.HealthCheckResponse:
        kinds = pb.HealthCheckResponse
        status = kinds.NOT_SERVING if self._stopping.is_set() else kinds.SERVING
        return pb.HealthCheckResponse(status=status)
