"""
How steps that declare no retry get that of the workflow around them.
"""

from dataclasses import replace
from typing import assert_never

from dalsegno.workflow.graph import (
    BranchNode,
    ForeachNode,
    Leaf,
    LoopNode,
    MapNode,
    Node,
    ParallelNode,
    SleepNode,
    StepNode,
    TapNode,
    WhenNode,
    WorkflowNode,
)
from dalsegno.workflow.retry import NOT_DECLARED, Retry


def with_retry(node: Node, retry: Retry) -> Node:
    """
    The node, with *retry* for the steps in it that declare none.
    """
    match node:
        case StepNode() | WorkflowNode():
            return leaf_with_retry(node, retry)
        case ParallelNode() | BranchNode():
            return replace(node, arms=tuple(leaf_with_retry(arm, retry) for arm in node.arms))
        case WhenNode() | TapNode() | LoopNode() | ForeachNode():
            return replace(node, body=leaf_with_retry(node.body, retry))
        case MapNode():
            return replace(node, function=node.function and step_with_retry(node.function, retry))
        case SleepNode():
            return node
        case _:
            assert_never(node)


def leaf_with_retry(leaf: Leaf, retry: Retry) -> Leaf:
    if isinstance(leaf, WorkflowNode):
        return replace(leaf, workflow=leaf.workflow.inheriting(retry))
    return step_with_retry(leaf, retry)


def step_with_retry(step: StepNode, retry: Retry) -> StepNode:
    return replace(step, retry=retry) if step.retry is NOT_DECLARED else step
