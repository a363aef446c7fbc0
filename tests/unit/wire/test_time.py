"""
Times keep their microseconds both ways.
"""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from dalsegno.model.errors import InvalidRequest
from dalsegno.wire.time import time_from_proto, time_to_proto

NOON_US = 1_700_000_000_123_456


@pytest.mark.parametrize("time_us", [0, 1, NOON_US, -1])
def test_a_time_comes_back_as_it_went(time_us: int) -> None:
    time = time_to_proto(time_us)
    assert time is not None

    assert time.ToMicroseconds() == time_us
    assert time_from_proto(time, "created_after") == time_us


def test_a_time_between_two_microseconds_is_the_later_one() -> None:
    """
    The goal: `>=` and `<` on stored microseconds answer as they would on the exact time.
    """
    between = Timestamp(seconds=1, nanos=2001)

    assert time_from_proto(between, "created_after") == 1_000_003


@pytest.mark.parametrize(
    "time",
    [
        Timestamp(seconds=253_402_300_800),
        Timestamp(seconds=-62_135_596_801),
        Timestamp(nanos=-1),
        Timestamp(nanos=1_000_000_000),
    ],
)
def test_what_is_no_time_is_refused(time: Timestamp) -> None:
    with pytest.raises(InvalidRequest) as refused:
        time_from_proto(time, "created_after")

    assert refused.value.violations.keys() == {"created_after"}


def test_no_time_stays_unset() -> None:
    assert time_to_proto(None) is None
