"""
The clock and the source of ids, handed to whatever needs them.

Times are microseconds since the Unix epoch, UTC: exact in protobuf, SQL and JSON alike.
"""

import asyncio
import functools
import logging
import time
from collections.abc import Callable
from typing import Protocol

SECOND_US = 1_000_000

_SECOND_NS = 1_000_000_000

# Changes of the machine's clock between two looks that are taken for corrections. NTP slews by
# 0.05 % at most, and steps what is beyond 128 ms; people and broken machines move it further.
_CORRECTION_NS_MAX = _SECOND_NS

# A correction is spread: our time goes this much faster or slower until it is made up for.
_SLEW = 10

# The machine's clock is looked at no more often than this: it costs more than to count on.
_LOOK_NS = 10_000_000

# The two clocks are read at one moment. Taking longer, the process was stopped in between.
_READ_NS_MAX = 10_000_000
_READ_TRIES = 5

# The event loop's timers stand still while the machine is suspended; so often they look again.
_SLEEP_S_MAX = 5.0

_log = logging.getLogger(__name__)

Nanoseconds = Callable[[], int]


class Clock(Protocol):
    """
    Tells the time and waits for it.
    """

    def now_us(self) -> int:
        """
        The time, in microseconds since the Unix epoch.
        """
        ...

    async def sleep_until(self, due_us: int) -> None:
        """
        Return once the time is *due_us* or later; at once if it is.
        """
        ...


# Time since some moment, going on while the machine is suspended where it can tell.
_elapsed_ns = functools.partial(
    time.clock_gettime_ns, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
)


class SystemClock:
    """
    The clock of the machine as it was when the process started, going on evenly from there.

    It never goes back, follows small corrections slowly, and ignores jumps, so that a sleep lasts
    as long as it was meant to: docs/decisions/0009-time.md. Belongs to one thread.

    Args:
        wall_ns: The machine's clock, which anybody may set.
        elapsed_ns: One that nobody can set, and that never goes back.
    """

    def __init__(
        self, *, wall_ns: Nanoseconds = time.time_ns, elapsed_ns: Nanoseconds = _elapsed_ns
    ) -> None:
        self._wall_ns = wall_ns
        self._elapsed_ns = elapsed_ns
        self._elapsed, self._now = self._read()
        self._offset = self._now - self._elapsed
        self._looked = self._elapsed
        self._to_correct = 0

    def now_us(self) -> int:
        elapsed = self._elapsed_ns()
        if elapsed - self._looked >= _LOOK_NS:
            elapsed = self._look()
        passed = elapsed - self._elapsed
        self._elapsed = elapsed
        if self._to_correct:
            slewed = min(max(self._to_correct, -passed // _SLEW), passed // _SLEW)
            self._to_correct -= slewed
            passed += slewed
        self._now += passed
        return self._now // 1000

    async def sleep_until(self, due_us: int) -> None:
        while (left_us := due_us - self.now_us()) > 0:  # noqa: ASYNC110 - no event tells the time
            await asyncio.sleep(min(left_us / SECOND_US, _SLEEP_S_MAX))

    def _look(self) -> int:
        """
        Take a change of the machine's clock since the last look, unless it is a jump; returns the
        time that has elapsed.
        """
        self._looked, wall = self._read()
        change = wall - self._looked - self._offset
        self._offset += change
        if abs(change) <= _CORRECTION_NS_MAX:
            self._to_correct += change
            return self._looked
        _log.warning(
            "the machine's clock has jumped; this server goes on without until its next start",
            extra={"jump_s": round(change / _SECOND_NS, 3)},
        )
        return self._looked

    def _read(self) -> tuple[int, int]:
        """
        Both clocks at one moment; after some tries as nearly as they can be had.
        """
        after, wall = self._elapsed_ns(), self._wall_ns()
        for _ in range(_READ_TRIES):
            before, after = after, self._elapsed_ns()
            if after - before <= _READ_NS_MAX:
                break
            wall = self._wall_ns()
        return after, wall
