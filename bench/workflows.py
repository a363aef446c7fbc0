"""
Workflows whose steps do next to nothing, so that what is measured is the server.
"""

from collections.abc import Sequence

from dalsegno.workflow import Workflow, step

SIZES = (10, 100, 1_000, 10_000)
PADDED_STEPS = 300

_KIBIBYTE = "x" * 1024


@step
async def pass_on(value: int) -> int:
    return value + 1


@step
async def pad(value: str) -> str:
    return value[::-1]


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
    Outputs of 1 KiB each.
    """
    workflow = Workflow("padded")
    return workflow.then(*(pad.named(f"s{index}") for index in range(PADDED_STEPS))).commit()


def padded_input() -> str:
    return _KIBIBYTE


def all_workflows() -> Sequence[Workflow]:
    return [padded(), *map(sequence, SIZES), *map(loop, SIZES)]
