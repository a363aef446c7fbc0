"""
The clock and the source of ids, handed to whatever needs them.

Times are microseconds since the Unix epoch, UTC: exact in protobuf, SQL and JSON alike.
"""

import asyncio
import time
from typing import Protocol

SECOND_US = 1_000_000


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


class SystemClock:
    """
    The clock of the machine.
    """

    def now_us(self) -> int:
        return time.time_ns() // 1000

    async def sleep_until(self, due_us: int) -> None:
        while (left_us := due_us - self.now_us()) > 0:  # noqa: ASYNC110 - the clock may be set
            await asyncio.sleep(left_us / SECOND_US)
