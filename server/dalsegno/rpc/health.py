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
    Says SERVING while the server is well; when it stops NOT_SERVING for good, and ends its
    watchers.

    Not the servicer of grpcio-health-checking: that one never ends a watcher, so that stopping
    waits its whole grace, and holds its lock while it writes to one that does not read.
    """

    def __init__(self, services: Iterable[str]) -> None:
        self._services = (_WHOLE_SERVER, *services)
        self._is_well = True
        self._is_stopping = False
        self._changed = asyncio.Event()

    def tell(self, is_well: bool) -> None:
        """
        Say SERVING or NOT_SERVING from now on.
        """
        self._is_well = is_well
        self._wake()

    def stop(self) -> None:
        """
        Say NOT_SERVING from now on, whatever is told.
        """
        self._is_stopping = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

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
            while not self._is_stopping:
                await self._changed.wait()
            return
        told = None
        while True:
            changed, is_last = self._changed, self._is_stopping
            if told != self._answer():
                told = self._answer()
                yield told
            if is_last:
                return
            await changed.wait()

    def _answer(self) -> pb.HealthCheckResponse:
        kinds = pb.HealthCheckResponse
        is_serving = self._is_well and not self._is_stopping
        return pb.HealthCheckResponse(status=kinds.SERVING if is_serving else kinds.NOT_SERVING)
