"""
Walking sequences and their nodes, one function per kind.
"""

from datetime import datetime, timedelta
from typing import assert_never

from dalsegno.engine.blocks import ask_when, walk_branch, walk_parallel
from dalsegno.engine.body import error_of
from dalsegno.engine.live import PutDown
from dalsegno.engine.loops import walk_foreach, walk_loop
from dalsegno.engine.maps import walk_map
from dalsegno.engine.outcome import (
    Bailed,
    Done,
    Failed,
    Outcome,
    Paused,
    Skipped,
    Suspended,
    Waiting,
)
from dalsegno.engine.recovery import reached_in
from dalsegno.engine.steps import walk_step
from dalsegno.engine.walk import Entry, Walk, mismatch
from dalsegno.model import address as addresses
from dalsegno.model import jsontext
from dalsegno.model.clock import SECOND_US
from dalsegno.model.payload import NULL, Payload
from dalsegno.model.record import Error, NodeKind, Record
from dalsegno.workflow.builder import Workflow
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


async def walk_sequence(
    walk: Walk, workflow: Workflow, base: str, value: Payload, entry: Entry | None
) -> Outcome:
    """
    Walk the nodes of a workflow from the first, or from where the entry lies.

    Args:
        base: Address of the sequence; "" for the run's own.
    """
    nodes = workflow.nodes
    position = 0
    if entry is not None and base in entry.addresses:
        reached = await reached_in(walk, workflow, base, value)
        if isinstance(reached, Outcome):
            return reached
        position, value, entry = reached
        if walk.is_pausing and entry is None and position < len(nodes):
            return _paused(walk, base, nodes[position])
    elif entry is not None:
        position, value = await _entered(walk, workflow, base, entry)
    while position < len(nodes):
        outcome = await _walk_node(walk, nodes[position], base, position, value, entry)
        if entry is not None:
            walk.live.release()
        if not isinstance(outcome, Done):
            return outcome
        value = outcome.value
        if not isinstance(outcome, Skipped) or (entry is not None and walk.live.run.is_stepping_in):
            walk.stepped(base)
        entry = None
        position += 1
        if walk.is_pausing and position < len(nodes):
            return _paused(walk, base, nodes[position])
    return Done(value)


async def _entered(walk: Walk, workflow: Workflow, base: str, entry: Entry) -> tuple[int, Payload]:
    """
    Which node the entry lies in, and what that node gets.
    """
    inside = entry.addresses[0][len(base) + 1 if base else 0 :]
    node_id = addresses.parse(inside)[0].id
    position = workflow.node_index(node_id)
    assert position is not None
    levels = walk.place(addresses.join(base, node_id)).levels
    node = workflow.nodes[position]
    if isinstance(node, ParallelNode | BranchNode):
        is_branch_input = isinstance(node, BranchNode) and entry.begins_at(levels[-1].address)
        if entry.given is not None and (is_branch_input or node.id == node_id):
            return position, entry.given
        return position, await walk.inputs.around(levels)
    own = await walk.history.own(levels[-1].address)
    if own is not None and own.status.is_active:
        return position, own.input or NULL
    if entry.begins_at(levels[-1].address):
        given = entry.given
        return position, given if given is not None else await walk.inputs.next_node(levels)
    return position, await walk.inputs.around(levels)


def _paused(walk: Walk, base: str, next_node: Node) -> Paused:
    walk.paused_at.append(addresses.join(base, _first_id(next_node)))
    return Paused()


def _first_id(node: Node) -> str:
    if isinstance(node, ParallelNode | BranchNode):
        return node.id or node.arms[0].id
    return node.id


async def _walk_node(
    walk: Walk, node: Node, base: str, position: int, value: Payload, entry: Entry | None
) -> Outcome:
    match node:
        case StepNode() | WorkflowNode():
            address = addresses.join(base, node.id)
            return await walk_leaf(walk, node, address, base, value, entry)
        case MapNode():
            return await walk_map(walk, node, base, value, entry)
        case ParallelNode():
            return await walk_parallel(walk, node, base, value, _into(node, base, entry), walk_leaf)
        case BranchNode():
            entry = _into(node, base, entry)
            return await walk_branch(walk, node, base, position, value, entry, walk_leaf)
        case WhenNode():
            return await _walk_when(walk, node, base, position, value, entry)
        case TapNode():
            return await _walk_tap(walk, node, base, value, entry)
        case SleepNode():
            return await _walk_sleep(walk, node, base, value, entry)
        case LoopNode() | ForeachNode():
            return await _walk_repeated(walk, node, base, value, entry)
        case _:
            assert_never(node)


def _into(node: ParallelNode | BranchNode, base: str, entry: Entry | None) -> Entry | None:
    """
    The entry, unless it is the block as a whole: then all of it begins.
    """
    if entry is not None and node.id and entry.begins_at(addresses.join(base, node.id)):
        return None
    return entry


