"""
Inputs: what a node gets when it is entered in the middle of a graph (semantics.md §5.3).
"""

from collections.abc import Iterable

from dalsegno.engine.history import History
from dalsegno.model import jsontext
from dalsegno.model.errors import InvalidInput
from dalsegno.model.jsontext import JsonError
from dalsegno.model.payload import NULL, Payload
from dalsegno.model.record import NodeKind, Record, StepStatus
from dalsegno.model.run import Run
from dalsegno.model.shape import BLOCKS, Level, NodeShape, Place


class MissingOutput(Exception):
    """
    What was to be computed needs records or outputs that there are none of.

    Attributes:
        addresses: Of the steps without them.
    """

    def __init__(self, addresses: Iterable[str]) -> None:
        self.addresses = tuple(addresses)
        super().__init__(", ".join(self.addresses))


class Inputs:
    """
    Computes inputs from what a run sees, and for a replay from what its source recorded.

    Args:
        run: Whose inputs; its `input` is what the first node gets.
        view: What the run sees.
        source: What the source sees, the target and later steps included; None without one.
    """

    def __init__(self, run: Run, view: History, source: History | None) -> None:
        self._run = run
        self._view = view
        self._source = source

    @property
    def _is_without_history(self) -> bool:
        """
        A travel without a source has no run input; it is made null.
        """
        return self._run.lineage is not None and self._run.lineage.source_run_id is None

    async def target(self, place: Place) -> Payload:
        """
        Input of a target that is given none: from context, as recorded, or computed.

        Raises:
            MissingOutput: None of them is to be had.
        """
        levels = place.levels
        last = levels[-1]
        if last.leaf.kind in BLOCKS:
            return await self.block(levels)
        if await self._is_from_context(levels):
            return await self._before(levels)
        recorded = await self._recorded(place.address)
        return recorded if recorded is not None else await self._before(levels)

    async def container(self, levels: tuple[Level, ...]) -> Payload:
        """
        Input of the whole node at the last of these levels, its index left aside.

        Raises:
            MissingOutput: It cannot be known.
        """
        level = levels[-1]
        own = await self._view.own(level.bare)
        if own is not None and own.input is not None:
            return own.input
        if level.leaf is not level.node:
            return await self.block(levels)
        if await self._node_is_from_context(levels):
            return await self._before_node(levels)
        recorded = await self._recorded(level.bare)
        return recorded if recorded is not None else await self._before_node(levels)

    async def around(self, levels: tuple[Level, ...]) -> Payload:
        """
        Input of the container or block at the last of these levels, when it is entered inside;
        null if it cannot be known: what is entered may not need it.
        """
        try:
            if levels[-1].node.kind in BLOCKS:
                return await self.block(levels)
            return await self.container(levels)
        except MissingOutput:
            return NULL

    async def block(self, levels: tuple[Level, ...]) -> Payload:
        """
        Input of the block at the last of these levels, which every arm of it gets. A branch that
        is entered at an arm takes what that arm got: its conditions are asked about that.

        Raises:
            MissingOutput: It cannot be known.
        """
        is_branch = levels[-1].node.kind is NodeKind.BRANCH
        if is_branch and not await self._node_is_from_context(levels):
            recorded = await self._recorded(levels[-1].bare)
            if recorded is not None:
                return recorded
        try:
            return await self._before_node(levels)
        except MissingOutput:
            for arm in levels[-1].node.arms:
                recorded = await self._recorded(_at(levels, arm))
                if recorded is not None:
                    return recorded
            raise

    async def next_node(self, levels: tuple[Level, ...]) -> Payload:
        """
        Input of the node at the last of these levels from what directly precedes it.

        Raises:
            MissingOutput: What precedes it has no output.
        """
        return await self._before(levels)

    async def is_from_context(self, place: Place) -> bool:
        """
        Whether context gave what directly precedes an address.
        """
        return await self._is_from_context(place.levels)

    async def _recorded(self, address: str) -> Payload | None:
        record = await self._source.record(address) if self._source is not None else None
        return record.input if record is not None else None

    async def _before(self, levels: tuple[Level, ...]) -> Payload:
        level = levels[-1]
        if level.index is None:
            return await self._before_node(levels)
        if level.leaf.kind is NodeKind.FOREACH:
            return await self._item(levels)
        if level.index == 0:
            return await self.container(levels)
        previous = f"{level.bare}[{level.index - 1}]"
        return _output(await self._view.record(previous), previous)

    async def _item(self, levels: tuple[Level, ...]) -> Payload:
        level = levels[-1]
        items = elements(await self.container(levels))
        if level.index is None or level.index >= len(items):
            raise MissingOutput([level.address])
        return Payload(items[level.index])

    async def _before_node(self, levels: tuple[Level, ...]) -> Payload:
        """
        What flows into the node (a block as a whole) at the last of these levels.
        """
        level = levels[-1]
        if level.position > 0:
            return await self._output_at(levels, level.position - 1)
        if len(levels) == 1:
            if self._is_without_history:
                raise MissingOutput([level.bare])
            return self._run.input
        return await self._inside(levels[:-1])

    async def _inside(self, outer: tuple[Level, ...]) -> Payload:
        """
        What flows into the sequence inside the node or iteration at the last of these levels.
        """
        if outer[-1].index is None:
            return await self.container(outer)
        own = await self._view.own(outer[-1].address)
        if own is not None and own.input is not None:
            return own.input
        return await self._iteration(outer)

    async def _iteration(self, outer: tuple[Level, ...]) -> Payload:
        if await self._is_from_context(outer):
            return await self._before(outer)
        recorded = await self._recorded(outer[-1].address)
        return recorded if recorded is not None else await self._before(outer)

    async def iteration(self, levels: tuple[Level, ...]) -> Payload:
        """
        Input of the iteration or item at the last of these levels, entered inside.

        Raises:
            MissingOutput: It cannot be known.
        """
        return await self._inside(levels)

    async def _is_from_context(self, levels: tuple[Level, ...]) -> bool:
        """
        Whether context gave what directly precedes the node or iteration here.
        """
        level = levels[-1]
        if level.index and level.leaf.kind is not NodeKind.FOREACH:
            return self._is_given(await self._view.record(f"{level.bare}[{level.index - 1}]"))
        return await self._node_is_from_context(levels)

    def _is_given(self, record: Record | None) -> bool:
        """
        Whether the context of this travel gave a record; one that an earlier travel was given is
        history.
        """
        return record is not None and record.is_given and record.run_id == self._run.run_id

    async def _node_is_from_context(self, levels: tuple[Level, ...]) -> bool:
        level = levels[-1]
        if level.position == 0:
            return len(levels) > 1 and await self._is_from_context(levels[:-1])
        node = level.graph.nodes[level.position - 1]
        if node.kind in BLOCKS:
            given = [self._is_given(await self._view.record(_at(levels, arm))) for arm in node.arms]
            return any(given)
        record = await self._view.record(_at(levels, node))
        if not _has_record(record) and node.kind in (NodeKind.SLEEP, NodeKind.SLEEP_UNTIL):
            return await self._node_is_from_context(_back(levels))
        return self._is_given(record)

    async def _output_at(self, levels: tuple[Level, ...], position: int) -> Payload:
        """
        Output of the node at a position of the sequence these levels end in.
        """
        node = levels[-1].graph.nodes[position]
        match node.kind:
            case NodeKind.PARALLEL | NodeKind.RACE | NodeKind.BRANCH:
                return await self._block_output(levels, node)
            case NodeKind.SLEEP | NodeKind.SLEEP_UNTIL:
                record = await self._view.record(_at(levels, node))
                if record is None or record.status is StepStatus.NOT_RUN:
                    return await self._before_node(_back(levels))
                return _output(record, _at(levels, node))
            case NodeKind.TAP | NodeKind.WHEN:
                address = _at(levels, node)
                return _passed(await self._view.record(address), address, node.kind)
            case _:
                address = _at(levels, node)
                return _output(await self._view.record(address), address)

    async def _block_output(self, levels: tuple[Level, ...], node: NodeShape) -> Payload:
        if node.kind is NodeKind.RACE:
            return await self.race_output(levels, node)
        members = []
        missing = []
        is_known = False
        for arm in node.arms:
            address = _at(levels, arm)
            record = await self._view.record(address)
            is_known = is_known or _has_record(record)
            if record is not None and record.status is StepStatus.SUCCESS:
                members.append((arm.id or "", _output(record, address)))
            elif node.kind is NodeKind.PARALLEL or not _is_left_out(record):
                missing.append(address)
        if missing or not is_known:
            raise MissingOutput(missing or [_at(levels, arm) for arm in node.arms])
        return join(members)

    async def race_output(self, levels: tuple[Level, ...], node: NodeShape) -> Payload:
        """
        Output of a race: of the arm that context gave, else that executed and won, else of the
        reused winner.

        Raises:
            MissingOutput: No arm succeeded.
        """
        records = [await self._view.record(_at(levels, arm)) for arm in node.arms]
        won = [record for record in records if record and record.status is StepStatus.SUCCESS]
        if not won:
            raise MissingOutput(_at(levels, arm) for arm in node.arms)
        newest = self._newest(won)
        winner = min(
            won,
            key=lambda record: (
                not record.is_given,
                record.run_id != newest,
                record.last_sequence,
            ),
        )
        return _output(winner, winner.address)

    def _newest(self, records: list[Record]) -> str:
        """
        The run nearest in the lineage among the owners of these records.
        """
        owners = {record.run_id for record in records}
        return next(link.run_id for link in self._view.link if link.run_id in owners)


