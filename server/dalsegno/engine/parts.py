"""
Finding the part of a workflow that an address names.
"""

from dalsegno.model import address as addresses
from dalsegno.model.shape import GraphShape, Place
from dalsegno.workflow.builder import Workflow
from dalsegno.workflow.graph import StepNode, WorkflowNode
from dalsegno.workflow.types import Type


def graph_of(workflow: Workflow, place: Place) -> Workflow:
    """
    The workflow whose sequence an address is in.
    """
    for level in place.levels[:-1]:
        leaf = body_of(workflow.leaf(level.leaf.id or ""))
        assert isinstance(leaf, WorkflowNode)
        workflow = leaf.workflow
    return workflow


def part_at(workflow: Workflow, place: Place) -> object:
    """
    The node, arm or block at an address.
    """
    return graph_of(workflow, place).leaf(place.last.leaf.id or "")


def body_of(part: object) -> object:
    """
    What runs at a part of a workflow: its body, if it is a container of one.
    """
    return part if isinstance(part, StepNode) else getattr(part, "body", part)


def input_type(part: object) -> Type:
    """
    What a part of a workflow takes.
    """
    match body_of(part):
        case StepNode(input=taken):
            return taken
        case WorkflowNode(workflow=workflow):
            return workflow.input
        case _:
            return Type.any()


def resume_type(workflow: Workflow, shape: GraphShape, address: str) -> Type:
    """
    What the step at an address takes as resume data; anything if it is no longer there.
    """
    place = shape.find(addresses.parse(address))
    body = body_of(part_at(workflow, place)) if place is not None else None
    return body.resume if isinstance(body, StepNode) else Type.any()
