"""
How often something can be done in a second, and how long it takes.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

Call = Callable[[], Awaitable[object]]
Number = TypeVar("Number", int, float)
Name = TypeVar("Name", bound=Hashable)

_WARM_UP_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Rate:
    """
    What callers saw who called again and again, each waiting for its answer.

    Attributes:
        per_s: Calls of all callers together.
        latency_ms: Of one call; median.
        calls: How many there were.
    """

    per_s: float
    latency_ms: float
    calls: int


async def rate(call: Call, *, callers: int, seconds: float) -> Rate:
    """
    Let so many callers call for so long, each once at least.
    """
    latencies_s: list[float] = []
    begun = time.perf_counter()

    async def calling() -> None:
        is_over = False
        while not is_over:
            before = time.perf_counter()
            await call()
            after = time.perf_counter()
            latencies_s.append(after - before)
            is_over = after >= begun + seconds

    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(calling())
    elapsed_s = time.perf_counter() - begun
    return Rate(len(latencies_s) / elapsed_s, median(latencies_s) * 1000, len(latencies_s))


async def in_turns(calls: Mapping[Name, Call], rounds: int) -> dict[Name, float]:
    """
    Milliseconds that each of some calls takes; medians.

    One call of each in turn, so that a slow moment of the machine meets all alike; in another order
    each time, so that none is always behind the same.
    """
    found_ms: dict[Name, list[float]] = {name: [] for name in calls}
    names, order = list(calls), random.Random(1)
    for number in range(_WARM_UP_ROUNDS + rounds):
        order.shuffle(names)
        for name in names:
            begun = time.perf_counter()
            await calls[name]()
            if number >= _WARM_UP_ROUNDS:
                found_ms[name].append((time.perf_counter() - begun) * 1000)
    return {name: median(found) for name, found in found_ms.items()}


async def done(count: int, call: Call, *, at_once: int) -> None:
    """
    Call so many times, as fast as so many callers can.
    """
    numbers = iter(range(count))

    async def calling() -> None:
        for _ in numbers:
            await call()

    await asyncio.gather(*(calling() for _ in range(at_once)))


def middle(rates: list[Rate]) -> Rate:
    """
    Medians of several rounds.
    """
    return Rate(
        median([item.per_s for item in rates]),
        median([item.latency_ms for item in rates]),
        median([item.calls for item in rates]),
    )


def median(values: list[Number]) -> Number:
    ordered = sorted(values)
    return ordered[len(ordered) // 2]
