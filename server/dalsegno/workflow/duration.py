"""
Durations as authors give them.
"""

from datetime import timedelta


def to_timedelta(duration: timedelta | float) -> timedelta:
    """
    A duration given as such or in seconds.

    Raises:
        ValueError: It is negative, infinite or no number.
    """
    if not isinstance(duration, timedelta):
        try:
            duration = timedelta(seconds=duration)
        except (OverflowError, ValueError, TypeError) as error:
            raise ValueError(f"{duration!r} is no number of seconds") from error
    if duration < timedelta(0):
        raise ValueError(f"{duration} is negative")
    return duration


def to_limit(duration: timedelta | float | None) -> timedelta | None:
    """
    A time-out: as `to_timedelta`, but never 0; None stays None.

    Raises:
        ValueError: It is 0, negative, infinite or no number.
    """
    if duration is None:
        return None
    limit = to_timedelta(duration)
    if not limit:
        raise ValueError("0 leaves no time; leave the time-out out for none")
    return limit
