"""
Times: microseconds since the epoch on our side, `google.protobuf.Timestamp` on the wire.
"""

from google.protobuf.timestamp_pb2 import Timestamp

from dalsegno.model.clock import SECOND_US
from dalsegno.model.errors import InvalidRequest

# 0001-01-01 to 9999-12-31, what timestamp.proto allows.
_SECONDS_MIN, _SECONDS_MAX = -62_135_596_800, 253_402_300_799
_NANOS_MAX = 999_999_999


def time_to_proto(time_us: int | None) -> Timestamp | None:
    """
    The same time; None stays None, which leaves a message's field unset.
    """
    if time_us is None:
        return None
    seconds, micros = divmod(time_us, SECOND_US)
    return Timestamp(seconds=seconds, nanos=micros * 1000)


def write_time(message: Timestamp, time_us: int) -> None:
    """
    The same, in place.
    """
    message.seconds, micros = divmod(time_us, SECOND_US)
    message.nanos = micros * 1000


def time_from_proto(time: Timestamp, field: str) -> int:
    """
    The first microsecond that is not before *time*.

    A time is stored in microseconds, so comparing with that one, `>=` and `<` come out as they
    would with the exact time.

    Raises:
        InvalidRequest: The message holds no time between the years 1 and 9999.
    """
    if not (_SECONDS_MIN <= time.seconds <= _SECONDS_MAX and 0 <= time.nanos <= _NANOS_MAX):
        raise InvalidRequest({field: "is no time between the years 1 and 9999"})
    return time.seconds * SECOND_US + -(-time.nanos // 1000)
