"""
History: what a run and the runs it was made from have recorded, as the run sees it.

Nothing is copied when a replay is made. A question goes to the run's own record first, and else
to its source, if the address lies before or beside the target; so on up the lineage.
"""

from collections.abc import Callable, Mapping

from dalsegno.engine.hindsight import as_it_was
from dalsegno.engine.links import Chain, Link
from dalsegno.model import address as addresses
from dalsegno.model.record import NodeKind, Record, StepStatus
from dalsegno.model.shape import Side, relation
from dalsegno.store.contract import Store

_PAGE = 500  # iterations read at once


class History:
    """
    Records as one run sees them.

    Args:
        link: The run's; through it all others of its lineage are reached.
        overlay: Records of the run that are not committed yet; they come first.
        is_unwritten: Says whether the run has nothing in the store yet.
        remembers: Whether a record is read once and then remembered: for who asks the same of a
            run that rests several times in a row.
    """

    def __init__(
        self,
        store: Store,
        link: Link,
        overlay: Mapping[str, Record],
        *,
        is_unwritten: Callable[[], bool] = lambda: False,
        remembers: bool = False,
    ) -> None:
        self.store = store
        self.link = link
        self._overlay = overlay
        self._is_unwritten = is_unwritten
        self._remembered: dict[str, Record | None] | None = {} if remembers else None

    async def record(self, address: str) -> Record | None:
        """
        What the run knows of an address; None if nothing.

        A node that lies directly before the target and was never recorded is `not_run`.

        Raises:
            CorruptHistory: The record cannot be read.
        """
        if self._remembered is None:
            return await self.seen(None, self.link, address)
        if address not in self._remembered:
            self._remembered[address] = await self.seen(None, self.link, address)
        return self._remembered[address]

    async def own(self, address: str) -> Record | None:
        """
        The run's own record of an address; None if it has none.

        Raises:
            CorruptHistory: The record cannot be read.
        """
        return await self._own(None, self.link, address)

    async def iterations(self, container: str) -> dict[int, Record]:
        """
        Records of the iterations or items of a container, by index.

        Raises:
            CorruptHistory: One of them cannot be read.
        """
        # From the run on, what each has itself, and what it takes of what its source shows.
        layers: list[tuple[dict[int, Record], Callable[[int, Record], bool]]] = []
        child: Link | None = None
        link: Link | None = self.link
        while link is not None:
            side = link.side(container)
            if _passes(link, side):
                child = link.last_alike
                link = child.source
                continue
            own = await self._own_iterations(child, link, container)
            reuses = _reuses(link, container)
            layers.append((own, reuses))
            if reuses is _nothing:
                break
            child, link = link, link.source
        shown: dict[int, Record] = {}
        for own, reuses in reversed(layers):
            reused = {index: record for index, record in shown.items() if reuses(index, record)}
            shown = {**reused, **own}
        return shown

    async def last_iteration(self, container: str) -> int | None:
        """
        The highest iteration of a loop that has a record; None if none has.
        """
        child: Link | None = None
        link: Link | None = self.link
        while link is not None:
            if _passes(link, link.side(container)):
                child = link.last_alike
                link = child.source
                continue
            found = await self.store.last_iteration(link.run_id, container)
            while found is not None:
                record = await self.seen(child, link, addresses.at_index(container, found))
                if record is not None:
                    return found
                found = found - 1 if found else None
            inside = link.entry and addresses.index_under(link.entry.address, container)
            if inside:
                return inside - 1
            if link.side(container) is not Side.BEFORE:
                return None
            child, link = link, link.source
        return None

    async def shown(self, chain: Chain, number: int, record: Record) -> Record | None:
        """
        A record of an earlier run as this run shows it; None if it does not.

        Args:
            number: Which link of the chain owns the record.
        """
        seen = await self._as_seen(chain.links[number - 1], record) if number else record
        nearer = number - 1
        while seen is not None and nearer >= 0:
            child = chain.links[nearer - 1] if nearer else None
            link = chain.links[nearer]
            side = link.side(record.address)
            if not await self._lets_through(child, link, side, record.address):
                return None
            nearer = (chain.nearest_alike[nearer] if _passes(link, side) else nearer) - 1
        return seen

    async def _lets_through(
        self, child: Link | None, link: Link, side: Side | None, address: str
    ) -> bool:
        """
        Whether a run shows what its source shows at an address.
        """
        if side is None or side is Side.AFTER:
            return False
        if side is Side.BEFORE:
            return not link.has_given or await self._own(child, link, address) is None
        return (
            await self._own(child, link, address) is None
            and await self.seen(child, link, address) is not None
        )

    async def seen(self, child: Link | None, link: Link, address: str) -> Record | None:
        """
        What a run of the lineage knows of an address.

        Args:
            child: The replay through which that run is seen; None for the run itself.
        """
        # What is passed on the way and decides about what is found in the end: a run that shows
        # what was not run, or None for one that shows only what succeeded.
        passed: list[Link | None] = []
        arms = _Arms(self)
        found: Record | None = None
        at: Link | None = link
        while at is not None:
            relation = at.relation(address)
            side = relation.side if relation is not None else None
            if at.entry is not None and side is None:
                break
            if not _passes(at, side):
                found = await self._own(child, at, address)
                if found is not None or side in (None, Side.AFTER):
                    break
            if relation is not None and side is Side.BESIDE:
                if address == relation.beside:
                    passed.append(None)
                elif not await arms.have_succeeded(at, relation.beside):
                    break
            elif at.is_partial:
                passed.append(at)
            child = at.last_alike if _passes(at, side) else at
            at = child.source
        for each in reversed(passed):
            if each is not None:
                found = found or _not_run(each, address)
            elif found is not None and found.status is not StepStatus.SUCCESS:
                found = None
        return found

    async def _own(self, child: Link | None, link: Link, address: str) -> Record | None:
        if child is not None:
            record = await self.store.record(link.run_id, address)
            return await self._as_seen(child, record)
        if address in self._overlay:
            return self._overlay[address]
        if self._is_unwritten():
            return None
        return await self.store.record(link.run_id, address)

    async def _as_seen(self, child: Link, record: Record | None) -> Record | None:
        """
        A source may have gone on since the replay was made; the replay still sees what was then.
        """
        if record is None or child.lineage is None:
            return record
        return await as_it_was(self.store, record, child.lineage.source_sequence)

    async def _own_iterations(
        self, child: Link | None, link: Link, container: str
    ) -> dict[int, Record]:
        found: dict[int, Record] = {}
        # What is written while the store is asked leaves the overlay before the answer comes.
        unwritten = list(self._overlay.values()) if child is None else []
        first = 0
        while child is not None or not self._is_unwritten():
            page = await self.store.iterations(link.run_id, container, first=first, limit=_PAGE)
            for record in page:
                index = addresses.index_under(record.address, container)
                seen = await self._as_seen(child, record) if child is not None else record
                if index is not None and seen is not None:
                    found[index] = seen
            if len(page) < _PAGE:
                break
            last = addresses.index_under(page[-1].address, container)
            first = (last or 0) + 1
        if child is None:
            unwritten.extend(self._overlay.values())
        for record in unwritten:
            index = addresses.index_under(record.address, container)
            if index is None or record.address != addresses.at_index(container, index):
                continue
            known = found.get(index)
            if known is None or record.last_sequence >= known.last_sequence:
                found[index] = record
        return found


