"""
A server of a later release says what this client has never heard of.
"""

from typing import TypeVar

import grpc
import pytest
from google.protobuf.message import Message

from dalsegno.cli.progress import glyph
from dalsegno.client import Client, decode, errors, events
from dalsegno.client.model import NodeKind, OpenEnum, RunStatus, StepStatus
from dalsegno.v1 import event_pb2, run_pb2, run_service_pb2
from tests.unit.client.scripted import ScriptedRuns, event, refusal

_Message = TypeVar("_Message", bound=Message)

# Tag and content of field 1000, a string, as protobuf writes it.
FIELD_1000 = b"\xc2\x3e\x03new"


def with_values(message: _Message, **numbers: int) -> _Message:
    """
    The message with values of enums that its type does not name.
    """
    for field, number in numbers.items():
        setattr(message, field, number)
    return message


def from_later(message: _Message) -> _Message:
    """
    The message as it comes from a server that has a field more.
    """
    return type(message).FromString(message.SerializeToString() + FIELD_1000)


def test_a_value_of_an_enum_keeps_its_number() -> None:
    step = with_values(run_pb2.StepRecord(address="a"), kind=90, status=91)
    run = decode.run(with_values(run_pb2.Run(steps={"a": step}), status=92))

    assert (run.status, run.steps["a"].kind) == ("unknown_92", "unknown_90")
    assert run.steps["a"].status == StepStatus("unknown_91")
    assert not run.status.is_at_rest


@pytest.mark.parametrize("enum", [RunStatus, StepStatus, NodeKind])
def test_an_unknown_name_is_no_value_and_an_unknown_value_no_member(enum: type[OpenEnum]) -> None:
    with pytest.raises(ValueError, match="'typo' is not a valid"):
        enum("typo")

    assert enum("unknown_7") == enum("unknown_7") != enum("unknown_8")
    assert "unknown_7" not in list(enum)


def test_a_status_that_is_not_known_has_a_glyph() -> None:
    assert glyph(StepStatus("unknown_7"), "utf-8").plain == "?"


def test_a_reason_in_an_answer_keeps_its_number() -> None:
    failure = with_values(run_service_pb2.RestartFailure(run_id="r"), reason=4711)

    restarted = decode.restarted(run_service_pb2.RestartActiveResponse(failures=[failure]))

    assert restarted.failures[0].reason == "UNKNOWN_4711"


def test_fields_are_passed_over_wherever_they_are() -> None:
    started = event_pb2.RunEvent(
        run_id="r", sequence=1, run_started=from_later(event_pb2.RunStarted(workflow_id="w"))
    )
    run = run_pb2.Run(run_id="r", status=run_pb2.RUN_STATUS_SUCCESS)

    assert decode.event(from_later(started)) == decode.event(started)
    assert decode.run(from_later(run)) == decode.run(run)


async def test_a_refusal_is_raised_as_the_kind_of_its_code(
    client: Client, runs: ScriptedRuns
) -> None:
    runs.failures = [refusal(grpc.StatusCode.ABORTED, "LEASE_LOST", lease="7")]

    with pytest.raises(errors.Aborted) as caught:
        await client.run("w")

    assert (caught.value.reason, caught.value.metadata) == ("LEASE_LOST", {"lease": "7"})


async def test_events_keep_their_place(client: Client, runs: ScriptedRuns) -> None:
    unknown = event_pb2.RunEvent(run_id="r-1", sequence=2)
    unknown.MergeFromString(FIELD_1000)
    await runs.tell(event(1, "run_started"), unknown, event(3, "run_completed"))

    told = [event async for event in client.watch_run("r-1")]

    assert [event.sequence for event in told] == [1, 2, 3]
    assert type(told[1]) is events.UnknownEvent


async def test_a_sign_of_life_before_the_first_event_of_a_resumption_is_none(
    client: Client, runs: ScriptedRuns
) -> None:
    runs.extra = [event_pb2.RunEvent.FromString(FIELD_1000)]
    await runs.tell(event(4, "run_resumed"), event(5, "run_completed"))

    told = [event async for event in client.resume_stream("r-1", resume_data=1)]

    assert [event.sequence for event in told] == [4, 5]
