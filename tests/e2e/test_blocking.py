"""
Bodies that keep a thread, or the event loop, of a real server.
"""

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from dalsegno.client import Client, RunStatus
from tests.e2e import blocking
from tests.e2e.service import Service

# As long as a call may take while two bodies keep two threads: one that computes gives the
# interpreter away only when it has had it for 5 ms.
PATIENCE_S = 1.0


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """
    A server whose log can be read by machines.
    """
    db = tmp_path_factory.mktemp("watched") / "runs.db"
    options = ("--set", "log_level=warning", "--set", "log_format=json")
    service = Service(db, workflows="tests.e2e.blocking", options=options)
    service.start()
    yield service
    assert service.stop() == 0


async def accused(service: Service, workflow_id: str) -> list[dict[str, Any]]:
    """
    What the log says of bodies that block.
    """
    log = await asyncio.to_thread(service.db.with_suffix(".log").read_text)
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [line for line in lines if line.get("workflow_id") == workflow_id]


async def test_bodies_on_threads_hold_up_neither_calls_nor_streams(watched: Service) -> None:
    """
    The method: let one body sleep and another compute for two seconds, and meanwhile start runs
    and watch them.
    """
    async with Client(watched.address) as client:
        await client.run("quick")
        keeping = asyncio.create_task(client.run("threads", input_data=2.0))
        took: list[float] = []
        while not keeping.done():
            begun = time.monotonic()
            events = [event async for event in client.run_stream("quick", input_data=1)]
            assert events[-1].type == "run_completed"
            await client.get_run(events[-1].run_id)
            took.append(time.monotonic() - begun)
        run = await keeping

    assert run.result == {"sleep_on_a_thread": "slept", "compute_on_a_thread": "computed"}
    assert len(took) > 5
    assert max(took) < PATIENCE_S
    assert await accused(watched, "threads") == []


async def test_a_body_that_blocks_the_loop_is_named_in_the_log_while_it_does(
    watched: Service,
) -> None:
    async with Client(watched.address) as client:
        blocked = asyncio.create_task(client.run("loop", input_data=1.5, run_id="r-1"))
        lines: list[dict[str, Any]] = []
        while not lines and not blocked.done():
            lines = await accused(watched, "loop")
        was_blocking = not blocked.done()
        run = await blocked

    [line] = await accused(watched, "loop")
    assert was_blocking
    assert (line["run_id"], line["workflow_id"]) == ("r-1", "loop")
    assert line["address"] == "sleep_on_the_loop"
    assert line["at"].startswith(f"{blocking.__file__}:")
    assert line["at"].endswith("in sleep_on_the_loop")
    assert 200 <= line["blocked_ms"] < 1500
    assert run.status is RunStatus.SUCCESS


async def test_nobody_is_accused_when_the_whole_process_was_stopped(watched: Service) -> None:
    async with Client(watched.address) as client:
        keeping = asyncio.create_task(client.run("threads", input_data=1.5))
        await client.run("quick")
        assert watched.process is not None
        os.kill(watched.process.pid, signal.SIGSTOP)
        await asyncio.sleep(0.5)
        os.kill(watched.process.pid, signal.SIGCONT)
        await keeping

    assert await accused(watched, "threads") == []
