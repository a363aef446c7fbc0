"""
Workflows whose bodies sign what they make with the process that made it.
"""

import os
import time
from asyncio import sleep
from typing import Any

from dalsegno.workflow import Context, Workflow, step
from tests.crash.ledger import blocking_note, note

ROUNDS = 8  # of the loop
COUNT = ROUNDS + 3
COPIES = ("sign", "joined")  # addresses whose output another made: of the loop, and of a map

_BODY_S = 0.02


def _signed(value: Any) -> dict[str, int]:
    return {"count": value["count"] + 1, "server": os.getpid()}


@step
async def sign(value: Any, ctx: Context) -> dict[str, int]:
    await note(ctx)
    ctx.emit({"server": os.getpid()})
    await sleep(_BODY_S)
    return _signed(value)


@step
def sign_on_thread(value: Any, ctx: Context) -> dict[str, int]:
    blocking_note(ctx)
    time.sleep(_BODY_S)
    ctx.emit({"server": os.getpid()})
    return _signed(value)


signed = (
    Workflow("signed")
    .do_until(sign, lambda value: value["count"] >= ROUNDS)
    .then(sign_on_thread)
    .parallel(sign.named("left"), sign_on_thread.named("right"))
    .map("joined", lambda arms: arms["left"])
    .then(sign.named("last"))
)
