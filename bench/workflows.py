"""
Workflows whose steps do next to nothing, so that what is measured is the server.
"""

import random
import string
from collections.abc import Sequence

from dalsegno.workflow import Workflow, step

SIZES = (10, 100, 1_000, 10_000)
PADDED_STEPS = 300


@step
async def pass_on(value: int) -> int:
    return value + 1


@step
async def rotate(text: str) -> str:
    return text[1:] + text[0]


def sequence(steps: int) -> Workflow:
    """
    So many steps, one after the other: the graph is as long as the run.
    """
    workflow = Workflow(f"sequence_{steps}")
    return workflow.then(*(pass_on.named(f"s{index}") for index in range(steps))).commit()


def loop(steps: int) -> Workflow:
    """
    One step, so many times: the graph is short, the run long.
    """
    return Workflow(f"loop_{steps}").do_until(pass_on, lambda value: value >= steps).commit()


def padded() -> Workflow:
    """
    Outputs of 1 KiB each, all of them different.
    """
    workflow = Workflow("padded")
    return workflow.then(*(rotate.named(f"s{index}") for index in range(PADDED_STEPS))).commit()


def padded_input() -> str:
    letters = random.Random(1)  # the same text each time
    return "".join(letters.choices(string.ascii_letters, k=1024))


def all_workflows() -> Sequence[Workflow]:
    return [padded(), *map(sequence, SIZES), *map(loop, SIZES)]
