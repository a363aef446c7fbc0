"""
Links: the runs that a replay was made from, as far as its history goes by them.

A lineage may be long, and most of its runs are alike: replays of replays, entered at one place.
What one of them shows of its source all of them show, so they are passed at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from dalsegno.engine.registry import Registry
from dalsegno.model import address as addresses
from dalsegno.model.lineage import Lineage
from dalsegno.model.run import Run
from dalsegno.model.shape import GraphShape, Place, Relation, Side, relation
from dalsegno.store.contract import Ancestor, Store

# About 1 KiB each. More are forgotten, and read again.
_KEPT_MAX = 5000

# Runs read at once: most lineages are short, or known but for their newest runs.
_FIRST_PAGE = 4
_PAGE = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """
    One run of a lineage, and through its source the others up to the root.

    Attributes:
        entry: Where the run was entered if it is a replay.
        source: The run it was made from; None for one made from none.
        alike: The nearest to the root of the runs that show their sources just as this one does,
            without another between; None if that is this one.
    """

    run_id: str
    created_us: int
    lineage: Lineage | None
    shape: GraphShape
    entry: Place | None
    source: "Link | None"
    alike: "Link | None"

    @property
    def last_alike(self) -> "Link":
        return self.alike or self

    @property
    def has_given(self) -> bool:
        """
        Whether records were given by context, so that some lie before the target.
        """
        return self.lineage is not None and "context" in self.lineage.overrides

    @property
    def is_partial(self) -> bool:
        """
        Whether steps before the target have no record.
        """
        return self.lineage is not None and self.lineage.is_partial

    def relation(self, address: str) -> Relation | None:
        """
        How an address lies to where the run was entered; None if it names nothing there.
        """
        place = self.shape.find(addresses.parse(address))
        return relation(place, self.entry) if place is not None and self.entry is not None else None

    def side(self, address: str) -> Side | None:
        found = self.relation(address)
        return found.side if found is not None else None

    @property
    def hides_source(self) -> bool:
        """
        Whether none of its source's own records can be seen from this run: they all lie at or
        after this run's target, which is a whole node of the outermost sequence.
        """
        entry, source = self.entry, self.source
        if source is None or source.entry is None or entry is None or source.has_given:
            return False
        outer, target = source.entry.levels[0], entry.levels[0]
        is_whole = len(entry.levels) == 1 and target.leaf is target.node and target.index is None
        return is_whole and source.shape is self.shape and outer.position >= target.position

    def __iter__(self) -> "Iterator[Link]":
        """
        This run, its source, and so on up to the root.
        """
        link_: Link | None = self
        while link_ is not None:
            yield link_
            link_ = link_.source


class Chain:
    """
    The links of a lineage, numbered from the run on.

    Attributes:
        nearest_alike: For each, the number of the nearest to the run that is alike.
    """

    def __init__(self, link_: Link) -> None:
        self.links = tuple(link_)
        self.nearest_alike: list[int] = []
        for number, each in enumerate(self.links):
            nearer = self.links[number - 1] if number else None
            is_alike = nearer is not None and nearer.last_alike is each.last_alike
            self.nearest_alike.append(self.nearest_alike[-1] if is_alike else number)


def link(run: Run | Ancestor, shape: GraphShape, source: Link | None) -> Link:
    """
    The link of a run whose shape is known, as is the link of its source.
    """
    lineage = run.lineage
    alike = source is not None and _are_alike(lineage, shape, source)
    if source is not None and alike:
        entry: Place | None = source.entry
    else:
        entry = shape.find(addresses.parse(lineage.entry)) if lineage is not None else None
    return Link(
        run.run_id,
        run.created_us,
        lineage,
        shape,
        entry,
        source,
        source.last_alike if source is not None and alike else None,
    )


def _are_alike(lineage: Lineage | None, shape: GraphShape, source: Link) -> bool:
    """
    Whether a run shows of its source just what its source shows of its own.
    """
    if lineage is None or source.lineage is None or shape is not source.shape:
        return False
    is_plain = not lineage.is_partial and "context" not in lineage.overrides
    is_source_plain = not source.is_partial and not source.has_given
    return lineage.entry == source.lineage.entry and is_plain and is_source_plain


class Links:
    """
    Finds the links of runs.

    A run that has ended never changes, nor do the runs it was made from if they have ended as well:
    their links are kept. They cannot be deleted before it, so to know one is to know them all.
    """

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry
        self._kept: dict[str, Link] = {}

    async def of(self, run: Run) -> Link:
        """
        The link of a run.

        Raises:
            CorruptHistory: A run of its lineage cannot be read.
        """
        source_id = run.lineage.source_run_id if run.lineage is not None else None
        source = await self._of_source(source_id) if source_id is not None else None
        return link(run, await self._registry.shape_of(run), source)

    async def _of_source(self, run_id: str) -> Link | None:
        unknown, source = await self._unknown(run_id)
        is_final = True
        for run in reversed(unknown):
            shape = await self._registry.shape_of(run)
            source = link(run, shape, source)
            is_final = is_final and run.is_final
            if is_final:
                self._keep(source)
        return source

    async def _unknown(self, run_id: str) -> tuple[list[Ancestor], Link | None]:
        """
        The runs from this one on whose links are not known, and the link behind them.
        """
        unknown: list[Ancestor] = []
        next_id: str | None = run_id
        limit = _FIRST_PAGE
        while next_id is not None:
            page = await self._store.lineage_chain(next_id, limit=limit)
            if not page:
                break
            for run in page:
                known = self._kept.get(run.run_id)
                # Another run may have the id of one that was deleted.
                if known is not None and known.created_us == run.created_us:
                    return unknown, known
                unknown.append(run)
            lineage = page[-1].lineage
            next_id = lineage.source_run_id if lineage is not None else None
            limit = _PAGE
        return unknown, None

    def _keep(self, link_: Link) -> None:
        if len(self._kept) >= _KEPT_MAX:
            self._kept.clear()
        self._kept[link_.run_id] = link_
