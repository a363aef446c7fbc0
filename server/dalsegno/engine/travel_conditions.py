"""
What stands around the target of a time travel: siblings that execute, conditions in front of it.
"""

from collections.abc import Awaitable

from dalsegno.engine.blocks import ask, ask_when
from dalsegno.engine.history import History
from dalsegno.engine.inputs import Inputs, MissingOutput
from dalsegno.engine.parts import body_of
from dalsegno.engine.trip import Trip
from dalsegno.model import address as addresses
from dalsegno.model.errors import MissingHistory, TargetNotReached
from dalsegno.model.payload import Payload
from dalsegno.model.record import Error, NodeKind, StepStatus
from dalsegno.model.shape import Level, Place
from dalsegno.workflow.graph import BranchNode, WhenNode, WorkflowNode


async def check_siblings(trip: Trip, target: Place, view: History, inputs: Inputs) -> None:
    """
    Refuse a block whose other arms have to execute, but whose input is not known.
    """
    for depth, level in enumerate(target.levels):
        levels = target.levels[: depth + 1]
        is_item = level.leaf.kind is NodeKind.FOREACH and level.index is not None
        is_arm = level.leaf is not level.node and level.node.kind in (
            NodeKind.PARALLEL,
            NodeKind.RACE,
        )
        if not is_item and not (is_arm and await _has_open_arms(level, view)):
            continue
        await _known(trip, inputs.container(levels) if is_item else inputs.block(levels))


async def _has_open_arms(level: Level, view: History) -> bool:
    for arm in level.node.arms:
        record = await view.record(addresses.join(level.base, arm.id or ""))
        if arm is not level.leaf and (record is None or record.status is not StepStatus.SUCCESS):
            return True
    return False


async def reached(
    trip: Trip, target: Place, inputs: Inputs, value: Payload
) -> dict[tuple[str, int], frozenset[str] | Error]:
    """
    Ask the conditions around the target; refuse one that keeps it from being reached.
    """
    taken: dict[tuple[str, int], frozenset[str] | Error] = {}
    workflow = trip.workflow
    for depth, level in enumerate(target.levels):
        node = workflow.nodes[level.position]
        is_target = depth == len(target.levels) - 1
        levels = target.levels[: depth + 1]
        if isinstance(node, BranchNode) and level.leaf is not level.node:
            asked = value if is_target else await _known(trip, inputs.block(levels))
            arms = await ask(node, asked)
            taken[level.base, level.position] = _forced(trip, arms, level)
        elif isinstance(node, WhenNode) and not is_target:
            asked = await _known(trip, inputs.container(levels))
            taken[level.base, level.position] = _forced(trip, await ask_when(node, asked), level)
        leaf = body_of(workflow.leaf(level.leaf.id or ""))
        if isinstance(leaf, WorkflowNode):
            workflow = leaf.workflow
    return taken


def _forced(trip: Trip, taken: frozenset[str] | Error, level: Level) -> frozenset[str] | Error:
    arm = level.leaf.id or ""
    if isinstance(taken, Error) or arm in taken:
        return taken
    if not trip.command.force:
        raise TargetNotReached(trip.command.step, level.bare)
    return taken | {arm}


async def _known(trip: Trip, value: Awaitable[Payload]) -> Payload:
    try:
        return await value
    except MissingOutput as missing:
        raise MissingHistory(trip.command.step, missing.addresses) from missing
