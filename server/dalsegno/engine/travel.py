"""
Time travel: all that is checked and found out before a replay is made (semantics.md §5).

Refusals come in a fixed order, and all of them before the first write.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from dalsegno.engine import checks
from dalsegno.engine.history import History
from dalsegno.engine.inputs import Inputs, MissingOutput, elements
from dalsegno.engine.links import link
from dalsegno.engine.order import check_order
from dalsegno.engine.parts import graph_of, input_type, part_at
from dalsegno.engine.travel_answer import kept_resume_data
from dalsegno.engine.travel_conditions import check_siblings, reached
from dalsegno.engine.travel_context import field_of, records_given
from dalsegno.engine.travel_history import missing, unfinished
from dalsegno.engine.trip import Trip
from dalsegno.engine.walk import Entry
from dalsegno.model import address as addresses
from dalsegno.model.address import scope_of
from dalsegno.model.errors import InvalidContext, InvalidInput, MissingHistory, StepNotFound
from dalsegno.model.lineage import Lineage
from dalsegno.model.payload import EMPTY_OBJECT, NULL, Payload, Ref
from dalsegno.model.record import Error, NodeKind, Record
from dalsegno.model.run import Run, RunStatus
from dalsegno.model.shape import BLOCKS, Place
from dalsegno.workflow.types import Type


@dataclass(frozen=True, slots=True)
class Plan:
    """
    A replay that may be made.

    Attributes:
        run: The replay's row.
        given: Records that context gave.
        taken: Arms of the branches around the target, see `Walk.taken`.
        asks_first: See `Walk.asks_first`.
        held_for: See `LiveRun.hold_until`.
    """

    run: Run
    entry: Entry
    given: tuple[Record, ...]
    taken: Mapping[tuple[str, int], frozenset[str] | Error]
    asks_first: str | None
    held_for: str


class Planner:
    """
    Finds out whether and how a travel can be made.
    """

    def __init__(self, trip: Trip) -> None:
        self._trip = trip
        self._given: dict[str, Record] = {}

    async def plan(self) -> Plan:
        """
        Check everything, in the order of readings.md 9.

        Raises:
            DalsegnoError: The first refusal; nothing was written.
        """
        trip = self._trip
        target = trip.shape.locate(addresses.parse(trip.command.step))
        self._given = await records_given(trip, target)
        view, inputs = self._seen_from(target)
        await self._check_items(target, inputs)
        if trip.source is not None and not trip.command.allow_definition_change:
            await check_order(target, trip.source, trip.shape)
        given = self._given_input(target)
        entered, asks_first = target, False
        if given is None:
            entered, asks_first = await unfinished(trip, target, inputs)
            view, inputs = self._seen_from(entered)
        lacking = await missing(trip, entered, view, self._given)
        if lacking and given is None:
            raise MissingHistory(trip.command.step, lacking)
        value = await self._target_input(entered, inputs, given)
        run = replace(self._draft(entered), state=await self._state(entered))
        run = replace(run, initial_state=run.state, request_context=self._request_context())
        await check_siblings(trip, entered, view, inputs)
        taken = await reached(trip, entered, inputs, value)
        run = replace(run, kept_resume_data=await kept_resume_data(trip, entered))
        if given is not None and _is_first(entered):
            run = replace(run, input=value)
        assert run.lineage is not None
        return Plan(
            run=replace(run, lineage=replace(run.lineage, is_partial=bool(lacking))),
            entry=Entry((entered.address,), is_fresh=True, given=value),
            given=tuple(self._given.values()),
            taken=taken,
            asks_first=target.address if asks_first else None,
            held_for=_first_told_of(entered),
        )

    # The replay and what it sees.

    def _draft(self, target: Place) -> Run:
        """
        The replay's row, but for what is checked later.
        """
        source = self._trip.source_run
        lineage = Lineage(
            source_run_id=source.run_id if source else None,
            step=self._trip.command.step,
            root_run_id=_root_of(source) if source else self._trip.run_id,
            depth=_depth_of(source) + 1 if source else 0,
            overrides=self._overrides(),
            entry=target.address,
            source_sequence=source.newest_sequence if source else 0,
        )
        return Run(
            run_id=self._trip.run_id,
            workflow_id=self._trip.workflow.id,
            definition_hash=self._trip.workflow.definition_hash,
            status=RunStatus.RUNNING,
            created_us=self._trip.now_us,
            started_us=self._trip.now_us,
            input=source.input if source else NULL,
            request_context=EMPTY_OBJECT,
            initial_state=EMPTY_OBJECT,
            state=EMPTY_OBJECT,
            lineage=lineage,
            definition_changed=self._trip.is_definition_changed,
            step_scope=scope_of(target.address) if self._trip.command.per_step else None,
            is_stepping_in=self._trip.command.per_step,
        )

    def _overrides(self) -> tuple[str, ...]:
        command = self._trip.command
        given = {
            "context": bool(command.context),
            "initial_state": command.initial_state is not None,
            "input_data": command.input_data is not None,
            "request_context": command.request_context is not None,
            "resume_data": command.resume_data is not None,
        }
        return tuple(name for name, is_given in given.items() if is_given)

    def _seen_from(self, entered: Place) -> tuple[History, Inputs]:
        """
        What a replay sees that is entered there, and the inputs it computes.
        """
        draft = self._draft(entered)
        source = self._trip.source
        seen_from = link(draft, self._trip.shape, source.link if source is not None else None)
        view = History(self._trip.store, seen_from, self._given, is_unwritten=lambda: True)
        return view, Inputs(draft, view, source)

    async def _check_items(self, target: Place, inputs: Inputs) -> None:
        """
        Refuse items beyond their array: in the target, and in context.
        """
        for depth, level in enumerate(target.levels):
            if level.leaf.kind is not NodeKind.FOREACH or level.index is None:
                continue
            try:
                size = len(elements(await inputs.container(target.levels[: depth + 1])))
            except MissingOutput:
                continue
            if level.index >= size:
                raise StepNotFound(
                    target.address, self._trip.workflow.id, self._trip.shape.addresses()
                )
            self._check_given_items(level.bare, size)

    def _check_given_items(self, container: str, size: int) -> None:
        for address in self._given:
            index = addresses.index_under(address, container)
            if index is not None and index >= size:
                raise InvalidContext(field_of(address), f"is beyond the {size} items")

    # Input, state, request context.

    def _given_input(self, target: Place) -> bytes | None:
        """
        Text of the input given for the target; None if none is.
        """
        if self._trip.command.input_data is not None:
            return self._trip.command.input_data
        result = self._trip.command.context.get(target.address)
        return result.payload if result is not None else None

    async def _target_input(self, target: Place, inputs: Inputs, given: bytes | None) -> Payload:
        if given is None:
            try:
                return await inputs.target(target)
            except MissingOutput as lacking:
                raise MissingHistory(self._trip.command.step, lacking.addresses) from lacking
        is_from_context = self._trip.command.input_data is None
        field = f"{field_of(target.address)}.payload" if is_from_context else "input_data"
        value = checks.payload(given, field, InvalidInput, self._trip.bytes_max)
        for type_ in self._target_types(target):
            checks.fits(type_, value.json, field, InvalidInput)
        level = target.last
        if level.leaf.kind is NodeKind.FOREACH and level.index is None:
            item_type = input_type(part_at(self._trip.workflow, target))
            for item in elements(value):
                checks.fits(item_type, item, field, InvalidInput)
        return value

    def _target_types(self, target: Place) -> list[Type]:
        level = target.last
        types = [self._trip.workflow.input] if _is_first(target) else []
        is_whole_foreach = level.leaf.kind is NodeKind.FOREACH and level.index is None
        if level.leaf.kind in BLOCKS:
            graph = graph_of(self._trip.workflow, target)
            types.extend(input_type(graph.leaf(arm.id or "")) for arm in level.leaf.arms)
        elif not is_whole_foreach:
            types.append(input_type(part_at(self._trip.workflow, target)))
        return types

    async def _state(self, target: Place) -> Payload:
        given = self._trip.command.initial_state
        if given is not None:
            return checks.state(given, self._trip.workflow.state, self._trip.bytes_max)
        source, source_run = self._trip.source, self._trip.source_run
        if source is None or source_run is None:
            return EMPTY_OBJECT
        started = await self._first_record(source, target)
        if started is None:
            return source_run.state
        before = await self._trip.store.state_before(started.run_id, started.first_sequence)
        if before is not None:
            return before
        if started.run_id == source_run.run_id:
            return source_run.initial_state
        return await self._trip.store.payload(Ref(started.run_id, 0))

    @staticmethod
    async def _first_record(source: History, target: Place) -> Record | None:
        """
        The record of the target that started first: a block has only those of its arms.
        """
        level = target.last
        wanted = [target.address]
        if level.leaf.kind in BLOCKS:
            wanted = [addresses.join(level.base, arm.id or "") for arm in level.leaf.arms]
        records = [await source.record(address) for address in wanted]
        started = [record for record in records if record is not None and record.first_sequence]
        return min(started, key=lambda record: record.first_sequence, default=None)

    def _request_context(self) -> Payload:
        source = self._trip.source_run
        old = source.request_context if source is not None else EMPTY_OBJECT
        return checks.merged(old, self._trip.command.request_context, self._trip.bytes_max)


def _is_first(place: Place) -> bool:
    """
    Whether the run's input is that of a target: the first node as a whole, or an arm of a first
    branch, whose input is the branch's.
    """
    level = place.last
    is_node = level.leaf is level.node or level.node.kind is NodeKind.BRANCH
    return len(place.levels) == 1 and level.position == 0 and level.index is None and is_node


def _root_of(source: Run) -> str:
    return source.lineage.root_run_id if source.lineage else source.run_id


def _depth_of(source: Run) -> int:
    return source.lineage.depth if source.lineage else 0


def _first_told_of(target: Place) -> str:
    """
    The address that the walk tells of first when it enters at a target: a block has none.
    """
    level = target.last
    return level.base if level.leaf.kind in BLOCKS else target.address
