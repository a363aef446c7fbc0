"""
Whether the steps up to a target still stand in the order they were recorded in.
"""

from dalsegno.engine.history import History
from dalsegno.model import address as addresses
from dalsegno.model.errors import DefinitionChanged
from dalsegno.model.shape import GraphShape, Level, Place, leaves


async def check_order(target: Place, source: History, shape: GraphShape) -> None:
    """
    Compare the sequences around a target with those the source ran with.

    Containers before the target are compared as wholes; arms of a block have no order among
    themselves. A definition that is the same is not looked at.

    Raises:
        DefinitionChanged: Nodes with a record stand in another order now.
    """
    recorded_shape = source.link.shape
    if recorded_shape is shape:
        return
    for level in target.levels:
        recorded = _positions(recorded_shape, level)
        known = []
        for position in range(level.position + 1):
            node = level.graph.nodes[position]
            for leaf in leaves(node):
                old = recorded.get(leaf.id or "")
                address = addresses.join(level.base, leaf.id or "")
                is_target = position == level.position
                if old is not None and (is_target or await source.record(address) is not None):
                    known.append((position, old, address))
        recorded_order = sorted(known, key=lambda item: item[1])
        if any(
            before[0] > after[0] and before[1] < after[1]
            for index, before in enumerate(recorded_order)
            for after in recorded_order[index + 1 :]
        ):
            raise DefinitionChanged(
                target.address,
                recorded=[address for _, _, address in recorded_order],
                defined=[address for _, _, address in known],
            )


def _positions(shape: GraphShape, level: Level) -> dict[str, int]:
    """
    Where the ids of a level's sequence stood in the recorded shape; empty if it was not there.
    """
    graph: GraphShape | None = shape
    if level.base:
        place = shape.find(addresses.parse(level.base))
        graph = place.last.leaf.nested if place is not None else None
    if graph is None:
        return {}
    return {node_id: position for node_id, (position, _) in graph.positions.items()}
