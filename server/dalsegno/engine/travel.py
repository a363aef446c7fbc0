"""
Time travel: all that is checked and found out before a replay is made (semantics.md §5).

Refusals come in a fixed order, and all of them before the first write.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dalsegno.engine import checks
from dalsegno.engine.blocks import ask, ask_when
from dalsegno.engine.commands import StepResult, TimeTravel
from dalsegno.engine.drive import graph_order, is_resumable
from dalsegno.engine.history import History, link
from dalsegno.engine.inputs import Inputs, MissingOutput, elements
from dalsegno.engine.order import check_order
from dalsegno.engine.settings import EngineSettings
from dalsegno.engine.walk import Entry
from dalsegno.model import address as addresses
from dalsegno.model.address import scope_of
from dalsegno.model.errors import (
    InvalidAddress,
    InvalidContext,
    InvalidInput,
    InvalidResumeData,
    MissingHistory,
    NothingToResume,
    StepNotFound,
    TargetNotReached,
)
from dalsegno.model.lineage import Lineage
from dalsegno.model.payload import EMPTY_OBJECT, NULL, Payload
from dalsegno.model.record import Error, NodeKind, Record, StepStatus
from dalsegno.model.run import Run, RunStatus
from dalsegno.model.shape import BLOCKS, ITERATED, GraphShape, Level, Place, Side, relation
from dalsegno.store.contract import Store
from dalsegno.workflow.builder import Workflow
from dalsegno.workflow.graph import BranchNode, StepNode, WhenNode, WorkflowNode
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

    Args:
        source: What the source sees; None for a travel without one.
        run_id, now_us: Of the replay.
    """

    def __init__(
        self,
        command: TimeTravel,
        workflow: Workflow,
        shape: GraphShape,
        source: History | None,
        store: Store,
        settings: EngineSettings,
        *,
        run_id: str,
        now_us: int,
    ) -> None:
        self._command = command
        self._workflow = workflow
        self._shape = shape
        self._source = source
        self._store = store
        self._bytes_max = settings.payload_bytes_max
        self._run_id = run_id
        self._now_us = now_us
        self._given: dict[str, Record] = {}
        self._asks_first: str | None = None

    @property
    def _source_run(self) -> Run | None:
        return self._source.links[0].run if self._source is not None else None

    async def plan(self) -> Plan:
        """
        Check everything, in the order of readings.md 9.

        Raises:
            DalsegnoError: The first refusal; nothing was written.
        """
        target = self._shape.locate(addresses.parse(self._command.step))
        self._given = await self._records_given(target)
        draft = self._draft(target)
        view = self._view(draft)
        inputs = Inputs(draft, view, self._source)
        await self._check_items(target, inputs)
        if self._source is not None and not self._command.allow_definition_change:
            await check_order(target, self._source, self._shape)
        given_text = self._given_input(target)
        if given_text is None:
            target = await self._unfinished(target, inputs)
            draft = self._draft(target)
            view = self._view(draft)
            inputs = Inputs(draft, view, self._source)
        missing = await self._missing(target, view)
        if missing and given_text is None:
            raise MissingHistory(self._command.step, missing)
        value = await self._target_input(target, inputs, given_text)
        state = await self._state(target)
        context = self._request_context()
        await self._check_siblings(target, view, inputs)
        taken = await self._reached(target, inputs, value)
        kept = await self._kept_resume_data(target)
        is_first = len(target.levels) == 1 and target.last.position == 0
        is_whole_first = is_first and target.last.index is None and self._is_node(target.last)
        assert draft.lineage is not None
        run = replace(
            draft,
            lineage=replace(draft.lineage, is_partial=bool(missing)),
            input=value if is_whole_first and given_text is not None else draft.input,
            state=state,
            initial_state=state,
            request_context=context,
            kept_resume_data=kept,
        )
        return Plan(
            run=run,
            entry=Entry((target.address,), is_fresh=True, given=value),
            given=tuple(self._given.values()),
            taken=taken,
            asks_first=self._asks_first,
            held_for=_first_told_of(target),
        )

    # The replay and what it sees.

    def _draft(self, target: Place) -> Run:
        """
        The replay's row, but for what is checked later.
        """
        source = self._source_run
        lineage = Lineage(
            source_run_id=source.run_id if source else None,
            step=self._command.step,
            root_run_id=_root_of(source) if source else self._run_id,
            depth=_depth_of(source) + 1 if source else 0,
            overrides=self._overrides(),
            entry=target.address,
            source_sequence=source.newest_sequence if source else 0,
        )
        definition_hash = self._workflow.definition_hash
        return Run(
            run_id=self._run_id,
            workflow_id=self._workflow.id,
            definition_hash=definition_hash,
            status=RunStatus.RUNNING,
            created_us=self._now_us,
            started_us=self._now_us,
            input=source.input if source else NULL,
            request_context=EMPTY_OBJECT,
            initial_state=EMPTY_OBJECT,
            state=EMPTY_OBJECT,
            lineage=lineage,
            definition_changed=source is not None and source.definition_hash != definition_hash,
            step_scope=scope_of(target.address) if self._command.per_step else None,
            is_stepping_in=self._command.per_step,
        )

    def _overrides(self) -> tuple[str, ...]:
        command = self._command
        given = {
            "context": bool(command.context),
            "initial_state": command.initial_state is not None,
            "input_data": command.input_data is not None,
            "request_context": command.request_context is not None,
            "resume_data": command.resume_data is not None,
        }
        return tuple(name for name, is_given in given.items() if is_given)

    def _view(self, draft: Run) -> History:
        links = [link(draft, self._shape), *(self._source.links if self._source else ())]
        return History(self._store, links, self._given, is_new=True)

    # Context.

    async def _records_given(self, target: Place) -> dict[str, Record]:
        given = {}
        for address, result in self._command.context.items():
            place = self._context_place(address)
            if self._is_used(address, place, target):
                given[address] = await self._record_given(address, place, result)
        return given

    def _context_place(self, address: str) -> Place:
        field = f"context[{address}]"
        try:
            place = self._shape.find(addresses.parse(address))
        except InvalidAddress as error:
            raise InvalidContext(field, str(error)) from error
        if place is None:
            raise InvalidContext(field, "names nothing in the workflow")
        if place.last.leaf.kind in BLOCKS:
            raise InvalidContext(field, "is a block; give the outputs of its arms")
        return place

    def _is_used(self, address: str, place: Place, target: Place) -> bool:
        found = relation(place, target)
        if found.side is Side.AFTER:
            return False
        whole = place.levels[found.level]
        if found.side is Side.BESIDE:
            is_whole = address == found.beside
        else:
            is_whole = found.level == len(place.levels) - 1
        if not is_whole:
            problem = f"lies inside {whole.bare!r}; give the output of that"
            raise InvalidContext(f"context[{address}]", problem)
        return True

    async def _record_given(self, address: str, place: Place, result: StepResult) -> Record:
        field = f"context[{address}]"
        if result.status not in (None, StepStatus.SUCCESS.value):
            raise InvalidContext(field, f"has status {result.status!r}; only success is accepted")
        if result.output is None:
            raise InvalidContext(field, "has no output")
        output = checks.payload(result.output, field, InvalidContext, self._bytes_max)
        recorded = await self._source.record(address) if self._source is not None else None
        value = recorded.input if recorded is not None else None
        if result.payload is not None:
            value = checks.payload(result.payload, field, InvalidContext, self._bytes_max)
        body = place.last.leaf.body
        is_item = place.last.index is not None
        return Record(
            run_id=self._run_id,
            address=address,
            kind=body.kind if is_item and body is not None else place.last.leaf.kind,
            status=StepStatus.SUCCESS,
            first_sequence=0,
            started_us=self._now_us,
            ended_us=self._now_us,
            input=value,
            output=output,
            is_given=True,
        )

    # Items and history.

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
                raise StepNotFound(target.address, self._workflow.id, self._shape.addresses())
            self._check_given_items(level.bare, size)

    def _check_given_items(self, container: str, size: int) -> None:
        for address in self._given:
            index = addresses.index_under(address, container)
            if index is not None and index >= size:
                raise InvalidContext(f"context[{address}]", f"is beyond the {size} items")

    def _given_input(self, target: Place) -> bytes | None:
        """
        Text of the input given for the target; None if none is.
        """
        if self._command.input_data is not None:
            return self._command.input_data
        result = self._command.context.get(target.address)
        return result.payload if result is not None else None

    async def _unfinished(self, target: Place, inputs: Inputs) -> Place:
        """
        For a whole loop or foreach that failed or was suspended: the iteration or item that had
        not succeeded; else the target itself.
        """
        level = target.last
        source = self._source
        if source is None or level.leaf.kind not in ITERATED or level.index is not None:
            return target
        record = await source.record(target.address)
        stopped = (StepStatus.FAILED, StepStatus.SUSPENDED)
        if record is None or record.status not in stopped or await inputs.is_from_context(target):
            return target
        if source.links[0].run.status in (RunStatus.CANCELED, RunStatus.PAUSED):
            return target
        if level.leaf.kind is NodeKind.FOREACH:
            index = await self._unfinished_item(source, target, record)
        else:
            index = await self._unfinished_iteration(source, target)
        if index is None:
            return target
        return self._shape.locate(addresses.parse(addresses.at_index(target.address, index)))

    @staticmethod
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

    async def _unfinished_iteration(self, source: History, target: Place) -> int | None:
        last = await source.last_iteration(target.address)
        if last is None:
            return None
        record = await source.record(addresses.at_index(target.address, last))
        if record is None or record.status is not StepStatus.SUCCESS:
            return last
        self._asks_first = target.address
        return last + 1

    async def _missing(self, target: Place, view: History) -> list[str]:
        """
        Steps before the target that have no record.
        """
        missing: list[str] = []
        is_same = self._source_run is not None and not self._draft(target).definition_changed
        for level in target.levels:
            missing.extend(await self._missing_at(level, view, may_stop=is_same))
        return missing

    async def _missing_at(self, level: Level, view: History, *, may_stop: bool) -> list[str]:
        """
        Nodes of a sequence before a level, and iterations before it, that have no record.

        With the definition the source ran with, whatever lies before a record has one, too, so
        the search goes backwards and stops there: its cost is that of what is missing.
        """
        missing: list[str] = []
        if may_stop and await self._is_recorded(level.bare):
            return await self._missing_iterations(level, view)
        for position in range(level.position - 1, -1, -1):
            node = level.graph.nodes[position]
            wanted = [addresses.join(level.base, leaf.id or "") for leaf in node.arms or (node,)]
            found = [await self._is_recorded(address) for address in wanted]
            needs_all = node.kind is NodeKind.PARALLEL
            is_optional = node.kind in (NodeKind.SLEEP, NodeKind.SLEEP_UNTIL)
            if is_optional or (all(found) if needs_all else any(found)):
                if may_stop and not is_optional and not self._given:
                    break
                continue
            missing[:0] = [at for at, has in zip(wanted, found, strict=True) if not has]
        return missing + await self._missing_iterations(level, view)

    async def _missing_iterations(self, level: Level, view: History) -> list[str]:
        if level.leaf.kind not in ITERATED or level.leaf.kind is NodeKind.FOREACH:
            return []
        if not level.index:
            return []
        previous = addresses.at_index(level.bare, level.index - 1)
        return [] if await view.record(previous) is not None else [previous]

    async def _is_recorded(self, address: str) -> bool:
        if address in self._given:
            return True
        if self._source is None:
            return False
        return await self._source.record(address) is not None

    async def _target_input(self, target: Place, inputs: Inputs, given: bytes | None) -> Payload:
        if given is None:
            try:
                return await inputs.target(target)
            except MissingOutput as missing:
                raise MissingHistory(self._command.step, missing.addresses) from missing
        field = "input_data"
        value = checks.payload(given, field, InvalidInput, self._bytes_max)
        for type_ in self._target_types(target):
            checks.fits(type_, value.json, field, InvalidInput)
        level = target.last
        if level.leaf.kind is NodeKind.FOREACH and level.index is None:
            item_type = _input_type(self._leaf_at(target))
            for item in elements(value):
                checks.fits(item_type, item, field, InvalidInput)
        return value

    def _target_types(self, target: Place) -> list[Type]:
        level = target.last
        is_first = len(target.levels) == 1 and level.position == 0 and level.index is None
        types = [self._workflow.input] if is_first and self._is_node(level) else []
        is_whole_foreach = level.leaf.kind is NodeKind.FOREACH and level.index is None
        if level.leaf.kind in BLOCKS:
            nodes = self._graph_of(target)
            types.extend(_input_type(nodes.leaf(arm.id or "")) for arm in level.leaf.arms)
        elif not is_whole_foreach:
            types.append(_input_type(self._leaf_at(target)))
        return types

    @staticmethod
    def _is_node(level: Level) -> bool:
        """
        Whether a level names a node of its sequence, or a branch's arm, whose input is the
        branch's.
        """
        return level.leaf is level.node or level.node.kind is NodeKind.BRANCH

    def _graph_of(self, place: Place) -> Workflow:
        """
        The workflow whose sequence an address is in.
        """
        workflow = self._workflow
        for level in place.levels[:-1]:
            leaf = _body(workflow.leaf(level.leaf.id or ""))
            assert isinstance(leaf, WorkflowNode)
            workflow = leaf.workflow
        return workflow

    def _leaf_at(self, place: Place) -> object:
        return self._graph_of(place).leaf(place.last.leaf.id or "")

    # State, request context.

    async def _state(self, target: Place) -> Payload:
        given = self._command.initial_state
        if given is not None:
            return checks.state(given, self._workflow.state, self._bytes_max)
        source = self._source
        if source is None:
            return EMPTY_OBJECT
        started = await self._first_record(source, target)
        if started is None:
            return source.links[0].run.state
        before = await self._store.state_before(started.run_id, started.first_sequence)
        if before is not None:
            return before
        owner = next(item.run for item in source.links if item.run.run_id == started.run_id)
        return owner.initial_state

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
        source = self._source_run
        old = source.request_context if source is not None else EMPTY_OBJECT
        return checks.merged(old, self._command.request_context, self._bytes_max)

    # Siblings and conditions.

    async def _check_siblings(self, target: Place, view: History, inputs: Inputs) -> None:
        """
        Refuse a block whose other arms have to execute, but whose input is not known.
        """
        for depth, level in enumerate(target.levels):
            levels = target.levels[: depth + 1]
            is_item = level.leaf.kind is NodeKind.FOREACH and level.index is not None
            is_arm = level.leaf is not level.node and level.node.kind in (
                NodeKind.PARALLEL,
                NodeKind.RACE,
            )
            if not is_item and not (is_arm and await self._has_open_arms(level, view)):
                continue
            try:
                await (inputs.container(levels) if is_item else inputs.block(levels))
            except MissingOutput as missing:
                raise MissingHistory(self._command.step, missing.addresses) from missing

    @staticmethod
    async def _has_open_arms(level: Level, view: History) -> bool:
        for arm in level.node.arms:
            record = await view.record(addresses.join(level.base, arm.id or ""))
            if arm is not level.leaf and (
                record is None or record.status is not StepStatus.SUCCESS
            ):
                return True
        return False

    async def _reached(
        self, target: Place, inputs: Inputs, value: Payload
    ) -> dict[tuple[str, int], frozenset[str] | Error]:
        """
        Ask the conditions around the target; refuse one that keeps it from being reached.
        """
        taken: dict[tuple[str, int], frozenset[str] | Error] = {}
        workflow = self._workflow
        for depth, level in enumerate(target.levels):
            node = workflow.nodes[level.position]
            is_target = depth == len(target.levels) - 1
            levels = target.levels[: depth + 1]
            if isinstance(node, BranchNode) and level.leaf is not level.node:
                asked = value if is_target else await self._block_input(inputs, levels)
                arms = await ask(node, asked)
                taken[level.base, level.position] = self._forced(arms, level)
            elif isinstance(node, WhenNode) and not is_target:
                asked = await self._when_input(inputs, levels)
                taken[level.base, level.position] = self._forced(await ask_when(node, asked), level)
            leaf = _body(workflow.leaf(level.leaf.id or ""))
            if isinstance(leaf, WorkflowNode):
                workflow = leaf.workflow
        return taken

    def _forced(self, taken: frozenset[str] | Error, level: Level) -> frozenset[str] | Error:
        arm = level.leaf.id or ""
        if isinstance(taken, Error) or arm in taken:
            return taken
        if not self._command.force:
            raise TargetNotReached(self._command.step, level.bare)
        return taken | {arm}

    async def _block_input(self, inputs: Inputs, levels: tuple[Level, ...]) -> Payload:
        try:
            return await inputs.block(levels)
        except MissingOutput as missing:
            raise MissingHistory(self._command.step, missing.addresses) from missing

    async def _when_input(self, inputs: Inputs, levels: tuple[Level, ...]) -> Payload:
        try:
            return await inputs.container(levels)
        except MissingOutput as missing:
            raise MissingHistory(self._command.step, missing.addresses) from missing

    # Resume data.

    async def _kept_resume_data(self, target: Place) -> tuple[tuple[str, Payload], ...]:
        text = self._command.resume_data
        if text is None:
            return ()
        address = await self._suspended_at_or_after(target)
        source = self._source_run
        if address is None:
            raise NothingToResume(source.run_id if source else None, self._command.step)
        place = self._shape.locate(addresses.parse(address))
        leaf = _body(self._leaf_at(place))
        types = (leaf.resume,) if isinstance(leaf, StepNode) else ()
        field = "resume_data"
        answer = checks.payload(text, field, InvalidResumeData, self._bytes_max, types=types)
        return ((address, answer),)

    async def _suspended_at_or_after(self, target: Place) -> str | None:
        source = self._source_run
        if source is None or source.status.is_terminal:
            return None
        found = await self._store.active_records(source.run_id, (StepStatus.SUSPENDED,))
        candidates = [
            record.address
            for record in found
            if is_resumable(record) and self._reaches(record, target)
        ]
        if target.address in candidates:
            return target.address
        inside = [at for at in candidates if addresses.is_inside(at, self._command.step)]
        key = lambda at: graph_order(at, self._shape)  # noqa: E731 - named for two uses
        return min(inside or candidates, key=key, default=None)

    def _reaches(self, record: Record, target: Place) -> bool:
        place = self._shape.find(addresses.parse(record.address))
        return place is not None and relation(place, target).side is not Side.BEFORE


def _body(part: object) -> object:
    """
    What runs at a part of a workflow: its body, if it is a container of one.
    """
    return getattr(part, "body", part) if not isinstance(part, StepNode) else part


def _input_type(part: object) -> Type:
    """
    What a part of a workflow takes.
    """
    match _body(part):
        case StepNode(input=input_type):
            return input_type
        case WorkflowNode(workflow=workflow):
            return workflow.input
        case _:
            return Type.any()


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
