"""
Refusals by a server that is full, that cannot use its database, or that stops.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from dalsegno.v1 import run_pb2
from tests.rpc.refusals import snapshot
from tests.rpc.refusals.asking import call, forms_of, refusal_to, text
from tests.rpc.refusals.case import Case
from tests.rpc.refusals.stage import ONE, QUICK, begin
from tests.rpc.refusals.workflows import NOW
from tests.rpc.serving import Served, serving
from tests.rpc.workflows import GATES

# Calls that bring one more run into memory.
BEGINNING: list[tuple[str, dict[str, Any]]] = [
    ("Run", {"workflow_id": "math", "input_data": ONE}),
    ("Resume", {"run_id": "suspended", "resume_data": ONE}),
    ("Resume", {"run_id": "paused"}),
    ("TimeTravel", {"run_id": "finished", "step": "double"}),
    ("TimeTravel", {"workflow_id": "math", "step": "add", "input_data": ONE}),
]


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


async def play(served: Served) -> None:
    """
    Leave a finished, a suspended and a paused run at rest.
    """
    await served.run("math", b'{"v": 1}', run_id="finished", request_id="q-finished")
    await served.run("asking", b"1", run_id="suspended")
    await served.run("math", b'{"v": 1}', run_id="paused", per_step=True)


@pytest_asyncio.fixture
async def full(db: Path) -> AsyncIterator[Served]:
    """
    A server that may have one run in progress, has one, and lets none wait.
    """
    async with serving(db, NOW, runs_max=1, runs_pending_max=0, **QUICK) as served:
        await play(served)
        await begin(served, "gated", db.parent.name)
        yield served


async def test_a_full_server_begins_nothing(db: Path, full: Served) -> None:
    before = snapshot.rows(db)
    for method, fields in BEGINNING:
        for form in forms_of(method):
            told = await refusal_to(full, form, {**fields, "request_id": "q"})

            assert snapshot.rows(db) == before
            Case(method, fields, "TOO_MANY_RUNS", {"runs_max": "1"}).check(told)


async def test_a_full_server_begins_again_when_a_run_has_ended(db: Path, full: Served) -> None:
    GATES.open(db.parent.name)
    await call(full, "WaitRun", {"run_id": db.parent.name})

    for method, fields in BEGINNING:
        answer = await call(full, method, fields)
        assert answer.run.run_id


async def test_a_full_server_answers_what_begins_nothing(db: Path, full: Served) -> None:
    again = {"run_id": "finished", "workflow_id": "math", "input_data": text('{"v": 1}')}
    before = snapshot.rows(db)

    repeated = await call(full, "Run", {**again, "request_id": "q-finished"})
    canceled = await call(full, "Cancel", {"run_id": "suspended"})

    assert repeated.run.status == run_pb2.RUN_STATUS_SUCCESS
    assert canceled.run.status == run_pb2.RUN_STATUS_CANCELED
    assert len(snapshot.rows(db)["runs"]) == len(before["runs"])


async def test_a_payload_may_take_as_many_bytes_as_the_limit_says(db: Path) -> None:
    largest = b'"' + b"x" * 98 + b'"'
    async with serving(db, NOW, payload_bytes_max=100, **QUICK) as served:
        run = await served.run("failing", largest)
        before = snapshot.rows(db)
        larger = {"workflow_id": "failing", "input_data": text(largest + b" ")}
        told = await refusal_to(served, "Run", larger)

    assert run.input.json == largest
    assert snapshot.rows(db)["runs"] == before["runs"]
    facts = {"field": "input_data", "size": "101", "payload_bytes_max": "100"}
    Case("Run", {}, "PAYLOAD_TOO_LARGE", facts).check(told)


async def test_a_request_context_may_not_grow_beyond_the_limit(db: Path) -> None:
    """
    The goal: keys that are fine by themselves are refused if they are too many together.
    """
    async with serving(db, NOW, payload_bytes_max=100, **QUICK) as served:
        await served.run("asking", b"1", run_id="r", request_context=text(_entry("a")))
        before = snapshot.rows(db)
        for method, fields in (("Resume", {"resume_data": ONE}), ("TimeTravel", {"step": "ask"})):
            more = {**fields, "run_id": "r", "request_context": text(_entry("b"))}
            for form in forms_of(method):
                told = await refusal_to(served, form, more)

                assert snapshot.rows(db) == before
                facts = {"field": "request_context", "size": "119", "payload_bytes_max": "100"}
                Case(form, {}, "PAYLOAD_TOO_LARGE", facts).check(told)


async def test_a_run_without_room_for_events_is_not_resumed(db: Path) -> None:
    async with serving(db, NOW, events_max=7, **QUICK) as served:
        await served.run("asking", b"1", run_id="suspended")
        before = snapshot.rows(db)
        for form in forms_of("Resume"):
            told = await refusal_to(served, form, {"run_id": "suspended", "resume_data": ONE})

            assert snapshot.rows(db) == before
            facts = {"run_id": "suspended", "events": "6", "events_max": "7"}
            Case(form, {}, "TOO_MANY_EVENTS", facts).check(told)


def _entry(key: str) -> str:
    """
    An object of 60 bytes.
    """
    return f'{{"{key}":"{"x" * 52}"}}'


@contextmanager
def unusable(db: Path, table: str) -> Iterator[None]:
    """
    Take a table away from the server.
    """
    with closing(sqlite3.connect(db)) as connection:
        connection.execute(f"ALTER TABLE {table} RENAME TO away")
        yield
        connection.execute(f"ALTER TABLE away RENAME TO {table}")


@pytest.mark.parametrize("table", ["requests", "runs", "events", "records"])
async def test_without_its_database_a_server_says_so(db: Path, table: str) -> None:
    async with serving(db, NOW, **QUICK) as served:
        await play(served)
        before = snapshot.rows(db)
        with unusable(db, table):
            for method, fields in BEGINNING[:2]:
                for form in forms_of(method):
                    told = await refusal_to(served, form, {**fields, "request_id": "q"})

                    Case(method, fields, "STORE_UNAVAILABLE").check(told)
                    assert told.retry_s == 1.0

        assert snapshot.rows(db) == before
        method, fields = BEGINNING[0]
        answer = await call(served, method, {**fields, "request_id": "q"})
        assert answer.run.status == run_pb2.RUN_STATUS_SUCCESS


async def test_a_server_that_stops_begins_nothing(db: Path) -> None:
    run_id = db.parent.name
    async with serving(db, NOW, stop_grace_s=5.0) as served:
        await play(served)
        await begin(served, "gated", run_id)
        watching = call(served, "WatchRun", {"run_id": run_id, "after_sequence": 2})
        served.stop.set()
        # Streams end before everything else.
        await asyncio.gather(watching.read(), return_exceptions=True)
        before = snapshot.rows(db)

        for method, fields in BEGINNING:
            for form in forms_of(method):
                told = await refusal_to(served, form, fields)

                assert snapshot.rows(db) == before
                Case(method, fields, "SHUTTING_DOWN").check(told)
                assert told.retry_s == 1.0
        GATES.open(run_id)
