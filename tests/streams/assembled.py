"""
A server put together in the test's process, so that one can look into it.
"""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc

from dalsegno.config import Settings
from dalsegno.engine import Engine
from dalsegno.model.clock import SystemClock
from dalsegno.rpc.server import RpcServer
from dalsegno.store.sqlite import SqliteStore
from dalsegno.v1 import run_service_pb2 as pb
from dalsegno.v1.payload_pb2 import Payload
from dalsegno.v1.run_service_pb2_grpc import RunServiceStub
from dalsegno.workflow import Workflow
from tests.streams.workflows import WORKFLOWS

EXACT = (("dalsegno-payload-form", "json"),)


@dataclass(frozen=True)
class Assembled:
    """
    A server and its parts, and a client's way to it.
    """

    engine: Engine
    rpc: RpcServer
    port: int
    channel: grpc.aio.Channel

    @property
    def runs(self) -> Any:
        return RunServiceStub(self.channel)

    @property
    def watchers(self) -> int:
        """
        How many watch or wait for a run.
        """
        return sum(tail.watchers for tail in self.engine._feed._tails.values())

    @property
    def streams(self) -> int:
        """
        How many streams are open.
        """
        return self.rpc._calls.streams

    async def run(self, workflow_id: str, text: bytes = b"null", **fields: Any) -> Any:
        """
        The run, at rest.
        """
        request = pb.RunRequest(workflow_id=workflow_id, input_data=Payload(json=text), **fields)
        return (await self.runs.Run(request, metadata=EXACT, timeout=20)).run

    def watch(self, run_id: str, after: int = 0, *, follow: bool = False) -> Any:
        request = pb.WatchRunRequest(run_id=run_id, after_sequence=after, follow=follow)
        return self.runs.WatchRun(request, metadata=EXACT, timeout=30)


@asynccontextmanager
async def assembled(
    db: Path, workflows: Sequence[Workflow] = WORKFLOWS, **given: Any
) -> AsyncIterator[Assembled]:
    """
    A server on a free port until the end of the block.
    """
    settings = Settings(db=db, listen="127.0.0.1:0", **given)
    store = await SqliteStore.open(db)
    engine = Engine(
        store,
        workflows,
        clock=SystemClock(),
        new_id=lambda: str(uuid4()),
        random=random.random,
        settings=settings.engine(),
    )
    server = RpcServer(engine, settings)
    try:
        address = server.bind()
        await engine.start()
        await server.start()
        async with grpc.aio.insecure_channel(address) as channel:
            yield Assembled(engine, server, int(address.rpartition(":")[2]), channel)
    finally:
        await server.drain(0)
        await engine.stop(0)
        await server.stop(0)
        await store.close()
