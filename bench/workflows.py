"""
Workflows whose steps do next to nothing, so that what is measured is the server.
"""

import asyncio
import random
import string

from dalsegno.workflow import Context, Workflow, step

PADDED_STEPS = 300

_TOLD_AT_ONCE = 16  # so many events, then others have a turn


@step
async def pass_on(value: int) -> int:
    return value + 1


@step
async def rotate(text: str) -> str:
    return text[1:] + text[0]


@step
async def ask(_: object, ctx: Context) -> object:
    return ctx.suspend()


@step
async def tell(events: int, ctx: Context) -> int:
    """
    Tell so many things, as fast as they are taken.
    """
    for number in range(events):
        ctx.emit(number)
        if number % _TOLD_AT_ONCE == 0:
            await asyncio.sleep(0)
    return events


@step
async def hold(_: object) -> None:
    """
    Never end: the run stays in memory.
    """
    await asyncio.Event().wait()


def padded_input() -> str:
    letters = random.Random(1)  # the same text each time
    return "".join(letters.choices(string.ascii_letters, k=1024))


def workflow(name: str) -> Workflow:
    """
    A workflow by its id. They are made one by one, as long ones take seconds.

    - ``sequence_10``: so many steps, one after the other: the graph is as long as the run.
    - ``padded``: a sequence with outputs of 1 KiB each, all of them different.
    - ``loop``: one step, as often as its input is below 0: the graph is short, the run long.
    - ``asking``: the same, then a question, again and again.
    - ``telling`` and ``holding``: one step; see `tell` and `hold`.
    """
    new = Workflow(name)
    match name.partition("_"):
        case "sequence", _, steps:
            new = new.then(*(pass_on.named(f"s{index}") for index in range(int(steps))))
        case "padded", *_:
            new = new.then(*(rotate.named(f"s{index}") for index in range(PADDED_STEPS)))
        case "loop", *_:
            new = new.do_until(pass_on, _is_done)
        case "asking", *_:
            new = new.do_until(pass_on, _is_done).do_until(ask, lambda answer: answer == "enough")
        case "telling", *_:
            new = new.then(tell)
        case "holding", *_:
            new = new.then(hold)
        case _:
            raise ValueError(f"there is no workflow {name}")
    return new.commit()


def _is_done(value: int) -> bool:
    return value >= 0