class _Arms:
    """
    Whether arms and items beside where replays were entered succeeded in their sources; asked
    while one goes up a lineage, so that each is looked for once and not once per replay.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self._owners: dict[str, str] = {}

    async def have_succeeded(self, link: Link, arm: str) -> bool:
        """
        Whether the source of a run shows a success at an arm.
        """
        # What one found above a run is what its source finds, up to the run that has it.
        self._owners = {at: owner for at, owner in self._owners.items() if owner != link.run_id}
        if arm in self._owners:
            return True
        if link.source is None:
            return False
        found = await self._history.seen(link, link.source, arm)
        if found is None or found.status is not StepStatus.SUCCESS:
            return False
        self._owners[arm] = found.run_id
        return True


def _passes(link: Link, side: Side | None) -> bool:
    """
    Whether a run has nothing of its own on a side, so that it shows what its source shows.
    """
    return side is Side.BEFORE and not link.has_given


def _reuses(link: Link, container: str) -> Callable[[int, Record], bool]:
    """
    Which iterations or items of a container a run takes of those that its source shows.
    """
    entry = link.entry
    if entry is None:
        return _nothing
    if not addresses.is_inside(entry.address, container):
        return _everything if link.side(container) is Side.BEFORE else _nothing
    entered = addresses.index_under(entry.address, container)
    if entered is None:
        return _nothing
    place = link.shape.locate(addresses.parse(container))
    if place.last.leaf.kind is NodeKind.FOREACH:
        return lambda index, record: record.status is StepStatus.SUCCESS and index != entered
    return lambda index, _: index < entered


def _everything(_index: int, _record: Record) -> bool:
    return True


def _nothing(_index: int, _record: Record) -> bool:
    return False


def _not_run(link: Link, address: str) -> Record | None:
    """
    What a run shows that was entered behind a node that was never recorded; None if the address
    is not a whole node.
    """
    place = link.shape.locate(addresses.parse(address))
    assert link.entry is not None
    outer = place.levels[relation(place, link.entry).level]
    leaf = place.last.leaf
    if (
        outer.address != address
        or outer.index is not None
        or (leaf is place.last.node and leaf.arms)
    ):
        return None
    return Record(
        run_id=link.run_id,
        address=place.address,
        kind=leaf.kind,
        status=StepStatus.NOT_RUN,
        first_sequence=0,
        started_us=link.created_us,
    )
