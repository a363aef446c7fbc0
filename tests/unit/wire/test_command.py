"""
Requests as commands: what is not given is not confused with what is empty.
"""

from typing import Any

import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from dalsegno.engine.commands import (
    Cancel,
    Pause,
    Resume,
    RunFilter,
    StartRun,
    StepResult,
    TimeTravel,
    fingerprint,
)
from dalsegno.model.errors import InvalidContext
from dalsegno.model.record import StepStatus
from dalsegno.model.run import RunStatus, Tracing
from dalsegno.v1 import run_pb2
from dalsegno.v1 import run_service_pb2 as pb
from dalsegno.v1.payload_pb2 import Payload
from dalsegno.wire import command

NULL = Payload(json=b"null")
DATA = Payload(json=b'{"v":1}')

TRACING = run_pb2.TracingOptions(
    trace_id="a" * 32,
    parent_span_id="b" * 16,
    tags=["x", "y"],
    metadata={"l": "2", "k": "1"},
    request_context_keys=["user"],
)

# A request with nothing and one with everything, of each kind; and what they ask for.
SAMPLES: list[tuple[Any, Message, object]] = [
    (command.start_run, pb.RunRequest(workflow_id="w"), StartRun("w")),
    (
        command.start_run,
        pb.StartRunRequest(
            workflow_id="w",
            input_data=NULL,
            run_id="r",
            request_id="q",
            initial_state=DATA,
            request_context=DATA,
            per_step=True,
            tracing=TRACING,
        ),
        StartRun(
            "w",
            input_data=b"null",
            run_id="r",
            request_id="q",
            initial_state=DATA.json,
            request_context=DATA.json,
            per_step=True,
            tracing=Tracing("a" * 32, "b" * 16, ("x", "y"), (("k", "1"), ("l", "2")), ("user",)),
        ),
    ),
    (command.resume, pb.ResumeRequest(run_id="r"), Resume("r")),
    (
        command.resume,
        pb.ResumeStreamRequest(
            run_id="r",
            step="a",
            resume_data=NULL,
            request_context=DATA,
            per_step=True,
            request_id="q",
        ),
        Resume(
            "r",
            step="a",
            resume_data=b"null",
            request_context=DATA.json,
            per_step=True,
            request_id="q",
        ),
    ),
    (command.resume, pb.ResumeRequest(run_id="r", label="boss"), Resume("r", label="boss")),
    (command.time_travel, pb.TimeTravelRequest(step="a"), TimeTravel("a")),
    (
        command.time_travel,
        pb.TimeTravelStreamRequest(
            run_id="r",
            workflow_id="w",
            step="a",
            input_data=NULL,
            resume_data=NULL,
            initial_state=DATA,
            context={
                "b": run_pb2.StepResult(),
                "c": run_pb2.StepResult(
                    status=run_pb2.STEP_STATUS_FAILED, output=NULL, payload=DATA
                ),
            },
            request_context=DATA,
            per_step=True,
            force=True,
            allow_definition_change=True,
            new_run_id="n",
            request_id="q",
            tracing=run_pb2.TracingOptions(),
        ),
        TimeTravel(
            "a",
            run_id="r",
            workflow_id="w",
            input_data=b"null",
            resume_data=b"null",
            initial_state=DATA.json,
            context={"b": StepResult(), "c": StepResult(StepStatus.FAILED, b"null", DATA.json)},
            request_context=DATA.json,
            per_step=True,
            force=True,
            allow_definition_change=True,
            new_run_id="n",
            request_id="q",
            tracing=Tracing(""),
        ),
    ),
    (command.cancel, pb.CancelRequest(run_id="r"), Cancel("r")),
    (
        command.cancel,
        pb.CancelRequest(run_id="r", reason="enough", request_id="q"),
        Cancel("r", reason="enough", request_id="q"),
    ),
    (command.pause, pb.PauseRequest(run_id="r"), Pause("r")),
    (
        command.pause,
        pb.PauseRequest(run_id="r", reason="lunch", request_id="q"),
        Pause("r", reason="lunch", request_id="q"),
    ),
    (command.run_filter, pb.ListRunsRequest(), RunFilter()),
    (
        command.run_filter,
        pb.ListRunsRequest(
            workflow_id="w",
            statuses=[run_pb2.RUN_STATUS_FAILED, run_pb2.RUN_STATUS_PAUSED],
            created_after=Timestamp(seconds=1),
            created_before=Timestamp(seconds=2),
            source_run_id="s",
            root_run_id="r",
        ),
        RunFilter(
            workflow_id="w",
            statuses=(RunStatus.FAILED, RunStatus.PAUSED),
            created_from_us=1_000_000,
            created_before_us=2_000_000,
            source_run_id="s",
            root_run_id="r",
        ),
    ),
]


@pytest.mark.parametrize(("decode", "request_message", "expected"), SAMPLES)
def test_a_request_asks_for_what_it_says(
    decode: Any, request_message: Message, expected: object
) -> None:
    assert decode(request_message) == expected


def test_no_command_changes_with_the_order_of_a_map() -> None:
    """
    The goal: a repeated request is taken for one, also after the server was started anew.
    """
    addresses = [f"a{number}" for number in range(30)]
    forward = pb.TimeTravelRequest(step="x", context={it: run_pb2.StepResult() for it in addresses})
    backward = pb.TimeTravelRequest(
        step="x", context={it: run_pb2.StepResult() for it in reversed(addresses)}
    )

    commands = command.time_travel(forward), command.time_travel(backward)

    assert fingerprint(commands[0]) == fingerprint(commands[1])


def test_a_status_set_to_nothing_is_none() -> None:
    request = pb.TimeTravelRequest(
        step="a", context={"b": run_pb2.StepResult(status=run_pb2.STEP_STATUS_UNSPECIFIED)}
    )

    assert command.time_travel(request).context == {"b": StepResult()}


def test_a_status_of_a_newer_client_is_refused() -> None:
    request = pb.TimeTravelRequest(step="a")
    request.context["b"].status = 99  # type: ignore[assignment] # no such value

    with pytest.raises(InvalidContext) as refused:
        command.time_travel(request)

    assert refused.value.violations.keys() == {'context["b"].status'}
