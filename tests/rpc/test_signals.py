"""
A server process ends when it is told to, and writes logs that machines read.
"""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from dalsegno.v1 import run_service_pb2 as pb
from dalsegno.v1.payload_pb2 import Payload
from dalsegno.v1.run_service_pb2_grpc import RunServiceStub

SECRET = "hunter2"


@asynccontextmanager
async def server_process(db: Path, grace_s: float) -> AsyncIterator[tuple[Process, Any]]:
    """
    A server in a process of its own, and a stub to call it with.
    """
    arguments = ["-m", "tests.rpc.served_by_signal", str(db), str(grace_s)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=PIPE, stderr=PIPE
    )
    try:
        assert process.stdout is not None
        address = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
        async with grpc.aio.insecure_channel(address) as channel:
            yield process, RunServiceStub(channel)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def logs_of(process: Process) -> list[dict[str, Any]]:
    _, text = await asyncio.wait_for(process.communicate(), 10)
    return [json.loads(line) for line in text.decode().splitlines()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_the_server_in_good_order(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with server_process(tmp_path / "runs.db", 5) as (process, runs):
        secret = Payload(json=f'"{SECRET}"'.encode())
        await runs.Run(pb.RunRequest(workflow_id="failing", input_data=secret), timeout=10)
        process.send_signal(number)
        logs = await logs_of(process)

    assert process.returncode == 0
    assert [it["event"] for it in logs if it["logger"] == "dalsegno.app"][-2:] == [
        "stopping",
        "stopped",
    ]
    assert {"timestamp", "level", "logger", "event"} <= logs[0].keys()
    assert SECRET not in json.dumps(logs)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_the_server_at_once(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with server_process(tmp_path / "runs.db", 300) as (process, runs):
        request = pb.RunStreamRequest(workflow_id="gated", input_data=Payload(json=b'"g"'))
        stream = runs.RunStream(request)
        started = [(await stream.read()).event.WhichOneof("body") for _ in range(2)]
        assert started == ["run_started", "step_started"]
        process.send_signal(number)
        with pytest.raises(grpc.aio.AioRpcError):
            await stream.read()  # so the first signal has come through
        process.send_signal(number)
        _, errors = await asyncio.wait_for(process.communicate(), 10)

    assert process.returncode == -number
    assert b"Traceback" not in errors
