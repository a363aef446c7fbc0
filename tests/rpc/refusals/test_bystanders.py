"""
Refusals concern nobody but their callers.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

import grpc
import pytest

from dalsegno.v1 import run_pb2
from dalsegno.v1 import run_service_pb2 as pb
from tests.rpc.refusals.asking import call, refusal_to, text
from tests.rpc.refusals.case import Case
from tests.rpc.refusals.stage import ANSWERED, ONE, QUICK, Stage, begin
from tests.rpc.refusals.workflows import NOW, RECORDED
from tests.rpc.refused import refused
from tests.rpc.serving import serving
from tests.rpc.workflows import GATES

_A_MOMENT_S = 0.2  # in which one who waits would have been told


@pytest.mark.parametrize("run_id", ["suspended", "waiting", "running"])
async def test_who_waits_for_a_run_hears_nothing_of_others_that_wanted_its_id(
    stage: Stage, run_id: str
) -> None:
    taken = {"workflow_id": "math", "input_data": ONE, "run_id": run_id}

    told = await refusal_to(stage.served, "Run", taken)
    watch = pb.WatchRunRequest(run_id=run_id, follow=True)
    watching = stage.served.runs.WatchRun(watch, timeout=_A_MOMENT_S)
    with refused() as watched:
        async for _ in watching:
            pass

    assert told.reason == "RUN_EXISTS"
    assert watched.code is grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize("run_id", ["finished", "suspended", "waiting"])
async def test_nothing_is_executed_of_a_run_whose_id_is_taken(stage: Stage, run_id: str) -> None:
    gate = f"never for {run_id}"
    taken = {"workflow_id": "gated", "input_data": text(f'"{gate}"'), "run_id": run_id}

    told = await refusal_to(stage.served, "Run", taken)

    assert told.reason == "RUN_EXISTS"
    assert not GATES._gate(gate)[0].is_set()


async def test_nothing_is_executed_under_a_request_id_that_is_taken(stage: Stage) -> None:
    method, fields = ANSWERED["q-run"]
    asked = {**fields, "workflow_id": "gated", "input_data": text('"never"')}

    told = await refusal_to(stage.served, method, {**asked, "request_id": "q-run"})

    assert told.reason == "REQUEST_ID_REUSED"
    assert not GATES._gate("never")[0].is_set()


async def test_damage_to_the_records_of_one_run_does_not_concern_the_others(stage: Stage) -> None:
    damaged = await refusal_to(stage.served, "GetRun", {"run_id": "bad-status"})
    sound = await call(stage.served, "GetRun", {"run_id": "finished"})
    listed = await call(stage.served, "ListRuns", {"workflow_id": "math"})

    assert damaged.reason == "CORRUPT_HISTORY"
    assert sound.run.status == run_pb2.RUN_STATUS_SUCCESS
    assert {"finished", "bad-status", "bad-output"} <= {run.run_id for run in listed.runs}


async def test_a_refused_answer_leaves_no_trace_in_a_run_that_is_alive(tmp_path: Path) -> None:
    """
    The goal: nothing of a refused call is written later, with what the run writes next.
    """
    run_id = tmp_path.name
    sound = {"run_id": run_id, "step": "asks", "resume_data": ONE, "request_id": "q"}
    async with serving(tmp_path / "runs.db", NOW, payload_bytes_max=100, **QUICK) as served:
        await begin(served, "half", run_id)
        for fields, reason in (
            ({**sound, "resume_data": text('"x"')}, "INVALID_RESUME_DATA"),
            ({**sound, "request_context": text("[1]")}, "INVALID_CONTEXT"),
            ({**sound, "request_context": text(f'{{"v":"{"x" * 99}"}}')}, "PAYLOAD_TOO_LARGE"),
            ({**sound, "step": "runs"}, "NOT_SUSPENDED"),
        ):
            assert (await refusal_to(served, "Resume", fields)).reason == reason
        GATES.open(run_id)
        run = (await call(served, "WaitRun", {"run_id": run_id})).run
        events = (await call(served, "ListEvents", {"run_id": run_id})).events
        answered = await call(served, "Resume", sound)

    assert run.status == run_pb2.RUN_STATUS_SUSPENDED
    assert run.request_context.json == b"{}"
    assert "run_resumed" not in [event.WhichOneof("body") for event in events]
    assert answered.run.status == run_pb2.RUN_STATUS_SUCCESS


async def test_a_run_whose_workflow_is_gone_can_be_ended(tmp_path: Path) -> None:
    db = tmp_path / "runs.db"
    async with serving(db, RECORDED, **QUICK) as served:
        await served.run("orphan", b"1", run_id="orphan")

    async with serving(db, NOW, **QUICK) as served:
        canceled = await call(served, "Cancel", {"run_id": "orphan"})
        await call(served, "DeleteRun", {"run_id": "orphan"})
        told = await refusal_to(served, "GetRun", {"run_id": "orphan"})

    assert canceled.run.status == run_pb2.RUN_STATUS_CANCELED
    assert told.reason == "RUN_NOT_FOUND"


def damage(db: Path, statement: str, run_id: str) -> None:
    with closing(sqlite3.connect(db)) as connection, connection:
        found = connection.execute("SELECT key FROM runs WHERE run_id = ?", (run_id,))
        connection.execute(statement, {"run": found.fetchone()[0]})


async def test_a_server_starts_with_a_damaged_run_that_it_cannot_go_on_with(tmp_path: Path) -> None:
    db = tmp_path / "runs.db"
    lost, goes_on = f"{db.parent.name}-lost", f"{db.parent.name}-goes-on"
    async with serving(db, NOW, **QUICK) as served:
        await begin(served, "gated", lost)
        await begin(served, "gated", goes_on)
    damage(db, "UPDATE records SET status = 'odd' WHERE run = :run", lost)

    GATES.open(goes_on)
    async with serving(db, NOW, **QUICK) as served:
        other = await call(served, "WaitRun", {"run_id": goes_on})
        told = await refusal_to(served, "GetRun", {"run_id": lost})
        restarted = await call(served, "RestartActive", {})

    facts = {"run_id": lost, "what": "record 'gate'"}
    Case("GetRun", {}, "CORRUPT_HISTORY", facts).check(told)
    assert other.run.status == run_pb2.RUN_STATUS_SUCCESS
    assert list(restarted.run_ids) == []


async def test_a_definition_that_cannot_be_read_is_corrupt_history(tmp_path: Path) -> None:
    db = tmp_path / "runs.db"
    async with serving(db, RECORDED, **QUICK) as served:
        await served.run("grown", b"1", run_id="old")
    unreadable = """UPDATE definitions SET json = CAST('{' AS BLOB) WHERE hash =
        (SELECT definition_hash FROM runs WHERE key = :run)"""
    damage(db, unreadable, "old")

    async with serving(db, NOW, **QUICK) as served:
        told = await refusal_to(served, "GetRun", {"run_id": "old"})

    Case("GetRun", {}, "CORRUPT_HISTORY", {"run_id": "old", "what": "definition"}).check(told)


_UNREADABLE_RUNS = [
    "UPDATE runs SET detail = '{' WHERE key = :run",
    "UPDATE runs SET status = 'odd' WHERE key = :run",
    "UPDATE events SET payload = CAST('{' AS BLOB) WHERE run = :run AND sequence = 1",
    "UPDATE events SET state = CAST('{' AS BLOB) WHERE run = :run AND sequence = 0",
]


@pytest.mark.parametrize("statement", _UNREADABLE_RUNS)
async def test_a_run_that_cannot_be_read_does_not_hide_the_others(
    tmp_path: Path, statement: str
) -> None:
    db = tmp_path / "runs.db"
    async with serving(db, NOW, **QUICK) as served:
        for run_id in ("before", "damaged", "after"):
            await served.run("math", b'{"v": 1}', run_id=run_id)
    damage(db, statement, "damaged")

    async with serving(db, NOW, **QUICK) as served:
        listed = await call(served, "ListRuns", {})
        told = await refusal_to(served, "GetRun", {"run_id": "damaged"})

    assert {"before", "after"} <= {run.run_id for run in listed.runs}
    assert told.reason == "CORRUPT_HISTORY"
