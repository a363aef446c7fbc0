"""
What the servers of the crash suite run: every kind of node, and results that can be foretold.

Whatever dies in between, a run of value v ends with `RESULTS[workflow](v)`. Each step adds 1.
"""

import asyncio
import os
import signal
import time
import zlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from dalsegno.workflow import Context, Retry, Workflow, step
from tests.crash.ledger import blocking_note, note

_TRIES = 3  # of a flaky step: it fails but the last time
_TENACIOUS = Retry(max_attempts=_TRIES, initial_interval=timedelta(milliseconds=40), jitter=0.5)


def _pause_s(ctx: Context) -> float:
    """
    How long a body takes: 20 to 150 ms, the same for each try of an address.
    """
    return 0.02 + zlib.crc32(ctx.idempotency_key.encode()) % 130 / 1000


@step
async def work(value: int, ctx: Context) -> int:
    await note(ctx)
    await asyncio.sleep(_pause_s(ctx))
    return value + 1


@step
def plain(value: int, ctx: Context) -> int:
    blocking_note(ctx)
    time.sleep(_pause_s(ctx))
    return value + 1


@step(retry=_TENACIOUS)
async def flaky(value: int, ctx: Context) -> int:
    await note(ctx)
    if ctx.attempt < _TRIES:
        raise ConnectionError(f"attempt {ctx.attempt}")
    return value + 1


@step
async def count(value: int, ctx: Context) -> int:
    await note(ctx)
    ctx.set_state({"counted": ctx.state.get("counted", 0) + 1})
    return value + 1


@step
async def tell(value: int, ctx: Context) -> int:
    await note(ctx)
    for number in range(3):
        ctx.emit({"told": number})
        await asyncio.sleep(0.01)
    return value + 1


@step(resume=bool)
async def ask(value: int, ctx: Context) -> int:
    await note(ctx)
    assert ctx.suspend({"value": value}) is True
    return value + 1


@step
async def linger(value: int, ctx: Context) -> int:
    """
    The arm that loses a race.
    """
    await note(ctx)
    await asyncio.sleep(1)
    return value + 1


@step
async def add_counted(value: int, ctx: Context) -> int:
    await note(ctx)
    return value + int(ctx.state.get("counted", 0))


@step
async def kill(value: Any) -> None:
    """
    End the server, whatever it does otherwise.
    """
    del value
    os.kill(os.getpid(), signal.SIGKILL)


def _always(value: Any) -> bool:
    del value
    return True


inner = Workflow("inner").then(flaky.named("flaky_inside")).then(tell.named("tell_inside"))

line = (
    Workflow("line")
    .then(work)
    .then(flaky)
    .tap(work.named("noted"))
    .then(plain)
    .map("mapped", lambda value: value + 1)
    .sleep("nap", 0.7)
    .then(count)
    .then(tell)
    .then(flaky.named("flaky_again"))
    .then(count.named("count_again"))
    .then(add_counted)
)
arms = (
    Workflow("arms")
    .then(work)
    .parallel(work.named("left"), flaky, inner, plain)
    .map("joined", lambda arms: arms["inner"])
    .race(work.named("quick"), linger)
    .branch(
        (_always, work.named("taken")),
        (lambda value: value < 0, work.named("left_out")),
    )
    .map("merged", lambda arms: arms["taken"])
    .then(work.named("last"))
)
loops = (
    Workflow("loops")
    .map("listed", lambda value: [value, value, value, value])
    .foreach(inner.named("each"), concurrency=2)
    .map("summed", lambda items: items[0])
    .do_until(work.named("tick"), lambda value: value % 5 == 0, max_iterations=9)
    .when(_always, count)
    .then(work.named("last"))
)
asks = (
    Workflow("asks")
    .then(work)
    .parallel(ask, flaky, work.named("left"))
    .map("joined", lambda arms: arms["ask"])
    .then(ask.named("ask_again"))
    .sleep("nap", 0.3)
    .then(inner)
    .then(work.named("last"))
)

# Of use to single tests.
brief = Workflow("brief").then(work).then(tell)
lethal = Workflow("lethal").then(kill)
naps = Workflow("naps").sleep("nap", 60).then(work)

RESULTS: Mapping[str, Callable[[int], int]] = {
    "line": lambda value: value + 10,
    "arms": lambda value: value + 6,
    "loops": lambda value: (value + 2) // 5 * 5 + 7,
    "asks": lambda value: value + 6,
}
TARGETS: Mapping[str, tuple[str, ...]] = {
    "line": ("work", "plain", "nap", "count", "add_counted"),
    "arms": ("work", "flaky", "inner.tell_inside", "quick", "taken", "last"),
    "loops": ("each", "each[2]", "each[1].tell_inside", "tick", "tick[0]", "last"),
    "asks": ("work", "ask", "left", "ask_again", "inner", "last"),
}
"""
Where a replay may begin.
"""
