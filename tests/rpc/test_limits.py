"""
Limits of gRPC and of threads: what is too large is refused, what is too much waits.
"""

import asyncio
import threading
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import grpc
import pytest

from dalsegno.v1 import run_pb2
from dalsegno.v1 import run_service_pb2 as pb
from dalsegno.v1.payload_pb2 import Payload
from dalsegno.workflow import Workflow, step
from tests.rpc.refused import refusal_of
from tests.rpc.serving import serving
from tests.rpc.workflows import WORKFLOWS

_MESSAGE_MAX = 64 * 1024  # bytes: the least that the setting takes
_OK = grpc.StatusCode.OK
_EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
_ALONE = [("grpc.use_local_subchannel_pool", 1)]


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


async def code_of(call: Awaitable[Any]) -> grpc.StatusCode:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code()
    return _OK


def run_of(size: int) -> pb.RunRequest:
    """
    A request that takes so many bytes.
    """
    request = pb.RunRequest(workflow_id="echo", input_data=Payload(json=b'"' + b"x" * size + b'"'))
    request.input_data.json = b'"' + b"x" * (size - (request.ByteSize() - size)) + b'"'
    assert request.ByteSize() == size
    return request


@pytest.mark.parametrize("compression", list(grpc.Compression))
async def test_a_message_may_take_so_many_bytes_and_no_more(
    db: Path, compression: grpc.Compression
) -> None:
    """
    Also one that is so large only when it has been unpacked.
    """
    async with serving(db, WORKFLOWS, message_bytes_max=_MESSAGE_MAX) as server:
        fits = await server.runs.Run(run_of(_MESSAGE_MAX), compression=compression)
        for size in (_MESSAGE_MAX + 1, 50 * _MESSAGE_MAX):
            told = await refusal_of(server.runs.Run(run_of(size), compression=compression))

            assert told.code is _EXHAUSTED
            assert told.reason == ""
            assert "larger than max" in told.message
        still = await server.run("echo", b"1")

    assert fits.run.status == still.status == run_pb2.RUN_STATUS_SUCCESS


async def test_a_call_may_bring_so_many_bytes_of_metadata_and_no_more(db: Path) -> None:
    """
    The goal: what is refused is not left to chance. The method: each size three times.
    """
    async with serving(db, WORKFLOWS, metadata_bytes_max=4096) as server:
        await server.run("echo", b"1", run_id="r")

        for size, code in 3 * ((3000, _OK), (4096, _EXHAUSTED), (6000, _EXHAUSTED)):
            note = [("x-note", "x" * size)]
            call = server.runs.GetRun(pb.GetRunRequest(run_id="r"), metadata=note)
            assert await code_of(call) is code


async def test_calls_that_never_send_their_request_hinder_only_their_own_connection(
    db: Path,
) -> None:
    async with serving(
        db, WORKFLOWS, calls_per_connection_max=5, streams_per_connection_max=4
    ) as server:
        await server.run("echo", b"1", run_id="r")
        async with grpc.aio.insecure_channel(server.address, _ALONE) as channel:
            open_call: Any = channel.stream_stream("/dalsegno.v1.RunService/WatchRun")
            calls = [open_call() for _ in range(50)]
            get: Any = channel.unary_unary(
                "/dalsegno.v1.RunService/GetRun", pb.GetRunRequest.SerializeToString
            )
            async with asyncio.timeout(5):
                while await code_of(get(pb.GetRunRequest(run_id="r"), timeout=0.3)) is _OK:
                    pass  # the calls are still on their way
            beside = await server.runs.GetRun(pb.GetRunRequest(run_id="r"), timeout=5)

    assert len(calls) == 50
    assert beside.run.run_id == "r"


async def test_so_many_plain_functions_run_at_once_and_others_wait(db: Path) -> None:
    """
    The goal: a body that finds no thread waits, and nothing else has to.
    The method: two threads, five bodies that stay until they may go, and a coroutine beside them.
    """
    release = threading.Event()
    inside = threading.Semaphore(0)
    count = most = 0
    lock = threading.Lock()

    @step
    def block(number: int) -> int:
        nonlocal count, most
        with lock:
            count += 1
            most = max(most, count)
        inside.release()
        release.wait(10)
        with lock:
            count -= 1
        return number

    workflows = [*WORKFLOWS, Workflow("blocking").then(block)]
    async with serving(db, workflows, bodies_max=2) as server:
        blocked = [asyncio.create_task(server.run("blocking", b"7")) for _ in range(5)]
        await asyncio.to_thread(lambda: [inside.acquire(timeout=5) for _ in range(2)])
        beside = await server.run("echo", b"1")
        has_third = await asyncio.to_thread(inside.acquire, timeout=0.1)
        release.set()
        runs = await asyncio.gather(*blocked)

    assert not has_third
    assert most == 2
    assert beside.status == run_pb2.RUN_STATUS_SUCCESS
    assert {run.status for run in runs} == {run_pb2.RUN_STATUS_SUCCESS}
