"""
Workflows that tell when their timers fired, by a clock that nobody sets.
"""

import asyncio
import time
from datetime import timedelta
from typing import Any

from dalsegno.workflow import Context, Retry, Workflow, step

NAP_S = 3.0
BACKOFF_S = 1.5
DEADLINE_S = 2.0

_TRIES = 3
_EVENLY = Retry(
    max_attempts=_TRIES, initial_interval=timedelta(seconds=BACKOFF_S), backoff=1, jitter=0
)


@step
async def stamp(value: Any, ctx: Context) -> Any:
    ctx.emit(time.monotonic())
    return value


@step(retry=_EVENLY)
async def fail_twice(value: Any, ctx: Context) -> Any:
    ctx.emit(time.monotonic())
    if ctx.attempt < _TRIES:
        raise ConnectionError
    return value


@step
async def never_end(value: Any, ctx: Context) -> Any:
    ctx.emit(time.monotonic())
    try:
        await asyncio.sleep(3600)
    finally:
        ctx.emit(time.monotonic())
    return value


@step(resume=bool)
async def ask(value: Any, ctx: Context) -> Any:
    ctx.emit(time.monotonic())
    assert ctx.suspend(value) is True
    return value


napping = Workflow("napping").then(stamp).sleep("nap", NAP_S).then(stamp.named("after"))
slumbering = Workflow("slumbering").then(stamp).sleep("nap", 600).then(stamp.named("after"))
retrying = Workflow("retrying").then(fail_twice)
late = Workflow("late", timeout=DEADLINE_S).then(never_end)
asking = Workflow("asking").then(ask)
