"""
Each way a call is refused, through a real server.
"""

import asyncio
import math
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.struct_pb2 import ListValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

from dalsegno.v1 import run_pb2
from dalsegno.v1 import run_service_pb2 as pb
from dalsegno.v1 import workflow_service_pb2 as workflow_pb
from dalsegno.v1.payload_pb2 import Payload
from tests.rpc.refused import Refusal, refusal_of, refused
from tests.rpc.serving import Served
from tests.rpc.workflows import GATES

MIB = 1024 * 1024
ONE = Payload(json=b'{"v": 1}')


def new_id() -> str:
    return f"t-{uuid4()}"


def nested(levels: int) -> Payload:
    value = Value(number_value=1)
    for _ in range(levels):
        value = Value(list_value=ListValue(values=[value]))
    return Payload(value=value)


async def finished(served: Served) -> str:
    run = await served.run("math", b'{"v": 1}')
    assert run.status == run_pb2.RUN_STATUS_SUCCESS
    return run.run_id


async def suspended(served: Served, workflow_id: str = "asking") -> str:
    run = await served.run(workflow_id, b"1")
    assert run.status == run_pb2.RUN_STATUS_SUSPENDED
    return run.run_id


async def running(served: Served) -> str:
    run_id = new_id()
    await served.runs.StartRun(
        pb.StartRunRequest(
            workflow_id="gated",
            run_id=run_id,
            input_data=Payload(json=f'"{run_id}"'.encode()),
        )
    )
    await GATES.entered(run_id)
    return run_id


async def test_no_such_workflow(served: Served) -> None:
    told = await refusal_of(served.run("nope"))

    assert (told.code, told.reason) == (grpc.StatusCode.NOT_FOUND, "WORKFLOW_NOT_FOUND")
    assert told.metadata["workflow_id"] == "nope"
    assert "math" in told.metadata["workflows"].split(", ")


async def test_no_such_workflow_to_look_at(served: Served) -> None:
    request = workflow_pb.GetWorkflowRequest(workflow_id="nope")

    told = await refusal_of(served.workflows.GetWorkflow(request))

    assert told.reason == "WORKFLOW_NOT_FOUND"


@pytest.mark.parametrize(
    ("method", "request_type"),
    [
        ("GetRun", pb.GetRunRequest),
        ("WaitRun", pb.WaitRunRequest),
        ("Resume", pb.ResumeRequest),
        ("Cancel", pb.CancelRequest),
        ("Pause", pb.PauseRequest),
        ("Restart", pb.RestartRequest),
        ("DeleteRun", pb.DeleteRunRequest),
        ("ListSteps", pb.ListStepsRequest),
        ("ListEvents", pb.ListEventsRequest),
        ("GetLineage", pb.GetLineageRequest),
    ],
)
async def test_no_such_run(served: Served, method: str, request_type: Any) -> None:
    told = await refusal_of(getattr(served.runs, method)(request_type(run_id="nope")))

    assert (told.code, told.reason) == (grpc.StatusCode.NOT_FOUND, "RUN_NOT_FOUND")
    assert told.metadata == {"run_id": "nope"}


@pytest.mark.parametrize(
    ("method", "request_message"),
    [
        ("WatchRun", pb.WatchRunRequest(run_id="nope")),
        ("ResumeStream", pb.ResumeStreamRequest(run_id="nope")),
        ("TimeTravelStream", pb.TimeTravelStreamRequest(run_id="nope", step="a")),
    ],
)
async def test_a_stream_of_no_run_is_refused_before_its_first_event(
    served: Served, method: str, request_message: Any
) -> None:
    with refused() as told:
        await getattr(served.runs, method)(request_message).read()

    assert (told.code, told.reason) == (grpc.StatusCode.NOT_FOUND, "RUN_NOT_FOUND")


async def test_no_such_step(served: Served) -> None:
    source = await finished(served)

    told = await refusal_of(
        served.runs.TimeTravel(pb.TimeTravelRequest(run_id=source, step="duoble"))
    )

    assert (told.code, told.reason) == (grpc.StatusCode.NOT_FOUND, "STEP_NOT_FOUND")
    assert told.metadata["addresses"] == "add, double"


