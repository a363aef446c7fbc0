from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dalsegno.workflow import NonRetryable, Retry


class Declined(NonRetryable):
    pass


def never(_: Any = None) -> float:
    return 0.0


def test_a_step_is_tried_once_unless_it_says_otherwise() -> None:
    assert not Retry().allows(1, RuntimeError())


def test_attempts_are_allowed_up_to_the_last() -> None:
    retry = Retry(max_attempts=3)

    assert [retry.allows(attempt, RuntimeError()) for attempt in (1, 2, 3, 4)] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("error", [NonRetryable(), Declined(), KeyError(), LookupError()])
def test_some_errors_are_final(error: Exception) -> None:
    assert not Retry(max_attempts=3, non_retryable=(LookupError,)).allows(1, error)


def test_waits_grow_up_to_the_longest() -> None:
    retry = Retry(initial_interval=timedelta(seconds=2), max_interval=timedelta(seconds=10))

    waits = [retry.delay(attempt, never).total_seconds() for attempt in range(1, 6)]

    assert waits == [2, 4, 8, 10, 10]


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 10**6))
def test_jitter_shortens_a_wait_by_its_share_at_most(random: float, attempt: int) -> None:
    retry = Retry(jitter=0.25)

    wait, longest = retry.delay(attempt, lambda: random), retry.delay(attempt, never)

    assert longest * 0.75 <= wait <= longest <= timedelta(minutes=1)


def test_equal_waits_need_a_backoff_of_one() -> None:
    retry = Retry(initial_interval=timedelta(milliseconds=5), backoff=1)

    assert retry.delay(1, never) == retry.delay(10**9, never) == timedelta(milliseconds=5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_attempts": 0},
        {"initial_interval": timedelta(seconds=-1)},
        {"initial_interval": timedelta(hours=1)},
        {"backoff": 0.5},
        {"backoff": float("inf")},
        {"backoff": float("nan")},
        {"jitter": -0.1},
        {"jitter": 1.1},
    ],
)
def test_numbers_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Retry(**wrong)


def test_only_exceptions_can_be_final() -> None:
    with pytest.raises(TypeError, match="which is no exception"):
        Retry(non_retryable=(int,))  # type: ignore[arg-type]  # the mistake
