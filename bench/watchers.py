"""
Watchers of suspended runs: each has seen its run's events, and waits for more.

    python -m bench.watchers ADDRESS KEY WATCHERS RUNS CONNECTIONS

They watch so many copies of the run of this key, until the process is told to end.
"""

import asyncio
import sys

import uvloop

from bench.calls import channel_to
from bench.fill import copied_id
from bench.processes import questions
from dalsegno.v1 import run_service_pb2, run_service_pb2_grpc

_AT_ONCE = 64  # opened at once

Stub = "run_service_pb2_grpc.RunServiceAsyncStub"  # known to type checkers only


async def _main(address: str, key: int, watchers: int, runs: int, connections: int) -> None:
    channels = [channel_to(address) for _ in range(connections)]
    stubs = [run_service_pb2_grpc.RunServiceStub(channel) for channel in channels]
    opening = asyncio.Semaphore(_AT_ONCE)
    arrived = asyncio.Semaphore(0)

    async def watch(number: int) -> None:
        request = run_service_pb2.WatchRunRequest(
            run_id=copied_id(1 + number % runs, key), follow=True
        )
        await opening.acquire()
        async for message in stubs[number % connections].WatchRun(request):
            if message.event.HasField("run_suspended"):
                opening.release()
                arrived.release()

    watching = [asyncio.create_task(watch(number)) for number in range(watchers)]
    for _ in range(watchers):
        await arrived.acquire()
    print("all wait", flush=True)
    async for _ in questions():
        pass
    for task in watching:
        task.cancel()
    await asyncio.wait(watching)
    await asyncio.gather(*(channel.close() for channel in channels))


if __name__ == "__main__":
    uvloop.run(_main(sys.argv[1], *map(int, sys.argv[2:])))
