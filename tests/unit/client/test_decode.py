"""
Whatever the protos have, the client has, under the same name.
"""

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.message import Message

from dalsegno.client import UNSET, decode, encode, events, model
from dalsegno.v1 import event_pb2, run_pb2, run_service_pb2, workflow_service_pb2
from dalsegno.v1.error_reason_pb2 import ERROR_REASON_CORRUPT_HISTORY
from dalsegno.v1.payload_pb2 import Payload

NOON = datetime(2026, 11, 21, 12, 0, 0, 123456, UTC)
PAYLOAD = Payload(json=b'{"n":1e2,"big":123456789012345678901234567890}')
VALUE = {"n": 100.0, "big": 123456789012345678901234567890}
NOUNS = [
    (run_pb2.Run, model.Run),
    (run_pb2.StepRecord, model.Step),
    (run_pb2.Suspension, model.Suspension),
    (run_pb2.Attempt, model.Attempt),
    (run_pb2.Lineage, model.Lineage),
    (run_pb2.Error, model.Error),
    (run_pb2.StepResult, model.StepResult),
    (run_pb2.OutputOptions, model.OutputOptions),
    (run_pb2.TracingOptions, model.TracingOptions),
    (run_service_pb2.LineageRun, model.LineageRun),
    (run_service_pb2.RestartFailure, model.RestartFailure),
    (run_service_pb2.RestartActiveResponse, model.Restarted),
    (workflow_service_pb2.Workflow, model.Workflow),
    (workflow_service_pb2.Node, model.Node),
    (workflow_service_pb2.RetryPolicy, model.RetryPolicy),
]
ENUMS = [
    (run_pb2.RunStatus.DESCRIPTOR, model.RunStatus),
    (run_pb2.StepStatus.DESCRIPTOR, model.StepStatus),
    (run_pb2.NodeKind.DESCRIPTOR, model.NodeKind),
    (run_pb2.RunView.DESCRIPTOR, model.RunView),
]
KINDS = [field.name for field in event_pb2.RunEvent.DESCRIPTOR.oneofs_by_name["body"].fields]


def names(noun: Any) -> set[str]:
    return {field.name for field in fields(noun)}


def sample(message: type[Message]) -> Message:
    """
    A message with every field set.
    """
    filled = message()
    for field in filled.DESCRIPTOR.fields:
        fill(filled, field)
    return filled


def fill(message: Message, field: Any) -> None:
    value = getattr(message, field.name)
    kind = field.message_type.full_name if field.message_type else ""
    if kind == "dalsegno.v1.Payload":
        value.CopyFrom(PAYLOAD)
    elif kind == "google.protobuf.Timestamp":
        value.FromDatetime(NOON)
    elif kind == "dalsegno.v1.Error":
        value.type, value.message = "ValueError", "no"
    elif kind == "dalsegno.v1.Lineage":
        value.step, value.depth = "a", 1
    elif field.is_repeated:
        value.append("a")
    else:
        setattr(message, field.name, 7 if isinstance(value, int) else "text")


@pytest.mark.parametrize(("message", "noun"), NOUNS)
def test_every_field_of_a_message_is_a_field_of_its_noun(
    message: type[Message], noun: type[Any]
) -> None:
    assert names(noun) == {field.name for field in message.DESCRIPTOR.fields}


@pytest.mark.parametrize(("descriptor", "enum"), ENUMS)
def test_every_value_of_an_enum_has_its_name(descriptor: EnumDescriptor, enum: Any) -> None:
    prefix = "".join(f"_{c}" if c.isupper() else c.upper() for c in descriptor.name).lstrip("_")
    values = {value.name.removeprefix(f"{prefix}_").lower() for value in descriptor.values}

    assert {value.value for value in enum} == values - {"unspecified"}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "heartbeat"])
def test_every_kind_of_event_is_a_class_with_the_fields_of_its_message(kind: str) -> None:
    message = event_pb2.RunEvent(run_id="r", sequence=3, address="a", time=NOON)
    body = getattr(message, kind)
    body.CopyFrom(sample(type(body)))
    body.SetInParent()

    event = decode.event(message)

    assert event.type == kind
    assert type(event).__name__ == body.DESCRIPTOR.name
    assert (event.run_id, event.sequence, event.address, event.time) == ("r", 3, "a", NOON)
    own = names(type(event)) - names(events.RunEvent)
    assert own == set(body.DESCRIPTOR.fields_by_name)
    assert not {"None", "UNSET"} & {repr(getattr(event, name)) for name in own}


def test_a_kind_of_event_that_a_newer_server_has_keeps_its_place_in_the_sequence() -> None:
    event = decode.event(event_pb2.RunEvent(run_id="r", sequence=3))

    assert type(event) is events.UnknownEvent
    assert event.sequence == 3


