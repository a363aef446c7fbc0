"""
Our side of the comparison, as workflows.
"""

from collections.abc import Sequence

from bench.peers.plan import LENGTHS, TEXT_STEPS
from dalsegno.workflow import Workflow, step


class Counter:
    """
    How often a number was added to in this process.
    """

    calls = 0


@step
async def add(value: int) -> int:
    Counter.calls += 1
    return value + 1


@step
async def rotate(text: str) -> str:
    return text[1:] + text[0]


def numbers(steps: int) -> Workflow:
    names = (f"s{index}" for index in range(steps))
    return Workflow(f"numbers_{steps}").then(*map(add.named, names)).commit()


def texts(steps: int) -> Workflow:
    names = (f"s{index}" for index in range(steps))
    return Workflow(f"texts_{steps}").then(*map(rotate.named, names)).commit()


def all_workflows() -> Sequence[Workflow]:
    return [*map(numbers, LENGTHS), texts(TEXT_STEPS)]