async def walk_leaf(
    walk: Walk, leaf: Leaf, address: str, base: str, value: Payload, entry: Entry | None
) -> Outcome:
    """
    Walk a step or a nested workflow at an address, which may be one iteration of it.
    """
    if isinstance(leaf, StepNode):
        return await walk_step(walk, leaf, address, base, value, entry)
    record = await _opened(walk, address, entry)
    inner = None if entry is None or entry.begins_at(address) else entry
    if record is None:
        error = mismatch(leaf.workflow.input, value) if inner is None else None
        if error is not None:
            return walk.refuse_input(address, leaf.kind, value, error)
        record = walk.start(address, leaf.kind, value)
    outcome = await walk_sequence(walk, leaf.workflow, address, record.input or NULL, inner)
    if isinstance(outcome, Done | Bailed):
        error = mismatch(leaf.workflow.output, outcome.value)
        if error is not None:
            outcome = Failed(error)
    return _closed(walk, record, outcome)


async def _opened(walk: Walk, address: str, entry: Entry | None) -> Record | None:
    """
    The record of a container that is under way already; None if it is to begin.
    """
    record = await walk.entered(address, entry)
    return walk.reopen(record) if record is not None else None


def _closed(walk: Walk, record: Record, outcome: Outcome) -> Outcome:
    """
    Record how a container has ended, or stays.
    """
    match outcome:
        case Done(value) | Bailed(value):
            return Done(walk.complete(record, value))
        case Failed(error):
            return walk.fail(record, error)
        case Suspended():
            walk.suspend_container(record)
            return outcome
        case _:
            return outcome


async def _walk_repeated(
    walk: Walk,
    node: LoopNode | ForeachNode,
    base: str,
    value: Payload,
    entry: Entry | None,
) -> Outcome:
    address = addresses.join(base, node.id)
    record = await _opened(walk, address, entry)
    if record is None:
        record = walk.start(address, node.kind, value)
    value = record.input or NULL
    if isinstance(node, LoopNode):
        outcome = await walk_loop(walk, node, address, base, value, entry, walk_leaf)
    else:
        outcome = await walk_foreach(walk, node, address, base, value, entry, walk_leaf)
    if isinstance(outcome, Bailed):
        return Bailed(walk.complete(record, outcome.value))
    return _closed(walk, record, outcome)


async def _walk_when(
    walk: Walk,
    node: WhenNode,
    base: str,
    position: int,
    value: Payload,
    entry: Entry | None,
) -> Outcome:
    address = addresses.join(base, node.id)
    decided = walk.taken.pop((base, position), None)
    if isinstance(decided, Error):
        return Failed(decided)
    if decided is None and await walk.entered(address, entry) is None:
        decided = await ask_when(node, value)
        if isinstance(decided, Error):
            return Failed(decided)
    if decided is not None and not decided:
        walk.skip(address, node.body.kind, value)
        return Skipped(value)
    return await walk_leaf(walk, node.body, address, base, value, entry)


async def _walk_tap(
    walk: Walk, node: TapNode, base: str, value: Payload, entry: Entry | None
) -> Outcome:
    address = addresses.join(base, node.id)
    record = await walk.entered(address, entry)
    if record is not None and record.input is not None:
        value = record.input
    walk.taps.add(address)
    if isinstance(node.body, StepNode):
        outcome = await walk_step(walk, node.body, address, base, value, entry, NodeKind.TAP)
    else:
        outcome = await walk_leaf(walk, node.body, address, base, value, entry)
    return Done(value) if isinstance(outcome, Done | Failed) else outcome


async def _walk_sleep(
    walk: Walk, node: SleepNode, base: str, value: Payload, entry: Entry | None
) -> Outcome:
    address = addresses.join(base, node.id)
    record = await walk.entered(address, entry)
    is_new = record is None
    if record is None:
        try:
            due_us = _due_us(walk, node, value)
        except Exception as error:  # noqa: BLE001 - user code; its failure is the node's
            return walk.refuse_input(address, node.kind, value, error_of(error))
        record = walk.sleep(address, node.kind, value, due_us)
    try:
        await walk.live.commit()
        await walk.live.wait_until(record.due_us or 0, is_new=is_new)
    except PutDown:
        return Waiting()
    return Done(walk.complete(record, record.input or NULL))


def _due_us(walk: Walk, node: SleepNode, value: Payload) -> int:
    if node.duration is not None:
        return walk.live.clock.now_us() + node.duration // timedelta(microseconds=1)
    until = node.until
    if callable(until):
        until = until(jsontext.parse(value.json))
    if not isinstance(until, datetime) or until.tzinfo is None:
        message = f"sleep_until needs a time with a time zone, not {until!r}"
        raise TypeError(message)
    return int(until.timestamp() * SECOND_US)
