import grpc
import pytest

from dalsegno.client import Client, DalsegnoError, DeadlineExceeded, errors
from dalsegno.model import errors as server_errors
from dalsegno.v1.error_reason_pb2 import ErrorReason
from tests.unit.client.scripted import ScriptedRuns, refusal

REASONS = [name.removeprefix("ERROR_REASON_") for name in ErrorReason.DESCRIPTOR.values_by_name]


def leaves(base: type[Exception]) -> set[type[Exception]]:
    below = set(base.__subclasses__())
    return {leaf for kind in below for leaf in leaves(kind)} if below else {base}


@pytest.mark.parametrize("reason", [r for r in REASONS if r not in {"UNSPECIFIED", "INTERNAL"}])
async def test_every_reason_is_an_error_of_its_own(
    client: Client, runs: ScriptedRuns, reason: str
) -> None:
    runs.failures = [refusal(grpc.StatusCode.FAILED_PRECONDITION, reason, run_id="r-1")]

    with pytest.raises(DalsegnoError) as caught:
        await client.run("w")

    error = caught.value
    assert type(error).__name__.upper() == reason.replace("_", "")
    assert (error.reason, error.message) == (reason, f"refused: {reason}")
    assert error.metadata == {"run_id": "r-1"}
    assert error.violations == {"input_data.amount": "is no number"}
    assert error.code is grpc.StatusCode.FAILED_PRECONDITION


def kind_and_name(leaf: type[Exception]) -> tuple[str, str]:
    kinds = [above.__name__ for above in leaf.__mro__ if not above.__name__.startswith("_")]
    return kinds[1], kinds[0]


def test_errors_have_the_names_they_have_on_the_server_below_the_same_kind() -> None:
    served = {kind_and_name(leaf) for leaf in leaves(server_errors.DalsegnoError)}
    known = {kind_and_name(leaf) for leaf in leaves(errors.DalsegnoError)}

    assert served <= known


async def test_a_reason_that_a_newer_server_has_is_raised_as_the_kind_of_its_code(
    client: Client, runs: ScriptedRuns
) -> None:
    runs.failures = [refusal(grpc.StatusCode.FAILED_PRECONDITION, "TOO_LATE")]

    with pytest.raises(errors.FailedPrecondition) as caught:
        await client.run("w")

    assert type(caught.value) is errors.FailedPrecondition
    assert caught.value.reason == "TOO_LATE"


async def test_a_code_of_no_kind_is_raised_as_the_base(client: Client, runs: ScriptedRuns) -> None:
    runs.failures = [(grpc.StatusCode.PERMISSION_DENIED, "not you")]

    with pytest.raises(DalsegnoError, match="not you") as caught:
        await client.run("w")

    assert type(caught.value) is DalsegnoError
    assert caught.value.code is grpc.StatusCode.PERMISSION_DENIED


async def test_an_answer_that_does_not_come_in_time_is_deadline_exceeded(client: Client) -> None:
    with pytest.raises(DeadlineExceeded):
        await client.wait_run("r-1", timeout_s=0.05)
