"""
Every type of event has its message. A new type fails here until it has a sample.
"""

from typing import Any

import pytest
from google.protobuf.message import Message as ProtoMessage
from msgspec.structs import replace

from dalsegno.model.event import Event, EventType
from dalsegno.model.lineage import Lineage
from dalsegno.model.payload import NULL, Payload
from dalsegno.model.record import Error
from dalsegno.v1 import event_pb2 as pb
from dalsegno.v1 import run_pb2
from dalsegno.v1 import run_service_pb2 as rs
from dalsegno.v1.payload_pb2 import Payload as Message
from dalsegno.wire.event import event_answer, event_to_proto, heartbeat_answer
from dalsegno.wire.payload import Form
from dalsegno.wire.time import time_to_proto

_LARGE = 4 * 1024 * 1024
AT_US = 1_700_000_000_000_001
DUE_US = AT_US + 5_000_000
DATA = Payload(b'{"v": 1}')
DATA_MESSAGE = Message(json=DATA.json)
ERROR = Error("ValueError", "no", is_retryable=False, cause=Error("KeyError", "'k'"))
ERROR_MESSAGE = run_pb2.Error(
    type="ValueError",
    message="no",
    cause=run_pb2.Error(type="KeyError", message="'k'", retryable=True),
)
LINEAGE = Lineage("r-0", "a", "r-0", 1, ("input_data",), "a")

RUN = Event("r-1", 7, AT_US, EventType.RUN_PAUSED)
STEP = replace(RUN, address="items[2].a")

# What the engine tells, and what a caller sees of it.
SAMPLES: dict[EventType, tuple[Event, ProtoMessage]] = {
    EventType.RUN_STARTED: (
        replace(RUN, payload=DATA, lineage=LINEAGE, workflow_id="w", definition_hash="h"),
        pb.RunStarted(
            input=DATA_MESSAGE,
            lineage=run_pb2.Lineage(
                source_run_id="r-0",
                step="a",
                root_run_id="r-0",
                depth=1,
                overrides=["input_data"],
            ),
            workflow_id="w",
            definition_hash="h",
        ),
    ),
    EventType.RUN_RESUMED: (
        replace(RUN, addresses=("a",), payload=DATA),
        pb.RunResumed(addresses=["a"], resume_data=DATA_MESSAGE),
    ),
    EventType.RUN_RESTARTED: (RUN, pb.RunRestarted()),
    EventType.RUN_WAITING: (
        replace(RUN, due_us=DUE_US),
        pb.RunWaiting(due_time=time_to_proto(DUE_US)),
    ),
    EventType.RUN_SUSPENDED: (
        replace(RUN, addresses=("a", "b")),
        pb.RunSuspended(addresses=["a", "b"]),
    ),
    EventType.RUN_PAUSED: (
        replace(RUN, addresses=("b",), reason="lunch"),
        pb.RunPaused(addresses=["b"], reason="lunch"),
    ),
    EventType.RUN_COMPLETED: (replace(RUN, payload=DATA), pb.RunCompleted(result=DATA_MESSAGE)),
    EventType.RUN_FAILED: (replace(RUN, error=ERROR), pb.RunFailed(error=ERROR_MESSAGE)),
    EventType.RUN_CANCELED: (replace(RUN, reason="enough"), pb.RunCanceled(reason="enough")),
    EventType.STEP_STARTED: (
        replace(STEP, payload=DATA, attempt=2, resume_data=NULL),
        pb.StepStarted(input=DATA_MESSAGE, attempt=2, resume_data=Message(json=b"null")),
    ),
    EventType.STEP_OUTPUT: (replace(STEP, payload=DATA), pb.StepOutput(data=DATA_MESSAGE)),
    EventType.STEP_PROGRESS: (replace(STEP, done=1, total=3), pb.StepProgress(done=1, total=3)),
    EventType.STEP_RETRYING: (
        replace(STEP, attempt=1, error=ERROR, due_us=DUE_US),
        pb.StepRetrying(attempt=1, error=ERROR_MESSAGE, due_time=time_to_proto(DUE_US)),
    ),
    EventType.STEP_WAITING: (
        replace(STEP, due_us=DUE_US),
        pb.StepWaiting(due_time=time_to_proto(DUE_US)),
    ),
    EventType.STEP_SUSPENDED: (
        replace(STEP, payload=DATA, label="boss"),
        pb.StepSuspended(payload=DATA_MESSAGE, label="boss"),
    ),
    EventType.STEP_SKIPPED: (STEP, pb.StepSkipped()),
    EventType.STEP_COMPLETED: (replace(STEP, payload=DATA), pb.StepCompleted(output=DATA_MESSAGE)),
    EventType.STEP_FAILED: (
        replace(STEP, error=ERROR, attempt=3),
        pb.StepFailed(error=ERROR_MESSAGE, attempt=3),
    ),
    EventType.STEP_CANCELED: (STEP, pb.StepCanceled()),
}


def test_every_type_of_event_has_a_sample_and_a_message() -> None:
    bodies = {field.name for field in pb.RunEvent.DESCRIPTOR.oneofs_by_name["body"].fields}

    assert {it.value for it in EventType} == set(SAMPLES) == bodies - {"heartbeat"}


@pytest.mark.parametrize("kind", EventType)
def test_an_event_is_shown_with_all_it_tells(kind: EventType) -> None:
    event, body = SAMPLES[kind]

    message = event_to_proto(replace(event, type=kind), Form.JSON)

    assert message.run_id == "r-1"
    assert message.sequence == 7
    assert message.time.ToMicroseconds() == AT_US
    assert message.address == event.address
    assert message.WhichOneof("body") == kind
    assert getattr(message, kind) == body


@pytest.mark.parametrize("kind", EventType)
def test_the_sample_of_an_event_fills_every_field_of_its_message(kind: EventType) -> None:
    _, body = SAMPLES[kind]

    assert {field.name for field, _ in body.ListFields()} == set(body.DESCRIPTOR.fields_by_name)


def test_an_event_without_data_says_so() -> None:
    resumed = event_to_proto(replace(RUN, type=EventType.RUN_RESUMED), Form.JSON)

    assert not resumed.run_resumed.HasField("resume_data")


@pytest.mark.parametrize(
    "answer",
    [
        rs.RunStreamResponse,
        rs.ResumeStreamResponse,
        rs.TimeTravelStreamResponse,
        rs.WatchRunResponse,
    ],
)
def test_the_answers_of_all_streams_are_the_same_on_the_wire(answer: Any) -> None:
    event = replace(STEP, type=EventType.STEP_OUTPUT, payload=DATA)

    message = answer.FromString(event_answer(event, Form.VALUE, _LARGE))

    assert list(answer.DESCRIPTOR.fields_by_name) == ["event"]
    assert message.event == event_to_proto(event, Form.VALUE)


def test_an_answer_that_is_too_large_loses_its_largest_payload() -> None:
    event = replace(
        STEP,
        type=EventType.STEP_STARTED,
        payload=Payload(b'"%s"' % (b"x" * 2000)),
        resume_data=Payload(b'"small"'),
    )

    data = event_answer(event, Form.JSON, 1000)
    started = rs.WatchRunResponse.FromString(data).event.step_started

    assert len(data) <= 1000
    assert started.HasField("input")
    assert started.input == Message()
    assert started.resume_data.json == b'"small"'


def test_a_heartbeat_is_no_event_of_the_run() -> None:
    message = rs.WatchRunResponse.FromString(heartbeat_answer("r-1")).event

    assert (message.run_id, message.sequence) == ("r-1", 0)
    assert message.WhichOneof("body") == "heartbeat"
