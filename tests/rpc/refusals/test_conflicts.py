"""
A run that another server has taken over: whoever still holds it loses.
"""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from dalsegno.v1 import run_pb2
from tests.rpc.refusals import snapshot
from tests.rpc.refusals.asking import call, refusal_to
from tests.rpc.refusals.case import Case
from tests.rpc.refusals.stage import ONE, QUICK, begin
from tests.rpc.refusals.workflows import NOW
from tests.rpc.refused import refused
from tests.rpc.serving import Served, serving
from tests.rpc.workflows import GATES


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest_asyncio.fixture
async def loser(db: Path) -> AsyncIterator[Served]:
    async with serving(db, NOW, **QUICK) as served:
        yield served


def take_over(db: Path, run_id: str) -> None:
    """
    Do what a server does that goes on with a run: from now on only writes of its epoch count.
    """
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("UPDATE runs SET epoch = epoch + 1 WHERE run_id = ?", (run_id,))


@pytest.mark.parametrize(
    ("method", "workflow_id", "fields"),
    [
        ("Pause", "gated", {}),
        ("Resume", "half", {"step": "asks", "resume_data": ONE}),
        ("ResumeStream", "half", {"step": "asks", "resume_data": ONE}),
    ],
)
async def test_a_command_about_a_run_of_another_server_is_a_conflict(
    db: Path, loser: Served, method: str, workflow_id: str, fields: dict[str, Any]
) -> None:
    run_id = f"{method}-taken-over"
    await begin(loser, workflow_id, run_id)
    take_over(db, run_id)
    before = snapshot.rows(db)

    asked = {**fields, "run_id": run_id, "request_id": "q"}
    told = await refusal_to(loser, method, asked)

    # The server looks for runs that nobody drives a second later, and writes then.
    assert snapshot.rows(db) == before
    Case(method, asked, "CONFLICT", {"run_id": run_id}).check(told)


@pytest.mark.parametrize("method", ["Run", "WaitRun"])
async def test_who_waits_for_a_run_that_another_server_took_over_is_told(
    db: Path, loser: Served, method: str
) -> None:
    run_id = f"{method}-waits"
    if method == "WaitRun":
        await begin(loser, "gated", run_id)
        waiting = call(loser, "WaitRun", {"run_id": run_id})
    else:
        given = {"json": f'"{run_id}"'.encode()}
        fields = {"run_id": run_id, "workflow_id": "gated", "input_data": given}
        waiting = call(loser, "Run", fields)
        await GATES.entered(run_id)
    take_over(db, run_id)
    before = snapshot.rows(db)

    GATES.open(run_id)
    with refused() as told:
        await waiting

    assert snapshot.rows(db) == before
    Case(method, {}, "CONFLICT", {"run_id": run_id}).check(told)


async def test_a_stream_of_a_run_that_another_server_took_over_ends_with_a_conflict(
    db: Path, loser: Served
) -> None:
    await begin(loser, "gated", "streamed")
    take_over(db, "streamed")
    stream = call(loser, "WatchRun", {"run_id": "streamed"})
    seen = [(await stream.read()).event for _ in range(2)]

    GATES.open("streamed")
    with refused() as told:
        await stream.read()

    assert [event.WhichOneof("body") for event in seen] == ["run_started", "step_started"]
    Case("WatchRun", {}, "CONFLICT", {"run_id": "streamed"}).check(told)


async def test_a_run_of_another_server_can_be_canceled(db: Path, loser: Served) -> None:
    """
    The goal: Cancel takes effect whoever drives the run, and the other server loses it.
    """
    await begin(loser, "gated", "ended")
    take_over(db, "ended")

    answer = await call(loser, "Cancel", {"run_id": "ended"})

    assert answer.run.status == run_pb2.RUN_STATUS_CANCELED
    events = (await call(loser, "ListEvents", {"run_id": "ended"})).events
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
