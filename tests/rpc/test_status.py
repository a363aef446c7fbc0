"""
Every error of the tree as a status that travels.
"""

from collections.abc import Iterator

import grpc
import pytest
from google.rpc.error_details_pb2 import (  # type: ignore[import-untyped] # ships no types
    BadRequest,
    ErrorInfo,
    PreconditionFailure,
)
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped] # ships no types

from dalsegno.model import errors
from dalsegno.model.errors import DalsegnoError
from dalsegno.rpc.interceptors.wrap import Context
from dalsegno.rpc.status import CODES, code_of, fault, refusal
from dalsegno.v1 import run_service_pb2 as pb
from tests.rpc.refused import refusal_of
from tests.rpc.tiny import tiny


def leaves(kind: type[DalsegnoError] = DalsegnoError) -> Iterator[type[DalsegnoError]]:
    for child in kind.__subclasses__():
        if "reason" in vars(child):
            yield child
        yield from leaves(child)


def details(status: grpc.Status) -> Status:
    [(_, data)] = status.trailing_metadata or ()
    return Status.FromString(data)


def info(status: grpc.Status) -> ErrorInfo:
    return ErrorInfo.FromString(details(status).details[0].value)


# semantics.md §7, and what that page leaves to the server.
EXPECTED = {
    "NOT_FOUND": {"WORKFLOW_NOT_FOUND", "RUN_NOT_FOUND", "STEP_NOT_FOUND"},
    "INVALID_ARGUMENT": {
        "INVALID_INPUT",
        "INVALID_STATE",
        "INVALID_RESUME_DATA",
        "INVALID_CONTEXT",
        "INVALID_ADDRESS",
        "INVALID_REQUEST",
        "INVALID_PAGE_TOKEN",
        "INVALID_DEFINITION",
        "WORKFLOW_MISMATCH",
    },
    "ALREADY_EXISTS": {"RUN_EXISTS", "REQUEST_ID_REUSED"},
    "FAILED_PRECONDITION": {
        "SOURCE_RUN_ACTIVE",
        "MISSING_HISTORY",
        "DEFINITION_CHANGED",
        "TARGET_NOT_REACHED",
        "NOTHING_TO_RESUME",
        "NOT_SUSPENDED",
        "AMBIGUOUS_SUSPENSION",
        "RUN_ACTIVE",
        "RUN_FINISHED",
        "RUN_HAS_REPLAYS",
    },
    "ABORTED": {"CONFLICT"},
    "DATA_LOSS": {"CORRUPT_HISTORY", "CORRUPT_STORE"},
    "OUT_OF_RANGE": {"SEQUENCE_OUT_OF_RANGE"},
    "RESOURCE_EXHAUSTED": {
        "PAYLOAD_TOO_LARGE",
        "TOO_MANY_RUNS",
        "TOO_MANY_STREAMS",
        "TOO_MANY_EVENTS",
        "BACKUP_ACTIVE",
        "BACKUP_NO_SPACE",
    },
    "UNAVAILABLE": {"STORE_UNAVAILABLE", "SHUTTING_DOWN", "READER_STALLED"},
}


def test_every_reason_has_the_code_of_the_specification() -> None:
    codes: dict[str, set[str]] = {}
    for leaf in leaves():
        codes.setdefault(code_of(leaf.__new__(leaf)).name, set()).add(leaf.reason)

    assert codes == EXPECTED


def test_every_kind_of_error_has_a_code_of_its_own() -> None:
    assert set(CODES) == set(DalsegnoError.__subclasses__())
    assert len(set(CODES.values())) == len(CODES)


def test_a_refusal_says_what_and_why() -> None:
    status = refusal(errors.RunNotFound("r-1"))

    assert status.code is grpc.StatusCode.NOT_FOUND
    assert status.details == "run 'r-1' does not exist"
    assert info(status) == ErrorInfo(
        reason="RUN_NOT_FOUND", domain="dalsegno.dev", metadata={"run_id": "r-1"}
    )


def test_invalid_fields_are_named() -> None:
    _, detail = details(refusal(errors.InvalidInput("input_data", "$.v: no number"))).details

    assert BadRequest.FromString(detail.value).field_violations == [
        BadRequest.FieldViolation(field="input_data", description="$.v: no number")
    ]


def test_a_failed_precondition_names_its_subject() -> None:
    _, detail = details(refusal(errors.RunFinished("r-1", "success"))).details
    [violation] = PreconditionFailure.FromString(detail.value).violations

    assert (violation.type, violation.subject) == ("RUN_FINISHED", "r-1")


def test_a_precondition_without_a_run_is_about_the_step() -> None:
    _, detail = details(refusal(errors.MissingHistory("b", ["a"]))).details
    [violation] = PreconditionFailure.FromString(detail.value).violations

    assert violation.subject == "b"


def test_a_fault_tells_nothing_but_its_incident() -> None:
    status = fault(grpc.StatusCode.INTERNAL, "8f14e45f")

    assert info(status).metadata == {"incident": "8f14e45f"}
    assert info(status).reason == "INTERNAL"
    assert "8f14e45f" in status.details


LARGE = [
    errors.InvalidRequest({f"context[{index}].output": "é" * 1000 for index in range(1000)}),
    errors.StepNotFound("x" * 100_000, "w", ["y" * 200 for _ in range(100)]),
    errors.InvalidInput("input_data", "😀" * 10_000),
    errors.DefinitionChanged("s" * 9000, recorded=["a" * 900] * 50, defined=["b" * 900] * 50),
    errors.InvalidAddress("\0" * 50_000),
    errors.RunFinished("é" * 10_000, "success"),
]


@pytest.mark.parametrize("error", LARGE, ids=lambda it: type(it).__name__)
async def test_details_always_travel_however_large_the_facts(error: DalsegnoError) -> None:
    """
    The goal: no refusal is lost because its headers are too large.
    The method: refuse with absurd facts, and read the refusal with a client at its defaults.
    """

    async def answer(_: pb.GetRunRequest, __: Context) -> pb.GetRunResponse:
        raise error

    async with tiny(answer) as server:
        told = await refusal_of(server.ask())

    assert told.code is code_of(error)
    assert told.reason == error.reason
    assert told.metadata.keys() == error.facts.keys()
    assert bool(told.violations) == (isinstance(error, errors.InvalidArgument))
    assert told.bytes <= 4096


def test_of_many_violations_the_first_are_told() -> None:
    many = errors.InvalidRequest({f"statuses[{index}]": "is none" for index in range(1000)})

    detail = details(refusal(many)).details[1]
    fields = [it.field for it in BadRequest.FromString(detail.value).field_violations]

    assert 10 < len(fields) < 1000
    assert fields == [f"statuses[{index}]" for index in range(len(fields))]
