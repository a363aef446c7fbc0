"""
Whole servers on real sockets and files.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from dalsegno.app import serve
from dalsegno.config import Settings
from dalsegno.v1 import run_pb2
from dalsegno.v1 import run_service_pb2 as pb
from dalsegno.v1.payload_pb2 import Payload
from dalsegno.v1.run_service_pb2_grpc import RunServiceStub
from dalsegno.v1.workflow_service_pb2_grpc import WorkflowServiceStub
from dalsegno.workflow import Workflow

EXACT = (("dalsegno-payload-form", "json"),)


@dataclass(frozen=True)
class Served:
    """
    A server, and a client's way to it.
    """

    address: str
    channel: grpc.aio.Channel
    stop: asyncio.Event
    serving: "asyncio.Task[None]"

    @property
    def runs(self) -> Any:
        return RunServiceStub(self.channel)

    @property
    def workflows(self) -> Any:
        return WorkflowServiceStub(self.channel)

    async def run(self, workflow_id: str, text: bytes = b"null", **fields: Any) -> run_pb2.Run:
        request = pb.RunRequest(workflow_id=workflow_id, input_data=Payload(json=text), **fields)
        response = await self.runs.Run(request, metadata=EXACT, timeout=10)
        run: run_pb2.Run = response.run
        return run


@asynccontextmanager
async def serving(
    db: Path, workflows: Sequence[Workflow], **settings: Any
) -> AsyncIterator[Served]:
    """
    Serve on a free port until the end of the block, which waits for a clean stop.
    """
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    # The loop stands still between two tests; its watchdog is not to tell other tests of it.
    given = {"listen": "127.0.0.1:0", "stop_grace_s": 1.0, "loop_lag_ms": 60_000, **settings}
    server = asyncio.create_task(
        serve(Settings(db=db, **given), workflows, on_ready=address.set_result, stop=stop)
    )
    both: set[asyncio.Future[Any]] = {server, address}
    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    try:
        if server.done():
            await server
        async with grpc.aio.insecure_channel(await address) as channel:
            yield Served(await address, channel, stop, server)
    finally:
        stop.set()
        await server
