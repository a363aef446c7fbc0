"""
The shape of a workflow: which nodes there are, of which kind, in which order.

A run is read with the shape it ran with, which may no longer be that of any code. A shape answers
where an address is, and how two addresses lie to each other.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from dalsegno.model import address as addresses
from dalsegno.model.address import Segment
from dalsegno.model.errors import StepNotFound
from dalsegno.model.record import NodeKind

BLOCKS = (NodeKind.PARALLEL, NodeKind.RACE, NodeKind.BRANCH)
ITERATED = (NodeKind.DO_WHILE, NodeKind.DO_UNTIL, NodeKind.FOREACH)


@dataclass(frozen=True, slots=True)
class NodeShape:
    """
    One node.

    Attributes:
        id: The id its address ends in; None for a block without one.
        arms: Of a parallel, race or branch.
        body: Of a loop, foreach, when or tap; its id is the node's.
        workflow: What a workflow node runs.
    """

    kind: NodeKind
    id: str | None
    arms: tuple["NodeShape", ...] = ()
    body: "NodeShape | None" = None
    workflow: "GraphShape | None" = None

    @property
    def nested(self) -> "GraphShape | None":
        """
        The workflow that an address enters below this node (or below one iteration of it).
        """
        inner = self.body or self
        return inner.workflow


@dataclass(frozen=True, slots=True)
class Level:
    """
    One segment of an address, found in a shape.

    Attributes:
        base: Address of the sequence it is in ("" for the run's own).
        graph: Shape of that sequence.
        position: Index in the sequence of the node that holds it.
        node: That node: for an arm, its block.
        leaf: What the id names: an arm, a block, or the node itself.
        index: The iteration or item, if the segment names one.
    """

    base: str
    graph: "GraphShape"
    position: int
    node: NodeShape
    leaf: NodeShape
    index: int | None

    @property
    def bare(self) -> str:
        """
        The address without the index.
        """
        return addresses.join(self.base, self.leaf.id or "")

    @property
    def address(self) -> str:
        return self.bare if self.index is None else addresses.at_index(self.bare, self.index)


@dataclass(frozen=True, slots=True)
class Place:
    """
    An address found in a shape, outermost level first.
    """

    levels: tuple[Level, ...]

    @property
    def address(self) -> str:
        return self.levels[-1].address

    @property
    def last(self) -> Level:
        return self.levels[-1]


class Side(Enum):
    """
    How an address lies to a target (semantics.md §5.2).
    """

    BEFORE = "before"
    BESIDE = "beside"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Relation:
    """
    How an address lies to a target.

    Attributes:
        side: AFTER also for the target itself, what is inside it, and the containers around it.
        level: Number of the level at which the two part.
        beside: For BESIDE the arm or item the address is in.
    """

    side: Side
    level: int
    beside: str = ""


@dataclass(frozen=True, slots=True)
class GraphShape:
    """
    The shape of one workflow's sequence.
    """

    workflow_id: str
    nodes: tuple[NodeShape, ...]
    positions: Mapping[str, tuple[int, NodeShape]]

    @classmethod
    def parse(cls, definition: bytes) -> "GraphShape":
        """
        The shape of a definition's JSON.
        """
        return _graph(json.loads(definition))

    def locate(self, segments: tuple[Segment, ...]) -> Place:
        """
        Find an address.

        Raises:
            StepNotFound: It names nothing here; lists the addresses there are. Whether an
                iteration or item exists is a question to the records, not to the shape.
        """
        place = self.find(segments)
        if place is None:
            text = _text(segments)
            raise StepNotFound(text, self.workflow_id, list(self.addresses()))
        return place

    def find(self, segments: tuple[Segment, ...]) -> Place | None:
        """
        Find an address; None if it names nothing here.
        """
        graph: GraphShape | None = self
        base = ""
        levels = []
        for segment in segments:
            if graph is None or segment.id not in graph.positions:
                return None
            position, leaf = graph.positions[segment.id]
            if segment.index is not None and leaf.kind not in ITERATED:
                return None
            level = Level(base, graph, position, graph.nodes[position], leaf, segment.index)
            levels.append(level)
            is_whole_of_iterated = leaf.kind in ITERATED and segment.index is None
            graph = None if is_whole_of_iterated else leaf.nested
            base = level.address
        return Place(tuple(levels))

    def addresses(self, base: str = "") -> Iterator[str]:
        """
        Every address there is, in graph order, with ``[i]`` for iterations and items.
        """
        for node in self.nodes:
            for leaf in leaves(node):
                bare = addresses.join(base, leaf.id or "")
                yield bare
                inside = f"{bare}[i]" if leaf.kind in ITERATED else bare
                if leaf.kind in ITERATED:
                    yield inside
                if leaf.nested is not None:
                    yield from leaf.nested.addresses(inside)


def leaves(node: NodeShape) -> Iterator[NodeShape]:
    """
    What in a node of a sequence has an address: the node, or a block's own id and its arms.
    """
    if node.id is not None:
        yield node
    yield from node.arms


def relation(place: Place, target: Place) -> Relation:
    """
    How *place* lies to *target*; both found in the same shape.
    """
    for number, (here, there) in enumerate(zip(place.levels, target.levels, strict=False)):
        if here.position != there.position:
            side = Side.BEFORE if here.position < there.position else Side.AFTER
            return Relation(side, number)
        if here.leaf is not there.leaf:
            if here.leaf is here.node or there.leaf is there.node:
                return Relation(Side.AFTER, number)
            return Relation(Side.BESIDE, number, here.bare)
        if here.index != there.index:
            return _between_iterations(here, there, number)
    return Relation(Side.AFTER, len(target.levels) - 1)


def _between_iterations(here: Level, there: Level, number: int) -> Relation:
    if here.index is None or there.index is None:
        return Relation(Side.AFTER, number)
    if here.leaf.kind is NodeKind.FOREACH:
        return Relation(Side.BESIDE, number, here.address)
    return Relation(Side.BEFORE if here.index < there.index else Side.AFTER, number)


def _graph(definition: Mapping[str, Any]) -> GraphShape:
    nodes = tuple(_node(node) for node in definition["nodes"])
    positions = {
        leaf.id: (position, leaf)
        for position, node in enumerate(nodes)
        for leaf in leaves(node)
        if leaf.id is not None
    }
    return GraphShape(definition["id"], nodes, positions)


def _node(node: Mapping[str, Any]) -> NodeShape:
    body = _node(node["body"]) if "body" in node else None
    return NodeShape(
        kind=NodeKind(node["kind"]),
        id=body.id if body is not None else node.get("id"),
        arms=tuple(_node(arm) for arm in node.get("arms", ())),
        body=body,
        workflow=_graph(node["workflow"]) if "workflow" in node else None,
    )


def _text(segments: tuple[Segment, ...]) -> str:
    return ".".join(
        segment.id if segment.index is None else f"{segment.id}[{segment.index}]"
        for segment in segments
    )
