"""
Each refusal, through each RPC that can meet it: what is told, and that nothing was written.
"""

import pytest

from dalsegno.v1.error_reason_pb2 import ErrorReason
from tests.rpc.refusals.asking import forms_of, refusal_to
from tests.rpc.refusals.case import CODES, Case
from tests.rpc.refusals.stage import Stage
from tests.rpc.refusals.table import CASES, REASONS

# No answer of a server in use: a name, a bug, and what only authors are told.
UNTOLD = {"UNSPECIFIED", "INTERNAL", "INVALID_DEFINITION"}

# Need a server of their own: test_conflicts.py, test_limits.py, ../test_open_calls.py,
# ../test_stalled_readers.py, ../test_backup.py.
APART = {
    "BACKUP_ACTIVE",
    "BACKUP_NO_SPACE",
    "CONFLICT",
    "CORRUPT_STORE",
    "READER_STALLED",
    "SHUTTING_DOWN",
    "STORE_UNAVAILABLE",
    "TOO_MANY_EVENTS",
    "TOO_MANY_RUNS",
    "TOO_MANY_STREAMS",
}


def named(case: Case) -> str:
    return f"{case.reason}-{case.method}-{case.metadata}"[:60]


@pytest.mark.parametrize("case", CASES, ids=named)
async def test_a_refusal_says_why_and_writes_nothing(stage: Stage, case: Case) -> None:
    for form in forms_of(case.method):
        told = await refusal_to(stage.served, form, case.fields)

        stage.assert_rows_unchanged()
        case.check(told)


@pytest.mark.parametrize("reason", REASONS)
async def test_callers_see_nothing_of_what_was_refused(stage: Stage, reason: str) -> None:
    for case in CASES:
        if case.reason == reason:
            for form in forms_of(case.method):
                await refusal_to(stage.served, form, case.fields)

    await stage.assert_unchanged()


def test_every_reason_is_met() -> None:
    reasons = {name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()}  # noqa: SIM118 - no mapping

    assert {*REASONS, *APART} == reasons - UNTOLD == CODES.keys()
