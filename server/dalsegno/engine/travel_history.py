"""
What a time travel needs of history, and whether it is there.
"""

from collections.abc import Container

from dalsegno.engine.history import History
from dalsegno.engine.inputs import Inputs, elements
from dalsegno.engine.trip import Trip
from dalsegno.model import address as addresses
from dalsegno.model.errors import InvalidInput
from dalsegno.model.payload import NULL
from dalsegno.model.record import NodeKind, Record, StepStatus
from dalsegno.model.run import RunStatus
from dalsegno.model.shape import ITERATED, Level, Place


async def unfinished(trip: Trip, target: Place, inputs: Inputs) -> tuple[Place, bool]:
    """
    For a whole loop or foreach that failed or was suspended: the iteration or item that had
    not succeeded; else the target itself.

    Returns:
        Where the replay is entered, and whether the loop's condition is to be asked before that
        iteration begins: all iterations before it had succeeded.
    """
    level = target.last
    source, source_run = trip.source, trip.source_run
    if (
        source is None
        or source_run is None
        or level.leaf.kind not in ITERATED
        or level.index is not None
    ):
        return target, False
    record = await source.record(target.address)
    stopped = (StepStatus.FAILED, StepStatus.SUSPENDED)
    if record is None or record.status not in stopped or await inputs.is_from_context(target):
        return target, False
    if source_run.status in (RunStatus.CANCELED, RunStatus.PAUSED):
        return target, False
    if level.leaf.kind is NodeKind.FOREACH:
        index, asks_first = await _unfinished_item(source, target, record), False
    else:
        index, asks_first = await _unfinished_iteration(source, target)
    if index is None:
        return target, False
    at = addresses.at_index(target.address, index)
    return trip.shape.locate(addresses.parse(at)), asks_first


async def _unfinished_item(source: History, target: Place, record: Record) -> int | None:
    items = await source.iterations(target.address)
    try:
        size = len(elements(record.input or NULL))
    except InvalidInput:
        return None
    for index in range(size):
        item = items.get(index)
        if item is None or item.status is not StepStatus.SUCCESS:
            return index
    return None


async def _unfinished_iteration(source: History, target: Place) -> tuple[int | None, bool]:
    last = await source.last_iteration(target.address)
    if last is None:
        return None, False
    record = await source.record(addresses.at_index(target.address, last))
    if record is None or record.status is not StepStatus.SUCCESS:
        return last, False
    return last + 1, True


async def missing(trip: Trip, target: Place, view: History, given: Container[str]) -> list[str]:
    """
    Steps before the target that have no record.

    Args:
        given: Addresses that the context gives records for.
    """
    found: list[str] = []
    for level in target.levels:
        found.extend(await _Search(trip, view, given).before(level))
    return found


class _Search:
    """
    Looks for what has no record.
    """

    def __init__(self, trip: Trip, view: History, given: Container[str]) -> None:
        self._source = trip.source
        self._view = view
        self._given = given
        self._is_same = trip.source is not None and not trip.is_definition_changed

    async def before(self, level: Level) -> list[str]:
        """
        Nodes of a sequence before a level, and iterations before it, that have no record.

        With the definition the source ran with, whatever lies before a record has one, too, so
        the search goes backwards and stops there: its cost is that of what is missing.
        """
        if self._is_same and await self._is_recorded(level.bare):
            return await self._iterations_before(level)
        missing: list[str] = []
        for position in range(level.position - 1, -1, -1):
            node = level.graph.nodes[position]
            if node.kind in (NodeKind.SLEEP, NodeKind.SLEEP_UNTIL):
                continue
            wanted = [addresses.join(level.base, leaf.id or "") for leaf in node.arms or (node,)]
            recorded = [await self._is_recorded(address) for address in wanted]
            if all(recorded) if node.kind is NodeKind.PARALLEL else any(recorded):
                if self._is_same and not any(address in self._given for address in wanted):
                    break
                continue
            missing[:0] = [at for at, has in zip(wanted, recorded, strict=True) if not has]
        return missing + await self._iterations_before(level)

    async def _iterations_before(self, level: Level) -> list[str]:
        if not level.leaf.kind.is_loop or not level.index:
            return []
        previous = addresses.at_index(level.bare, level.index - 1)
        return [] if await self._view.record(previous) is not None else [previous]

    async def _is_recorded(self, address: str) -> bool:
        if address in self._given:
            return True
        return self._source is not None and await self._source.record(address) is not None
