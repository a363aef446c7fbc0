"""
Where a sequence or loop stands whose server died between two of its nodes.

Usually the end of one node and the start of the next are one append, and the frontier names what
was under way. Where they were not, the records of the nodes tell how far the walk had come.
"""

from dalsegno.engine.outcome import Outcome
from dalsegno.engine.walk import Entry, Walk
from dalsegno.model import address as addresses
from dalsegno.model.payload import Payload
from dalsegno.model.record import NodeKind, Record, StepStatus
from dalsegno.workflow.builder import Workflow
from dalsegno.workflow.graph import BranchNode, Node, ParallelNode

INSIDE_BLOCK = Entry(())  # arms settle from their records; those without one are walked


async def reached_in(
    walk: Walk, workflow: Workflow, base: str, value: Payload
) -> Outcome | tuple[int, Payload, Entry | None]:
    """
    How a sequence has ended, or the node that it goes on at, what that gets, and the entry.

    Args:
        value: Input of the sequence.
    """
    for position in range(len(workflow.nodes) - 1, -1, -1):
        node = workflow.nodes[position]
        levels = walk.place(addresses.join(base, _an_id(node))).levels
        if isinstance(node, ParallelNode | BranchNode):
            if any([await _own(walk, base, arm.id) for arm in node.arms]):
                return position, await walk.inputs.around(levels), INSIDE_BLOCK
            continue
        record = await _own(walk, base, node.id)
        if record is None:
            continue
        if not _is_passed(record, node.kind):
            ended = walk.ended(record, None)
            if ended is not None:
                return ended
        if position + 1 == len(workflow.nodes):
            return position + 1, walk.passed_on(record, node.kind), None
        after = walk.place(addresses.join(base, _an_id(workflow.nodes[position + 1]))).levels
        return position + 1, await walk.inputs.next_node(after), None
    return 0, value, None


def _is_passed(record: Record, kind: NodeKind) -> bool:
    """
    Whether the walk goes on behind a record.
    """
    has_failed_tap = kind is NodeKind.TAP and record.status is StepStatus.FAILED
    is_done = record.status is StepStatus.SUCCESS and not record.is_bailed
    return is_done or has_failed_tap or record.status is StepStatus.SKIPPED


def _an_id(node: Node) -> str:
    if isinstance(node, ParallelNode | BranchNode):
        return node.arms[0].id
    return node.id


async def _own(walk: Walk, base: str, node_id: str) -> Record | None:
    return await walk.history.own(addresses.join(base, node_id))
