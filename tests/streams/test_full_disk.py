"""
A server whose disk is full refuses to write, goes on reading, and writes again when it can.
"""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest

from dalsegno.client import Client, RunEvent
from dalsegno.v1 import run_pb2
from dalsegno.v1 import run_service_pb2 as pb
from dalsegno.v1.payload_pb2 import Payload
from tests.rpc.refused import Refusal, decode
from tests.streams.disks import Disk, LimitedFiles, SmallDisk
from tests.streams.process import Served, server_process

_LARGE = Payload(json=b'"' + b"x" * 200_000 + b'"')


@pytest.fixture(params=[SmallDisk, LimitedFiles])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    made: Disk = request.param(tmp_path)
    return made


class Caller:
    """
    Begins runs, and remembers those that were acknowledged.
    """

    def __init__(self, server: Served) -> None:
        self._runs = server.runs
        self._number = 0
        self.acknowledged: list[str] = []

    async def begin(self) -> Refusal | None:
        """
        One more run; why there is none, if there is none.
        """
        self._number += 1
        run_id = f"echo-{self._number}"
        request = pb.StartRunRequest(workflow_id="echo", run_id=run_id, input_data=_LARGE)
        try:
            await self._runs.StartRun(request, timeout=10)
        except grpc.aio.AioRpcError as error:
            refusal = Refusal()
            decode(error, refusal)
            return refusal
        self.acknowledged.append(run_id)
        return None

    async def until_refused(self) -> Refusal:
        """
        What remains of the disk, and of the log's pages that are used anew, takes some.
        """
        while (refusal := await self.begin()) is None:
            pass
        return refusal

    async def until_begun(self) -> None:
        async with asyncio.timeout(5):
            while await self.begin() is not None:
                pass


async def follow(client: Client, run_id: str) -> list[RunEvent]:
    return [event async for event in client.watch_run(run_id, follow=True)]


async def check_reading(server: Served, suspended: Any) -> None:
    """
    All that writes nothing works, and a stream of before is open.
    """
    assert (await server.runs.GetRun(pb.GetRunRequest(run_id="done"))).run.result
    assert len((await server.runs.ListRuns(pb.ListRunsRequest())).runs) > 2
    listed = await server.runs.ListEvents(pb.ListEventsRequest(run_id="ticking"))
    assert listed.events
    watched = [it async for it in server.runs.WatchRun(pb.WatchRunRequest(run_id="done"))]
    assert [it.event.sequence for it in watched] == [1, 2, 3, 4]
    assert not suspended.done()


async def test_a_full_disk_loses_nothing_and_holds_up_no_reader(disk: Disk) -> None:
    """
    The goal: a full disk is a pause. What was acknowledged is there, runs and streams go on by
    themselves when there is room, and until then all works that writes nothing.
    The method: a disk that is really full while a run ticks, is watched, and others are begun.
    """
    db = disk.folder / "runs.db"
    async with server_process(db, wrapped_in=disk.wrapped_in) as server:
        caller = Caller(server)
        await server.runs.Run(pb.RunRequest(workflow_id="echo", run_id="done", input_data=_LARGE))
        await server.runs.Run(pb.RunRequest(workflow_id="asking", run_id="suspended"))
        suspended = server.runs.WatchRun(pb.WatchRunRequest(run_id="suspended", follow=True))
        told = aiter(suspended)
        assert (await anext(told)).event.sequence == 1
        async with Client(server.address) as client:
            await client.start_run("ticking", input_data=list(range(100)), run_id="ticking")
            ticking = asyncio.create_task(follow(client, "ticking"))
            with disk.full(server.process.pid):
                refusal = await caller.until_refused()
                await check_reading(server, suspended)
                resume = pb.ResumeRequest(run_id="suspended", resume_data=Payload(json=b"1"))
            await caller.until_begun()
            await server.runs.Resume(resume)
            events = await asyncio.wait_for(ticking, 20)
        resumed = [answer.event.sequence async for answer in told]
        for run_id in caller.acknowledged:
            run = (await server.runs.WaitRun(pb.WaitRunRequest(run_id=run_id), timeout=10)).run
            assert run.status == run_pb2.RUN_STATUS_SUCCESS
        server.process.terminate()
        code = await asyncio.wait_for(server.process.wait(), 10)

    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
    assert "disk" in refusal.message
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    done = [event.address for event in events if event.type == "step_completed"]
    assert sorted(done) == sorted({f"tick[{number}]" for number in range(100)} | {"tick"})
    assert resumed == list(range(2, len(resumed) + 2))
    assert code == 0


async def test_a_server_stops_in_good_order_though_its_disk_is_full(disk: Disk) -> None:
    db = disk.folder / "runs.db"
    async with server_process(db, wrapped_in=disk.wrapped_in, stop_grace_s=0.1) as server:
        caller = Caller(server)
        await caller.begin()
        with disk.full(server.process.pid):
            await caller.until_refused()
            server.process.terminate()
            assert await asyncio.wait_for(server.process.wait(), 10) == 0