def elements(array: Payload) -> list[bytes]:
    """
    The items of an array, as they stand in its text.

    Raises:
        InvalidInput: It is not an array.
    """
    try:
        return jsontext.elements(array.json)
    except JsonError as error:
        field = "input_data"
        raise InvalidInput(field, str(error)) from error


def join(members: Iterable[tuple[str, Payload]]) -> Payload:
    """
    The output of a block: an object keyed by arm, in graph order.
    """
    return Payload(jsontext.join_object((arm, value.json) for arm, value in members))


def _at(levels: tuple[Level, ...], node: NodeShape) -> str:
    base = levels[-1].base
    return f"{base}.{node.id}" if base else node.id or ""


def _back(levels: tuple[Level, ...]) -> tuple[Level, ...]:
    """
    The same levels, but ending one node earlier in the sequence.
    """
    last = levels[-1]
    node = last.graph.nodes[last.position - 1]
    return (*levels[:-1], Level(last.base, last.graph, last.position - 1, node, node, None))


def _output(record: Record | None, address: str) -> Payload:
    if record is None or record.status is not StepStatus.SUCCESS:
        raise MissingOutput([address])
    return record.output if record.output is not None else NULL


def _passed(record: Record | None, address: str, kind: NodeKind) -> Payload:
    """
    What flows on behind a tap or a when.
    """
    if record is None:
        raise MissingOutput([address])
    is_tap = kind is NodeKind.TAP
    flows_on = record.is_given or (record.status is StepStatus.SUCCESS and not is_tap)
    if flows_on:
        return _output(record, address)
    passes = record.status is StepStatus.SKIPPED or (
        is_tap and record.status in (StepStatus.SUCCESS, StepStatus.FAILED)
    )
    if not passes or record.input is None:
        raise MissingOutput([address])
    return record.input


def _has_record(record: Record | None) -> bool:
    return record is not None and record.status is not StepStatus.NOT_RUN


def _is_left_out(record: Record | None) -> bool:
    return record is None or record.status in (StepStatus.SKIPPED, StepStatus.NOT_RUN)
