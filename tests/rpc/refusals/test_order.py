"""
Of two faults of a travel, the one that readings.md 9 names first is told.
"""

import pytest

from tests.rpc.refusals.asking import forms_of, refusal_to
from tests.rpc.refusals.order import PAIRS, Pair
from tests.rpc.refusals.stage import Stage


def named(pair: Pair) -> str:
    return f"{pair.reason}-before-{pair.later}"


@pytest.mark.parametrize("pair", PAIRS, ids=named)
async def test_the_earlier_fault_is_told(stage: Stage, pair: Pair) -> None:
    """
    The goal: callers who mend what they are told get on, one fault after the other.
    The method: ask with both faults, then without the earlier, which shows that both were there.
    """
    for form in forms_of("TimeTravel"):
        first = await refusal_to(stage.served, form, pair.fields)
        second = await refusal_to(stage.served, form, pair.mended)

        assert (first.reason, second.reason) == (pair.reason, pair.later)
        stage.assert_rows_unchanged()
