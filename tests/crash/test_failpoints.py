"""
A server dies at a known place while it does what it was asked.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dalsegno.client import Client, Patience, RunStatus
from dalsegno.client.errors import RunNotFound
from dalsegno.model.failpoint import Failpoint
from dalsegno.model.run import Run
from dalsegno.store.contract import Store
from dalsegno.store.sqlite import SqliteStore
from tests.crash.life import Life
from tests.unit.engine.audit import audit

PATIENCE = Patience(connect_s=20.0, give_up_s=20.0, delay_max_s=0.1)


@dataclass(frozen=True)
class Request:
    """
    One kind of call, about a run that is there already or is made by it.

    Attributes:
        ask: Makes the call; the same request each time.
        took_effect: Whether what is stored of the run shows it.
        ends: The run's status in the end; None if it is gone.
    """

    run_id: str
    ask: Callable[[Client], Awaitable[Any]]
    took_effect: Callable[[Run | None], bool]
    ends: RunStatus | None


def is_there(run: Run | None) -> bool:
    return run is not None


REQUESTS = {
    "Run": Request(
        "new",
        lambda it: it.run("brief", input_data=1, run_id="new", request_id="q"),
        is_there,
        RunStatus.SUCCESS,
    ),
    "StartRun": Request(
        "new",
        lambda it: it.start_run("brief", input_data=1, run_id="new", request_id="q"),
        is_there,
        RunStatus.SUCCESS,
    ),
    "Resume": Request(
        "asking",
        lambda it: it.resume("asking", step="ask", resume_data=True, request_id="q"),
        lambda run: run is not None and run.epoch > 1,
        RunStatus.SUSPENDED,  # it asks a second time
    ),
    "TimeTravel": Request(
        "replay",
        lambda it: it.time_travel("done", "tell", new_run_id="replay", request_id="q"),
        is_there,
        RunStatus.SUCCESS,
    ),
    "Cancel": Request(
        "asking",
        lambda it: it.cancel("asking", request_id="q"),
        lambda run: run is not None and run.status.is_terminal,
        RunStatus.CANCELED,
    ),
    "Pause": Request(
        "napping",
        lambda it: it.pause("napping", request_id="q"),
        lambda run: run is not None and run.is_pausing,
        RunStatus.WAITING,  # until its timer fires
    ),
    "DeleteRun": Request("done", lambda it: it.delete_run("done"), lambda run: run is None, None),
}


@pytest.fixture(scope="module")
async def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    A database with a run that asks, one that sleeps and one that is done.
    """
    life = Life(tmp_path_factory.mktemp("prepared") / "runs.db")
    life.begin()
    try:
        async with Client(life.address) as client:
            await client.run("asks", input_data=1, run_id="asking")
            await client.run("brief", input_data=1, run_id="done")
            async for event in client.run_stream("naps", input_data=1, run_id="napping"):
                if event.type == "run_waiting":
                    break
        life.stop()
    finally:
        life.kill()
    return life.db


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize(
    "point",
    [
        Failpoint.COMMIT_BEFORE,
        Failpoint.COMMIT_AFTER,
        Failpoint.PUBLISH_BEFORE,
        Failpoint.ANSWER_BEFORE,
    ],
)
async def test_a_call_took_effect_if_its_commit_did_wherever_the_server_died(
    prepared: Path, life: Life, point: Failpoint, name: str
) -> None:
    """
    The goal: a commit divides what happened from what did not, and a caller never needs to know.
    The method: die at each place in each call, look at the database, and let the caller, who has
    no answer yet, ask the next server the same again, and once more.
    """
    request = REQUESTS[name]
    shutil.copy(prepared, life.db)
    life.begin(f"{point}=kill@1")

    async with Client(life.address, patience=PATIENCE) as client:
        asked = asyncio.ensure_future(request.ask(client))
        await life.dies()
        async with opened(life.db) as store:
            stored = await store.run(request.run_id)
            assert request.took_effect(stored) == (point is not Failpoint.COMMIT_BEFORE)
            await audit(store)
        life.begin()
        await check_answers(client, request, await asked)
        runs = {run.run_id async for run in client.list_runs()}
        life.stop()

    there = {"asking", "done", "napping", request.run_id}
    assert runs == (there if request.ends is not None else there - {request.run_id})
    async with opened(life.db) as store:
        await audit(store)


async def check_answers(client: Client, request: Request, answer: Any) -> None:
    """
    The same request is answered the same, and nothing more comes of it.
    """
    if request.ends is None:
        with pytest.raises(RunNotFound):  # a deletion has no request id, and needs none
            await request.ask(client)
        return
    again = await request.ask(client)
    assert answer.run_id == again.run_id == request.run_id
    if request.ends is not RunStatus.WAITING:
        await client.wait_run(request.run_id)
    run = await client.get_run(request.run_id)
    assert run.status is request.ends


@asynccontextmanager
async def opened(db: Path) -> AsyncIterator[Store]:
    """
    The database of a server that has ended.
    """
    store = await SqliteStore.open(db)
    try:
        yield store
    finally:
        await store.close()