@pytest.mark.parametrize("step", ["", "a[x]", "..", "a b", "x" * 100_000])
async def test_no_address(served: Served, step: str) -> None:
    source = await finished(served)

    told = await refusal_of(served.runs.TimeTravel(pb.TimeTravelRequest(run_id=source, step=step)))

    assert told.code in {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND}
    assert told.reason == ("STEP_NOT_FOUND" if step.startswith("x") else "INVALID_ADDRESS")


NOT_JSON = Payload(value=Value(struct_value=Struct(fields={"a": Value(number_value=math.nan)})))


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        (Payload(json=b'{"v": "1"}'), "$.v"),
        (Payload(json=b"{}"), "$"),
        (Payload(json=b"{"), "not JSON"),
        (Payload(json=b""), "not JSON"),
        (Payload(json=b"\xff"), "UTF-8"),
        (Payload(json=b'{"v": NaN}'), "NaN"),
        (Payload(json=b'{"v": 1, "v": 2}'), "twice"),
        (Payload(json=b"[" * 33 + b"]" * 33), "32 levels"),
        (Payload(json=b"[" * 1_000_000), "32 levels"),
        (NOT_JSON, "nan"),
        (nested(33), "32 levels"),
        (nested(45), "32 levels"),
    ],
)
async def test_input_that_does_not_fit(served: Served, payload: Payload, problem: str) -> None:
    told = await refusal_of(served.runs.Run(pb.RunRequest(workflow_id="math", input_data=payload)))

    assert (told.code, told.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_INPUT")
    assert told.violations.keys() == {"input_data"}
    assert problem in told.violations["input_data"]


def tagged(field: int, body: bytes) -> bytes:
    """
    A field of a message, as it is on the wire.
    """
    size, digits = len(body), bytearray()
    while size >= 0x80:
        digits.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([field << 3 | 2, *digits, size]) + body


@pytest.mark.parametrize("levels", [33, 34, 100, 5000])
async def test_readable_payloads_too_deep_for_protobuf_are_refused_by_field(
    served: Served, levels: int
) -> None:
    """
    The goal: a payload that protobuf cannot decode is refused like one that it can.
    The method: write objects in objects byte by byte, as no Python client can.
    """
    value = tagged(3, b"x")
    for _ in range(levels):
        value = tagged(5, tagged(1, tagged(1, b"v") + tagged(2, value)))
    deep = tagged(1, value)
    context = tagged(1, b"add") + tagged(2, tagged(2, deep))
    run: Any = served.channel.unary_unary("/dalsegno.v1.RunService/Run")
    travel: Any = served.channel.unary_unary("/dalsegno.v1.RunService/TimeTravel")

    told = await refusal_of(run(tagged(1, b"echo") + tagged(2, deep)))
    also_told = await refusal_of(
        travel(tagged(1, b"r") + tagged(3, b"double") + tagged(7, context))
    )

    assert (told.code, told.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_INPUT")
    assert "32 levels" in told.violations["input_data"]
    assert also_told.reason == "INVALID_CONTEXT"
    assert also_told.violations.keys() == {'context["add"].output'}


async def test_state_that_does_not_fit(served: Served) -> None:
    request = pb.RunRequest(workflow_id="math", input_data=ONE, initial_state=Payload(json=b"[1]"))

    told = await refusal_of(served.runs.Run(request))

    assert (told.code, told.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_STATE")
    assert told.violations.keys() == {"initial_state"}


async def test_request_context_that_does_not_fit(served: Served) -> None:
    request = pb.RunRequest(
        workflow_id="math", input_data=ONE, request_context=Payload(json=b"[1]")
    )

    told = await refusal_of(served.runs.Run(request))

    assert (told.code, told.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_CONTEXT")


async def test_context_that_does_not_fit(served: Served) -> None:
    source = await finished(served)
    result = run_pb2.StepResult(output=NOT_JSON)

    told = await refusal_of(
        served.runs.TimeTravel(
            pb.TimeTravelRequest(run_id=source, step="double", context={"add": result})
        )
    )

    assert (told.code, told.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_CONTEXT")
    assert told.violations.keys() == {'context["add"].output'}


async def test_a_status_that_is_none(served: Served) -> None:
    source = await finished(served)
    request = pb.TimeTravelRequest(run_id=source, step="double")
    request.context["add"].status = 99  # type: ignore[assignment] # what a newer client may send

    told = await refusal_of(served.runs.TimeTravel(request))

    assert (told.code, told.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_CONTEXT")
    assert told.violations.keys() == {'context["add"].status'}


async def test_resume_data_that_does_not_fit(served: Served) -> None:
    run_id = await suspended(served)

    told = await refusal_of(
        served.runs.Resume(pb.ResumeRequest(run_id=run_id, resume_data=Payload(json=b'"x"')))
    )

    assert (told.code, told.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_RESUME_DATA")
    assert told.violations.keys() == {"resume_data"}


BROKEN: dict[str, tuple[str, Any, str]] = {
    "no workflow": ("Run", pb.RunRequest(), "workflow_id"),
    "space in a run id": ("Run", pb.RunRequest(workflow_id="w", run_id="a b"), "run_id"),
    "129 characters": ("GetRun", pb.GetRunRequest(run_id="r" * 129), "run_id"),
    "no run": ("WaitRun", pb.WaitRunRequest(), "run_id"),
    "line break": ("Run", pb.RunRequest(workflow_id="w", request_id="q\n"), "request_id"),
    "no form": ("Run", pb.RunRequest(workflow_id="w", input_data=Payload()), "input_data.form"),
    "no view": (
        "GetRun",
        pb.GetRunRequest(run_id="r", output=run_pb2.OutputOptions(view=7)),  # type: ignore[arg-type]
        "output.view",
    ),
    "no status": ("ListRuns", pb.ListRunsRequest(statuses=[0]), "statuses[0]"),  # type: ignore[list-item]
    "page below 0": ("ListSteps", pb.ListStepsRequest(run_id="r", page_size=-1), "page_size"),
    "page above 1000": ("ListRuns", pb.ListRunsRequest(page_size=1001), "page_size"),
    "no time": (
        "ListRuns",
        pb.ListRunsRequest(created_before=Timestamp(seconds=2**60)),
        "created_before",
    ),
    "cursor below 0": (
        "ListEvents",
        pb.ListEventsRequest(run_id="r", after_sequence=-1),
        "after_sequence",
    ),
    "step and label": ("Resume", pb.ResumeRequest(run_id="r", step="a", label="b"), ""),
    "no trace id": (
        "Run",
        pb.RunRequest(workflow_id="w", tracing=run_pb2.TracingOptions(trace_id="xyz")),
        "tracing.trace_id",
    ),
    "neither run nor workflow": ("TimeTravel", pb.TimeTravelRequest(step="a"), "workflow_id"),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_requests_that_break_the_rules(served: Served, case: str) -> None:
    method, request, field = BROKEN[case]

    told = await refusal_of(getattr(served.runs, method)(request))

    assert (told.code, told.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert told.violations.keys() == {field}


@pytest.mark.parametrize("body", [b"\xff\xff", b"\x0a\x05ab", b"\x0a\x02\xff\xfe", b"\x00" * 100])
async def test_garbage(served: Served, body: bytes) -> None:
    raw: Any = served.channel.unary_unary("/dalsegno.v1.RunService/Run")

    told = await refusal_of(raw(body))

    assert (told.code, told.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


async def test_garbage_in_place_of_a_watch(served: Served) -> None:
    raw: Any = served.channel.unary_stream("/dalsegno.v1.RunService/WatchRun")

    with refused() as told:
        await raw(b"\xff\xff").read()

    assert (told.code, told.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


async def test_a_payload_form_that_is_none(served: Served) -> None:
    run_id = new_id()
    request = pb.RunRequest(workflow_id="math", input_data=ONE, run_id=run_id)

    told = await refusal_of(served.runs.Run(request, metadata=(("dalsegno-payload-form", "xml"),)))

    assert told.reason == "INVALID_REQUEST"
    assert told.violations.keys() == {"dalsegno-payload-form"}
    assert (await refusal_of(served.runs.GetRun(pb.GetRunRequest(run_id=run_id)))).reason == (
        "RUN_NOT_FOUND"
    )


async def test_another_workflow_than_the_sources(served: Served) -> None:
    source = await finished(served)
    request = pb.TimeTravelRequest(run_id=source, workflow_id="echo", step="echo")

    told = await refusal_of(served.runs.TimeTravel(request))

    assert (told.code, told.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "WORKFLOW_MISMATCH")
    assert (told.metadata["expected"], told.metadata["actual"]) == ("echo", "math")


async def test_a_run_id_used_twice(served: Served) -> None:
    source = await finished(served)

    told = await refusal_of(served.run("math", b'{"v": 1}', run_id=source))

    assert (told.code, told.reason) == (grpc.StatusCode.ALREADY_EXISTS, "RUN_EXISTS")
    assert told.metadata == {"run_id": source}


async def test_a_request_id_used_for_another_request(served: Served) -> None:
    request_id = new_id()
    first = await served.run("math", b'{"v": 1}', request_id=request_id)

    told = await refusal_of(served.run("math", b'{"v": 2}', request_id=request_id))

    assert (told.code, told.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    assert told.metadata == {"request_id": request_id, "run_id": first.run_id}


async def test_a_source_that_is_still_running(served: Served) -> None:
    source = await running(served)

    told = await refusal_of(
        served.runs.TimeTravel(pb.TimeTravelRequest(run_id=source, step="gate"))
    )
    GATES.open(source)

    assert (told.code, told.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "SOURCE_RUN_ACTIVE")
    assert told.preconditions == [("SOURCE_RUN_ACTIVE", source)]


async def test_history_that_is_missing(served: Served) -> None:
    told = await refusal_of(
        served.runs.TimeTravel(pb.TimeTravelRequest(workflow_id="math", step="double"))
    )

    assert (told.code, told.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "MISSING_HISTORY")
    assert told.metadata == {"step": "double", "steps": "add"}
    assert told.preconditions == [("MISSING_HISTORY", "double")]


async def test_a_target_behind_a_condition_that_does_not_hold(served: Served) -> None:
    run = await served.run("choosing", b"1")

    told = await refusal_of(
        served.runs.TimeTravel(pb.TimeTravelRequest(run_id=run.run_id, step="echo"))
    )

    assert (told.code, told.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "TARGET_NOT_REACHED")


async def test_resume_data_for_a_travel_that_meets_no_suspension(served: Served) -> None:
    source = await finished(served)
    request = pb.TimeTravelRequest(run_id=source, step="add", resume_data=ONE)

    told = await refusal_of(served.runs.TimeTravel(request))

    assert told.reason == "NOTHING_TO_RESUME"


async def test_resuming_what_is_not_suspended(served: Served) -> None:
    run_id = await running(served)

    told = await refusal_of(served.runs.Resume(pb.ResumeRequest(run_id=run_id, resume_data=ONE)))
    GATES.open(run_id)

    assert (told.code, told.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NOT_SUSPENDED")
    assert told.metadata["status"] == "running"


async def test_resuming_one_of_two_without_saying_which(served: Served) -> None:
    run_id = await suspended(served, "asking_twice")

    told = await refusal_of(served.runs.Resume(pb.ResumeRequest(run_id=run_id, resume_data=ONE)))

    assert told.reason == "AMBIGUOUS_SUSPENSION"
    assert told.metadata["steps"] == "left, right"


@pytest.mark.parametrize(
    ("method", "request_type"),
    [("Resume", pb.ResumeRequest), ("Cancel", pb.CancelRequest), ("Pause", pb.PauseRequest)],
)
async def test_a_finished_run_stays_as_it_is(
    served: Served, method: str, request_type: Any
) -> None:
    run_id = await finished(served)

    told = await refusal_of(getattr(served.runs, method)(request_type(run_id=run_id)))

    assert (told.code, told.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "RUN_FINISHED")
    assert told.metadata == {"run_id": run_id, "status": "success"}


@pytest.mark.parametrize(
    ("method", "request_type"), [("Restart", pb.RestartRequest), ("DeleteRun", pb.DeleteRunRequest)]
)
async def test_a_run_that_is_alive_is_left_alone(
    served: Served, method: str, request_type: Any
) -> None:
    run_id = await running(served)

    told = await refusal_of(getattr(served.runs, method)(request_type(run_id=run_id)))
    GATES.open(run_id)

    assert (told.code, told.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "RUN_ACTIVE")
    assert told.metadata == {"run_id": run_id, "status": "running"}


async def test_a_source_is_not_deleted_before_its_replays(served: Served) -> None:
    source = await finished(served)
    travel = pb.TimeTravelRequest(run_id=source, step="double")
    replay = (await served.runs.TimeTravel(travel)).run.run_id

    told = await refusal_of(served.runs.DeleteRun(pb.DeleteRunRequest(run_id=source)))

    assert (told.code, told.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "RUN_HAS_REPLAYS")
    assert told.metadata == {"run_id": source, "replays": replay}


async def beyond_the_end(served: Served, run_id: str, method: str) -> Refusal:
    if method == "ListEvents":
        request = pb.ListEventsRequest(run_id=run_id, after_sequence=1000)
        return await refusal_of(served.runs.ListEvents(request))
    with refused() as told:
        watch = pb.WatchRunRequest(run_id=run_id, after_sequence=1000)
        await served.runs.WatchRun(watch).read()
    return told


@pytest.mark.parametrize("method", ["WatchRun", "ListEvents"])
async def test_a_cursor_beyond_the_end(served: Served, method: str) -> None:
    run_id = await finished(served)

    told = await beyond_the_end(served, run_id, method)

    assert (told.code, told.reason) == (grpc.StatusCode.OUT_OF_RANGE, "SEQUENCE_OUT_OF_RANGE")
    assert told.metadata["after_sequence"] == "1000"
    assert int(told.metadata["newest"]) < 1000


async def test_a_payload_of_too_many_bytes(served: Served) -> None:
    text = b'"' + b"x" * 3 * MIB + b'"'

    told = await refusal_of(served.run("echo", text))

    assert (told.code, told.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "PAYLOAD_TOO_LARGE")
    assert told.metadata["field"] == "input_data"
    assert told.metadata["payload_bytes_max"] == str(2 * MIB)


async def test_a_message_of_too_many_bytes_is_refused_by_grpc(served: Served) -> None:
    told = await refusal_of(served.run("echo", b'"' + b"x" * 5 * MIB + b'"'))

    assert told.code is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_page_token_of_another_question(served: Served) -> None:
    await finished(served)
    await finished(served)
    page = await served.runs.ListRuns(pb.ListRunsRequest(workflow_id="math", page_size=1))
    assert page.next_page_token

    other = pb.ListRunsRequest(workflow_id="echo", page_token=page.next_page_token)
    told = await refusal_of(served.runs.ListRuns(other))

    assert (told.code, told.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")
    assert told.violations.keys() == {"page_token"}


@pytest.mark.parametrize("count", [5])
async def test_of_many_who_resume_at_once_one_wins(served: Served, count: int) -> None:
    run_id = await suspended(served)
    request = pb.ResumeRequest(run_id=run_id, resume_data=ONE)

    answers = await asyncio.gather(
        *(served.runs.Resume(request) for _ in range(count)), return_exceptions=True
    )

    assert sum(isinstance(it, pb.ResumeResponse) for it in answers) == 1
    codes = {it.code() for it in answers if isinstance(it, grpc.aio.AioRpcError)}
    assert codes <= {grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.ABORTED}
