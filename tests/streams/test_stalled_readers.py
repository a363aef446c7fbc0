"""
Readers that take nothing cost the server little, and nobody else anything.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc

from dalsegno.client import Client
from dalsegno.client.events import StepOutput
from dalsegno.rpc.interceptors.wrap import Context
from dalsegno.v1 import run_pb2
from dalsegno.v1 import run_service_pb2 as pb
from dalsegno.v1.payload_pb2 import Payload
from tests.rpc.refused import Refusal, decode, refused
from tests.rpc.tiny import tiny
from tests.streams.process import Served, server_process

_MIB = 1024 * 1024
LARGE = pb.GetRunResponse(run=run_pb2.Run(run_id="x" * 100_000))


async def rest_of(stream: Any) -> tuple[list[int], Refusal]:
    """
    The sequences that a stream still brings, and what it ended with.
    """
    sequences = []
    refusal = Refusal()
    try:
        while (answer := await stream.read()) is not grpc.aio.EOF:
            sequences.append(answer.event.sequence)
    except grpc.aio.AioRpcError as error:
        decode(error, refusal)
    return sequences, refusal


async def test_a_stream_that_nobody_reads_ends_and_its_reader_is_told_to_come_back() -> None:
    ended = asyncio.Event()

    async def flood(_: pb.GetRunRequest, __: Context) -> AsyncIterator[pb.GetRunResponse]:
        try:
            while True:
                yield LARGE
        finally:
            ended.set()

    async with tiny(stream=flood, write_s=0.2) as server:
        call = server.stream()
        await call.read()
        await asyncio.wait_for(ended.wait(), 5)
        with refused() as refusal:
            while await call.read() is not grpc.aio.EOF:
                pass

    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "READER_STALLED")
    assert refusal.metadata == {"stream_write_s": "0.2"}
    assert refusal.retry_s == 1


async def emitting(server: Served, run_id: str, count: int) -> None:
    """
    A run that will emit so many events of 1 MiB when it is resumed.
    """
    text = f'{{"count": {count}, "bytes": {_MIB}}}'.encode()
    await server.runs.Run(
        pb.RunRequest(
            workflow_id="emitting_when_asked", run_id=run_id, input_data=Payload(json=text)
        )
    )


async def emit(server: Served, run_id: str) -> None:
    await server.runs.Resume(pb.ResumeRequest(run_id=run_id, resume_data=Payload(json=b"1")))


def watch(server: Served, run_id: str, after: int = 0) -> Any:
    request = pb.WatchRunRequest(run_id=run_id, after_sequence=after, follow=True)
    return server.runs.WatchRun(request)


async def attach(server: Served, run_id: str) -> Any:
    """
    A stream that has brought its first event.
    """
    stream = watch(server, run_id)
    assert (await stream.read()).event.sequence == 1
    return stream


async def test_stalled_readers_of_large_events_cost_little_and_are_ended(tmp_path: Path) -> None:
    """
    The goal: what a stalled reader costs does not depend on how much there is to read.
    The method: 60 events of 1 MiB; 10 readers stop after their first event before those happen, 10
    afterwards, and a quick one is beside them. All that is unread would take 1200 MiB; it
    takes about 120, and 770 if pages of the log are not bounded in bytes.
    """
    async with server_process(tmp_path / "runs.db", stream_write_s=3) as server:
        await emitting(server, "large", 60)
        before = server.rss()
        stalled = [await attach(server, "large") for _ in range(10)]
        quick = await attach(server, "large")
        await emit(server, "large")
        read, end = await rest_of(quick)
        stalled += [await attach(server, "large") for _ in range(10)]
        await asyncio.sleep(3.2)  # the others still read nothing
        grown = server.rss_peak() - before

        told = [await rest_of(stream) for stream in stalled]
        first, _ = told[0]
        rest, _ = await rest_of(watch(server, "large", after=first[-1]))

    assert (read, end.code) == (list(range(2, 71)), None)
    assert grown < 300 * _MIB
    assert {end.reason for _, end in told} == {"READER_STALLED"}
    assert first + rest == read


async def test_a_loop_over_the_clients_stream_may_take_its_time(tmp_path: Path) -> None:
    """
    The goal: who reads with our client sees a pause, and every event once.
    The method: stop in the middle of the loop for longer than a message may wait.
    """
    async with server_process(tmp_path / "runs.db", stream_write_s=0.3) as server:
        await emitting(server, "large", 60)
        await emit(server, "large")
        seen = []
        async with Client(server.address) as client:
            async for event in client.watch_run("large"):
                seen.append(event.sequence)
                if isinstance(event, StepOutput) and len(seen) == 10:
                    await asyncio.sleep(1)

    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) == 70


async def test_readers_that_take_nothing_do_not_hold_up_a_stop(tmp_path: Path) -> None:
    async with server_process(tmp_path / "runs.db", stop_grace_s=30) as server:
        await emitting(server, "large", 4)
        await emit(server, "large")
        stalled = [await attach(server, "large") for _ in range(50)]
        began = time.monotonic()
        server.process.terminate()
        await asyncio.wait_for(server.process.wait(), 20)
        took_s = time.monotonic() - began

    assert len(stalled) == 50
    assert took_s < 6
