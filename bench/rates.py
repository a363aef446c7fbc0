"""
How often something can be done in a second.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """
    What callers saw who called again and again, each waiting for its answer.

    Attributes:
        per_s: Calls of all callers together.
        latency_ms: Of one call; median.
    """

    per_s: float
    latency_ms: float


async def rate(call: Callable[[], Awaitable[object]], *, callers: int, seconds: float) -> Rate:
    """
    Let so many callers call for so long.
    """
    latencies_s: list[float] = []
    begun = time.perf_counter()

    async def calling() -> None:
        while (before := time.perf_counter()) < begun + seconds:
            await call()
            latencies_s.append(time.perf_counter() - before)

    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(calling())
    elapsed_s = time.perf_counter() - begun
    return Rate(len(latencies_s) / elapsed_s, median(latencies_s) * 1000)


def middle(rates: list[Rate]) -> Rate:
    """
    Medians of several rounds.
    """
    return Rate(median([r.per_s for r in rates]), median([r.latency_ms for r in rates]))


def median(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2]
