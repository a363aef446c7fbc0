"""
History: what a run and the runs it was made from have recorded, as the run sees it.

Nothing is copied when a replay is made. A question goes to the run's own record first, and else
to its source, if the address lies before or beside the target; so on up the lineage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dalsegno.engine.hindsight import as_it_was
from dalsegno.model import address as addresses
from dalsegno.model.record import NodeKind, Record, StepStatus
from dalsegno.model.run import Run
from dalsegno.model.shape import GraphShape, Place, Relation, Side, relation
from dalsegno.store.contract import Store

_PAGE = 500  # iterations read at once


@dataclass(frozen=True, slots=True)
class Link:
    """
    One run of a lineage: the run, its shape, and where it was entered if it is a replay.

    Attributes:
        has_given: Whether records were given by context, so that some lie before the target.
    """

    run: Run
    shape: GraphShape
    entry: Place | None

    @property
    def has_given(self) -> bool:
        return self.run.lineage is not None and "context" in self.run.lineage.overrides

    @property
    def is_partial(self) -> bool:
        """
        Whether steps before the target have no record.
        """
        return self.run.lineage is not None and self.run.lineage.is_partial


def link(run: Run, shape: GraphShape) -> Link:
    """
    The link of a run whose shape is known.
    """
    entry = shape.find(addresses.parse(run.lineage.entry)) if run.lineage else None
    return Link(run, shape, entry)


class History:
    """
    Records as one run sees them.

    Args:
        links: The run, its source, and so on up to the root.
        overlay: Records of the run that are not committed yet; they come first.
        is_new: Whether the run has nothing in the store yet.
    """

    def __init__(
        self,
        store: Store,
        links: Sequence[Link],
        overlay: Mapping[str, Record],
        *,
        is_new: bool = False,
    ) -> None:
        self.store = store
        self._links = links
        self._overlay = overlay
        self._is_new = is_new

    @property
    def links(self) -> Sequence[Link]:
        return self._links

    async def record(self, address: str) -> Record | None:
        """
        What the run knows of an address; None if nothing.

        A node that lies directly before the target and was never recorded is `not_run`.

        Raises:
            CorruptHistory: The record cannot be read.
        """
        return await self._record(0, address)

    async def own(self, address: str) -> Record | None:
        """
        The run's own record of an address; None if it has none.

        Raises:
            CorruptHistory: The record cannot be read.
        """
        return await self._own(0, address)

    async def iterations(self, container: str) -> dict[int, Record]:
        """
        Records of the iterations or items of a container, by index.

        Raises:
            CorruptHistory: One of them cannot be read.
        """
        return await self._iterations(0, container)

    async def last_iteration(self, container: str) -> int | None:
        """
        The highest iteration of a loop that has a record; None if none has.
        """
        for number, link_ in enumerate(self._links):
            found = await self.store.last_iteration(link_.run.run_id, container)
            while found is not None:
                record = await self._record(number, addresses.at_index(container, found))
                if record is not None:
                    return found
                found = found - 1 if found else None
            entry = link_.entry
            inside = None if entry is None else addresses.index_under(entry.address, container)
            if inside:
                return inside - 1
            if entry is None or self._side(link_, container) is not Side.BEFORE:
                return None
        return None

    async def shown(self, number: int, record: Record) -> Record | None:
        """
        A record of an earlier run as this run shows it; None if it does not.

        Args:
            number: Which of the links owns the record.
        """
        seen = await self._as_seen(number, record) if number else record
        for nearer in range(number - 1, -1, -1):
            if seen is None or not await self._lets_through(nearer, record.address):
                return None
        return seen

    async def _lets_through(self, number: int, address: str) -> bool:
        """
        Whether a run shows what its source shows at an address.
        """
        link_ = self._links[number]
        found = self._relation(link_, address)
        if found is None or found.side is Side.AFTER:
            return False
        if found.side is Side.BESIDE:
            return await self._beside(number, address, found.beside) is not None and (
                await self._own(number, address) is None
            )
        return not link_.has_given or await self._own(number, address) is None

    def _side(self, link_: Link, address: str) -> Side | None:
        found = self._relation(link_, address)
        return found.side if found else None

    @staticmethod
    def _relation(link_: Link, address: str) -> Relation | None:
        place = link_.shape.find(addresses.parse(address))
        if place is None or link_.entry is None:
            return None
        return relation(place, link_.entry)

    async def _record(self, number: int, address: str) -> Record | None:
        link_ = self._links[number]
        if link_.entry is None:
            return await self._own(number, address)
        found = self._relation(link_, address)
        if found is None:
            return None
        if found.side is not Side.BEFORE or link_.has_given:
            own = await self._own(number, address)
            if own is not None:
                return own
        match found.side:
            case Side.AFTER:
                return None
            case Side.BESIDE:
                return await self._beside(number, address, found.beside)
            case Side.BEFORE:
                return await self._before(number, address, found)

    async def _beside(self, number: int, address: str, arm: str) -> Record | None:
        """
        Only an arm or item that succeeded is reused.
        """
        if number + 1 == len(self._links):
            return None
        whole = await self._record(number + 1, arm)
        if whole is None or whole.status is not StepStatus.SUCCESS:
            return None
        return whole if address == arm else await self._record(number + 1, address)

    async def _before(self, number: int, address: str, found: Relation) -> Record | None:
        link_ = self._links[number]
        if number + 1 < len(self._links):
            recorded = await self._record(number + 1, address)
            if recorded is not None:
                return recorded
        if not link_.is_partial:
            return None
        place = link_.shape.locate(addresses.parse(address))
        outer = place.levels[found.level]
        is_direct = outer.address == address and outer.index is None
        return _not_run(link_.run, place) if is_direct else None

    async def _own(self, number: int, address: str) -> Record | None:
        if number > 0:
            record = await self.store.record(self._links[number].run.run_id, address)
            return await self._as_seen(number, record)
        if address in self._overlay:
            return self._overlay[address]
        if self._is_new:
            return None
        return await self.store.record(self._links[0].run.run_id, address)

    async def _as_seen(self, number: int, record: Record | None) -> Record | None:
        """
        A source may have gone on since the replay was made; the replay still sees what was then.
        """
        lineage = self._links[number - 1].run.lineage
        if record is None or lineage is None:
            return record
        return await as_it_was(self.store, record, lineage.source_sequence)

    async def _iterations(self, number: int, container: str) -> dict[int, Record]:
        link_ = self._links[number]
        own = await self._own_iterations(number, container)
        if link_.entry is None or number + 1 == len(self._links):
            return own
        if not addresses.is_inside(link_.entry.address, container):
            if self._side(link_, container) is not Side.BEFORE:
                return own
            return {**await self._iterations(number + 1, container), **own}
        entered = addresses.index_under(link_.entry.address, container)
        if entered is None:
            return own
        place = link_.shape.locate(addresses.parse(container))
        is_foreach = place.last.leaf.kind is NodeKind.FOREACH
        recorded = await self._iterations(number + 1, container)
        reused = {
            index: record
            for index, record in recorded.items()
            if (
                record.status is StepStatus.SUCCESS and index != entered
                if is_foreach
                else index < entered
            )
        }
        return {**reused, **own}

    async def _own_iterations(self, number: int, container: str) -> dict[int, Record]:
        found: dict[int, Record] = {}
        # What is written while the store is asked leaves the overlay before the answer comes.
        unwritten = list(self._overlay.values()) if number == 0 else []
        first = 0
        while number > 0 or not self._is_new:
            run_id = self._links[number].run.run_id
            page = await self.store.iterations(run_id, container, first=first, limit=_PAGE)
            for record in page:
                index = addresses.index_under(record.address, container)
                seen = await self._as_seen(number, record) if number > 0 else record
                if index is not None and seen is not None:
                    found[index] = seen
            if len(page) < _PAGE:
                break
            last = addresses.index_under(page[-1].address, container)
            first = (last or 0) + 1
        if number == 0:
            unwritten.extend(self._overlay.values())
        for record in unwritten:
            index = addresses.index_under(record.address, container)
            if index is None or record.address != addresses.at_index(container, index):
                continue
            known = found.get(index)
            if known is None or record.last_sequence >= known.last_sequence:
                found[index] = record
        return found


def _not_run(run: Run, place: Place) -> Record | None:
    leaf = place.last.leaf
    if leaf is place.last.node and leaf.arms:
        return None
    return Record(
        run_id=run.run_id,
        address=place.address,
        kind=leaf.kind,
        status=StepStatus.NOT_RUN,
        first_sequence=0,
        started_us=run.created_us,
    )
