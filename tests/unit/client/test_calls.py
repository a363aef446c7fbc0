import asyncio
import re
from dataclasses import replace
from datetime import datetime

import grpc
import pytest

from dalsegno.client import Client, Run, StepResult, Unavailable, errors
from dalsegno.client.model import RunStatus, StepStatus
from dalsegno.v1 import run_service_pb2 as pb
from dalsegno.v1 import workflow_service_pb2
from dalsegno.v1.payload_pb2 import Payload
from dalsegno.v1.run_pb2 import STEP_STATUS_SUCCESS
from dalsegno.v1.run_pb2 import StepResult as StepResultMessage
from tests.unit.client.conftest import QUICK
from tests.unit.client.scripted import ScriptedRuns, Wire, event, refusal

METHODS = [
    *pb.DESCRIPTOR.services_by_name["RunService"].methods_by_name,
    *workflow_service_pb2.DESCRIPTOR.services_by_name["WorkflowService"].methods_by_name,
]


@pytest.mark.parametrize("method", METHODS)
def test_every_rpc_is_a_verb(method: str) -> None:
    verb = re.sub(r"(?<!^)(?=[A-Z])", "_", method).lower()

    assert callable(getattr(Client, verb))


async def test_what_is_left_out_is_not_sent(client: Client, runs: ScriptedRuns) -> None:
    await client.run("w", request_id="q-1")

    assert runs.requests == [pb.RunRequest(workflow_id="w", request_id="q-1")]
    assert runs.metadata["dalsegno-payload-form"] == "json"


async def test_every_argument_is_sent_under_its_name(client: Client, runs: ScriptedRuns) -> None:
    null, zero, empty = (Payload(json=text) for text in (b"null", b"0", b"{}"))
    given = {"a": StepResult(output=0), "b": StepResult(payload=None, status=StepStatus.SUCCESS)}

    await client.time_travel(
        "r-1",
        "b",
        workflow_id="w",
        input_data=None,
        resume_data=0,
        initial_state={},
        context=given,
        request_context={},
        per_step=True,
        force=True,
        allow_definition_change=True,
        new_run_id="r-2",
        request_id="q-1",
    )

    assert runs.requests == [
        pb.TimeTravelRequest(
            run_id="r-1",
            step="b",
            workflow_id="w",
            input_data=null,
            resume_data=zero,
            initial_state=empty,
            context={
                "a": StepResultMessage(output=zero),
                "b": StepResultMessage(payload=null, status=STEP_STATUS_SUCCESS),
            },
            request_context=empty,
            per_step=True,
            force=True,
            allow_definition_change=True,
            new_run_id="r-2",
            request_id="q-1",
        )
    ]


async def test_calls_have_request_ids_of_their_own(client: Client, runs: ScriptedRuns) -> None:
    await client.run("w")
    await client.run("w")

    first, second = runs.requests
    assert first.request_id
    assert second.request_id
    assert first.request_id != second.request_id


async def test_a_call_is_repeated_with_its_request_id_while_the_server_is_away(
    client: Client, runs: ScriptedRuns
) -> None:
    runs.failures = [
        (grpc.StatusCode.UNAVAILABLE, "away"),
        refusal(grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE"),
    ]

    run = await client.start_run("w", input_data={"id": 7})

    assert (run.run_id, run.status) == ("r-1", RunStatus.SUCCESS)
    assert runs.requests == [runs.requests[0]] * 3


async def test_a_repetition_that_finds_its_work_done_is_no_refusal(
    client: Client, runs: ScriptedRuns
) -> None:
    """
    The method: the first try gets lost, and the second is refused as it is after a first success.
    """
    lost = (grpc.StatusCode.UNAVAILABLE, "away")
    gone = refusal(grpc.StatusCode.NOT_FOUND, "RUN_NOT_FOUND")
    alive = refusal(grpc.StatusCode.FAILED_PRECONDITION, "RUN_ACTIVE")
    await runs.tell(event(1, "run_started"))

    runs.failures = [lost, gone]
    await client.delete_run("r-1")
    runs.failures = [lost, alive]
    assert (await client.restart("r-1")).status is RunStatus.SUCCESS

    runs.failures = [gone]
    with pytest.raises(errors.RunNotFound):
        await client.delete_run("r-1")
    runs.failures = [alive]
    with pytest.raises(errors.RunActive):
        await client.restart("r-1")


async def test_a_call_that_waits_survives_a_cut_connection(
    client: Client, runs: ScriptedRuns, wire: Wire
) -> None:
    waiting = asyncio.create_task(client.wait_run("r-1"))
    await runs.until_asked()

    wire.cut()
    await runs.tell(event(1, "run_started"))

    assert isinstance(await waiting, Run)
    assert len(runs.requests) == 2


async def test_a_call_is_given_up_when_its_time_is_over(client: Client, runs: ScriptedRuns) -> None:
    runs.failures = [(grpc.StatusCode.UNAVAILABLE, "away")] * 1000

    async with asyncio.timeout(3):
        # The time may be over between two tries, or in the middle of one.
        with pytest.raises((Unavailable, errors.DeadlineExceeded)):
            await client.wait_run("r-1", timeout_s=0.1)


async def test_the_next_try_waits_for_as_long_as_the_server_asks(
    client: Client, runs: ScriptedRuns
) -> None:
    busy = refusal(grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")  # asks for 20 ms, ours is 10
    runs.failures = [busy] * 3
    clock = asyncio.get_running_loop().time
    begun = clock()

    await client.run("w")

    assert clock() - begun >= 0.06


async def test_a_call_goes_on_after_the_server_was_away(runs: ScriptedRuns, wire: Wire) -> None:
    wire.refuse()
    patience = replace(QUICK, delay_s=0.05, delay_max_s=0.05)

    async with Client(f"127.0.0.1:{wire.port}", patience=patience) as client:
        call = asyncio.create_task(client.run("w"))
        await asyncio.sleep(0.1)  # some tries are refused
        await wire.listen()
        assert isinstance(await call, Run)

    assert len(runs.requests) == 1


async def test_pages_are_read_as_the_loop_gets_to_them(client: Client, runs: ScriptedRuns) -> None:
    listed = client.list_runs(workflow_id="w", statuses=[RunStatus.FAILED], page_size=2)

    assert [(await anext(listed)).run_id for _ in range(2)] == ["r-0", "r-1"]
    assert len(runs.requests) == 1
    assert [run.run_id async for run in listed] == ["r-2", "r-3"]
    assert [request.page_token for request in runs.requests] == ["", "2"]


def test_times_without_a_zone_are_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        Client().list_runs(created_after=datetime(2026, 1, 1))
