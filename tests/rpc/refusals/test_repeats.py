"""
A request repeated under its id is answered again, and takes effect once.
"""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest

from tests.rpc.refusals import snapshot
from tests.rpc.refusals.asking import call, forms_of, refusal_to
from tests.rpc.refusals.stage import ANSWERED, ONE, QUICK, Stage
from tests.rpc.refusals.workflows import NOW
from tests.rpc.serving import Served, serving

REPEATS = [
    (request_id, form) for request_id, (method, _) in ANSWERED.items() for form in forms_of(method)
]


@pytest.mark.parametrize(("request_id", "form"), REPEATS)
async def test_a_repeated_request_is_answered_again_and_writes_nothing(
    stage: Stage, request_id: str, form: str
) -> None:
    _, fields = ANSWERED[request_id]
    run_id = fields.get("new_run_id", fields["run_id"])

    asked = call(stage.served, form, {**fields, "request_id": request_id})
    if hasattr(asked, "read"):
        await assert_tells_the_same(stage.served, run_id, [it.event async for it in asked])
    else:
        as_it_is = await call(stage.served, "GetRun", {"run_id": run_id})
        assert (await asked).run == as_it_is.run

    await stage.assert_unchanged()


async def assert_tells_the_same(served: Served, run_id: str, events: list[Any]) -> None:
    """
    The events are what the request brought about the first time: the last ones of the run.
    """
    log = (await call(served, "ListEvents", {"run_id": run_id})).events
    begin = {"run_started", "run_resumed"}
    started = max(index for index, event in enumerate(log) if event.WhichOneof("body") in begin)
    assert events == list(log)[started:]


@pytest.mark.parametrize("method", ["Run", "StartRun"])
async def test_of_requests_repeated_at_once_one_takes_effect(served: Served, method: str) -> None:
    fields = {"workflow_id": "math", "input_data": ONE, "request_id": f"q-{uuid4()}"}

    answers = await asyncio.gather(*(call(served, method, fields) for _ in range(5)))

    run_ids = {answer.run.run_id for answer in answers}
    assert len(run_ids) == 1


async def test_travels_repeated_at_once_make_one_replay(served: Served) -> None:
    source = await served.run("math", b'{"v": 1}')
    fields = {"run_id": source.run_id, "step": "double", "request_id": f"q-{uuid4()}"}

    answers = await asyncio.gather(*(call(served, "TimeTravel", fields) for _ in range(5)))

    replays = await call(served, "ListRuns", {"source_run_id": source.run_id})
    assert {answer.run.run_id for answer in answers} == {run.run_id for run in replays.runs}
    assert len(replays.runs) == 1


async def test_an_answer_repeated_at_once_is_given_once(served: Served) -> None:
    run = await served.run("asking", b"1")
    fields = {"run_id": run.run_id, "resume_data": ONE, "request_id": f"q-{uuid4()}"}

    answers = await asyncio.gather(*(call(served, "Resume", fields) for _ in range(5)))

    events = (await call(served, "ListEvents", {"run_id": run.run_id})).events
    assert [event.WhichOneof("body") for event in events].count("run_resumed") == 1
    assert all(answer.run == answers[0].run for answer in answers)


async def test_a_pause_repeated_after_its_run_went_on_does_not_pause_it_again(
    served: Served,
) -> None:
    run = await served.run("math", b'{"v": 1}', per_step=True)
    pause = {"run_id": run.run_id, "request_id": f"q-{uuid4()}"}
    paused = await call(served, "Pause", pause)
    ended = await call(served, "Resume", {"run_id": run.run_id})

    again = await call(served, "Pause", pause)

    assert paused.run == run
    assert again.run == ended.run


async def test_a_request_repeated_to_another_server_is_answered_again(tmp_path: Path) -> None:
    db = tmp_path / "runs.db"
    async with serving(db, NOW, **QUICK) as served:
        run = await served.run("math", b'{"v": 1}', request_id="q")
    before = snapshot.rows(db)

    async with serving(db, NOW, **QUICK) as served:
        again = await served.run("math", b'{"v": 1}', request_id="q")
        other = {"workflow_id": "math", "request_id": "q"}
        told = await refusal_to(served, "Run", other)

    assert again == run
    assert told.reason == "REQUEST_ID_REUSED"
    assert snapshot.rows(db) == before


async def test_a_refused_request_leaves_its_id_free(served: Served) -> None:
    fields = {"workflow_id": "math", "request_id": f"q-{uuid4()}"}
    refused = call(served, "Run", {**fields, "run_id": "x" * 128})
    await asyncio.gather(refused, return_exceptions=True)

    answer = await call(served, "Run", {**fields, "input_data": ONE})

    assert await refused.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert answer.run.HasField("result")