def test_payloads_of_events_are_exact_and_absent_ones_are_unset() -> None:
    started = event_pb2.StepStarted(input=PAYLOAD, resume_data=Payload(json=b"null"))
    resumed = event_pb2.StepStarted(input=PAYLOAD)

    match [decode.event(event_pb2.RunEvent(step_started=body)) for body in (started, resumed)]:
        case [events.StepStarted() as first, events.StepStarted() as second]:
            assert (first.input, first.resume_data) == (VALUE, None)
            assert second.resume_data is UNSET
        case other:
            pytest.fail(f"{other}")


def record(address: str, sequence: int, *, of: str = "", started: int = 0) -> run_pb2.StepRecord:
    return run_pb2.StepRecord(
        address=address,
        kind=run_pb2.NODE_KIND_STEP,
        status=run_pb2.STEP_STATUS_SUCCESS,
        first_sequence=sequence,
        reused_from_run_id=of,
        start_time=NOON + timedelta(seconds=started) if started else None,
    )


def test_steps_are_in_the_order_of_their_execution_reused_ones_first() -> None:
    records = [
        record("f", 9, started=1),
        record("e", 2, started=9),
        record("d", 2, of="r-2", started=7),
        record("c", 6, of="r-1", started=6),
        record("b", 4, of="r-1", started=5),
        record("a", 0, of="r-1"),
    ]
    message = run_pb2.Run(
        status=run_pb2.RUN_STATUS_SUCCESS, steps={item.address: item for item in records}
    )

    assert list(decode.run(message).steps) == ["a", "b", "c", "d", "e", "f"]


def test_what_is_absent_is_none_except_payloads_which_are_unset() -> None:
    run = decode.run(run_pb2.Run(status=run_pb2.RUN_STATUS_PENDING, input=Payload(json=b"null")))

    assert (run.input, run.result, run.state) == (None, UNSET, UNSET)
    assert (run.error, run.lineage, run.start_time) == (None, None, None)
    assert run.status is model.RunStatus.PENDING
    assert not run.status.is_at_rest


def test_what_could_not_be_restarted_is_told_with_its_reason() -> None:
    failure = run_service_pb2.RestartFailure(
        run_id="r-2", reason=ERROR_REASON_CORRUPT_HISTORY, message="no"
    )
    message = run_service_pb2.RestartActiveResponse(run_ids=["r-1"], failures=[failure])

    assert decode.restarted(message) == model.Restarted(
        run_ids=("r-1",),
        failures=(model.RestartFailure(run_id="r-2", reason="CORRUPT_HISTORY", message="no"),),
    )


def test_tracing_comes_back_as_it_was_sent() -> None:
    options = model.TracingOptions(
        trace_id="a" * 32,
        parent_span_id="b" * 16,
        tags=("x",),
        metadata={"k": "v"},
        request_context_keys=("user",),
    )
    message = run_pb2.Run(status=run_pb2.RUN_STATUS_PENDING, tracing=encode.tracing(options))

    assert decode.run(message).tracing == options
    assert decode.run(run_pb2.Run(status=run_pb2.RUN_STATUS_PENDING)).tracing is None


def test_a_workflow_has_its_schemas_and_the_settings_of_its_nodes() -> None:
    retry = workflow_service_pb2.RetryPolicy(
        max_attempts=3,
        initial_interval=timedelta(seconds=1),
        backoff=2,
        max_interval=timedelta(minutes=1),
        non_retryable=["ValueError"],
    )
    step = workflow_service_pb2.Node(
        address="items[].a", kind=run_pb2.NODE_KIND_STEP, retry=retry, timeout=timedelta(seconds=5)
    )
    items = workflow_service_pb2.Node(
        address="items", kind=run_pb2.NODE_KIND_FOREACH, nodes=[step], concurrency=4
    )

    message = workflow_service_pb2.Workflow(
        workflow_id="w", nodes=[items], input_schema=Payload(json=b'{"type":"array"}')
    )

    workflow = decode.workflow(message)

    assert workflow.input_schema == {"type": "array"}
    assert workflow.output_schema is None
    assert (workflow.nodes[0].concurrency, workflow.nodes[0].max_iterations) == (4, None)
    assert workflow.nodes[0].nodes[0].timeout == timedelta(seconds=5)
    assert workflow.nodes[0].nodes[0].retry == model.RetryPolicy(
        max_attempts=3,
        initial_interval=timedelta(seconds=1),
        backoff=2.0,
        max_interval=timedelta(minutes=1),
        non_retryable=("ValueError",),
    )
