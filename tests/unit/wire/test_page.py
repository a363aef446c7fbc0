"""
Page tokens belong to one question; pages fit into an answer.
"""

import base64

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from dalsegno.model.errors import InvalidPageToken
from dalsegno.v1 import run_service_pb2 as pb
from dalsegno.v1.event_pb2 import RunEvent, StepOutput, StepStarted
from dalsegno.v1.payload_pb2 import Payload
from dalsegno.wire.fit import fitting, leave_out_largest
from dalsegno.wire.page import (
    page_size,
    sequence_from_proto,
    token_from_proto,
    token_to_proto,
)

MIB = 1024 * 1024
QUESTION = pb.ListRunsRequest(workflow_id="w", created_after=Timestamp(seconds=1))


def asked_with(token: str, question: pb.ListRunsRequest = QUESTION) -> pb.ListRunsRequest:
    request = pb.ListRunsRequest(page_token=token)
    request.MergeFrom(question)
    return request


def test_a_token_says_where_the_next_page_begins() -> None:
    token = token_to_proto(QUESTION, "1700:r-é")

    assert token_from_proto(asked_with(token)) == "1700:r-é"


def test_the_first_page_has_no_token_and_after_the_last_there_is_none() -> None:
    assert token_from_proto(QUESTION) is None
    assert token_to_proto(QUESTION, None) == ""


def test_the_size_of_the_page_may_change_from_page_to_page() -> None:
    token = token_to_proto(QUESTION, "x")

    assert (
        token_from_proto(
            asked_with(
                token,
                pb.ListRunsRequest(
                    workflow_id="w", created_after=Timestamp(seconds=1), page_size=7
                ),
            )
        )
        == "x"
    )


@pytest.mark.parametrize(
    "other",
    [
        pb.ListRunsRequest(workflow_id="w"),
        pb.ListRunsRequest(workflow_id="v", created_after=Timestamp(seconds=1)),
        pb.ListRunsRequest(
            workflow_id="w", created_after=Timestamp(seconds=1), statuses=["RUN_STATUS_FAILED"]
        ),
    ],
)
def test_a_token_of_another_question_is_refused(other: pb.ListRunsRequest) -> None:
    token = token_to_proto(QUESTION, "x")

    with pytest.raises(InvalidPageToken):
        token_from_proto(asked_with(token, other))


def test_a_token_of_another_method_is_refused() -> None:
    token = token_to_proto(pb.ListStepsRequest(run_id="r"), "x")

    with pytest.raises(InvalidPageToken):
        token_from_proto(pb.GetLineageRequest(run_id="r", page_token=token))


def test_no_changed_token_is_taken() -> None:
    """
    The goal: a token is this server's or refused, and never an internal error.
    The method: flip every bit of one; cut it short; try what never was one.
    """
    token = token_to_proto(QUESTION, "start")
    data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    flipped = []
    for at in range(8):  # the digest; what follows is not protected against intent
        for bit in range(8):
            changed = bytearray(data)
            changed[at] ^= 1 << bit
            flipped.append(base64.urlsafe_b64encode(changed).decode().rstrip("="))

    for wrong in [*flipped, token[:-1], token[:5], token + "=", "x", "%%%", "é", "A" * 5000]:
        with pytest.raises(InvalidPageToken):
            token_from_proto(asked_with(wrong))


def test_a_page_of_events_begins_after_its_token_or_else_where_it_is_asked_to() -> None:
    first = pb.ListEventsRequest(run_id="r", after_sequence=5)
    token = token_to_proto(first, "105")
    forged = token_to_proto(first, "1e3")

    assert sequence_from_proto(first) == 5
    first.page_token = token
    assert sequence_from_proto(first) == 105
    first.page_token = forged
    with pytest.raises(InvalidPageToken):
        sequence_from_proto(first)


def test_a_page_has_100_items_if_nothing_is_said() -> None:
    assert page_size(pb.ListRunsRequest()) == 100
    assert page_size(pb.ListRunsRequest(page_size=1000)) == 1000


def output(size: int) -> RunEvent:
    return RunEvent(step_output=StepOutput(data=Payload(json=b"x" * size)))


def test_a_page_takes_what_fits_in_order() -> None:
    page = [output(MIB), output(2 * MIB), output(2 * MIB), output(10)]

    assert fitting(page, 4 * MIB) == page[:2]
    assert fitting([], 4 * MIB) == []


def test_an_item_that_never_fits_is_taken_without_its_largest_payload() -> None:
    started = RunEvent(
        sequence=3,
        step_started=StepStarted(
            input=Payload(json=b"i" * 2 * MIB), resume_data=Payload(json=b"r" * (2 * MIB + 1))
        ),
    )

    taken = fitting([started, output(10)], 4 * MIB)

    assert len(taken) == 2
    assert taken[0].sequence == 3
    assert taken[0].step_started.input.json
    assert taken[0].step_started.HasField("resume_data")
    assert taken[0].step_started.resume_data.WhichOneof("form") is None


def test_payloads_are_found_wherever_they_are() -> None:
    response = pb.GetRunResponse()
    response.run.steps["a"].output.json = b"x" * 1000
    response.run.suspensions.add().payload.json = b"x" * 1000
    response.run.input.json = b"small"

    leave_out_largest(response, 100)

    assert response.ByteSize() <= 100
    assert response.run.input.json == b"small"
    assert response.run.steps["a"].HasField("output")
