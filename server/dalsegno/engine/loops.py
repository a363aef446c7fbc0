"""
Walking what repeats: loops and foreach.
"""

from collections import deque

from dalsegno.engine.blocks import LeafWalker
from dalsegno.engine.body import error_of, holds
from dalsegno.engine.outcome import (
    Bailed,
    Canceled,
    Done,
    Failed,
    Outcome,
    Paused,
    Suspended,
    decisive,
)
from dalsegno.engine.strands import Strands
from dalsegno.engine.walk import Entry, Walk
from dalsegno.model import address as addresses
from dalsegno.model import jsontext
from dalsegno.model.event import EventType
from dalsegno.model.jsontext import JsonError
from dalsegno.model.payload import Payload
from dalsegno.model.record import Error, NodeKind
from dalsegno.workflow.graph import ForeachNode, LoopNode


async def walk_loop(
    walk: Walk,
    node: LoopNode,
    address: str,
    base: str,
    value: Payload,
    entry: Entry | None,
    walk_leaf: LeafWalker,
) -> Outcome:
    """
    Walk a loop: the body, then the condition on its output, and again.

    Args:
        value: The loop's input; one that is entered at an iteration takes that one's own.
    """
    index = 0
    if entry is not None and not entry.is_fresh and address in entry.addresses:
        entry = await _last_iteration(walk, address)
    if entry is not None and not entry.begins_at(address):
        index = max(addresses.index_under(at, address) or 0 for at in entry.addresses)
        value = await _entered_at(walk, addresses.at_index(address, index), entry)
        if address in walk.asks_first:
            walk.asks_first.discard(address)
            again = await _goes_on(node, value)
            if again is not True:
                return again or Done(value)
    else:
        entry = None
    while True:
        if node.max_iterations is not None and index >= node.max_iterations:
            problem = f"the loop did not end within {node.max_iterations} iterations"
            return Failed(Error("MaxIterationsExceeded", problem, is_retryable=False))
        iteration = addresses.at_index(address, index)
        outcome = await walk_leaf(walk, node.body, iteration, base, value, entry)
        if not isinstance(outcome, Done):
            return outcome
        value = outcome.value
        entry = None
        walk.stepped(address)
        again = await _goes_on(node, value)
        if again is not True:
            return again or Done(value)
        index += 1
        if walk.is_pausing:
            walk.paused_at.append(addresses.at_index(address, index))
            return Paused()


async def _last_iteration(walk: Walk, address: str) -> Entry | None:
    """
    Where a loop is entered whose server died between two iterations; None for its beginning.
    """
    last = await walk.history.last_iteration(address)
    if last is None:
        return None
    iteration = addresses.at_index(address, last)
    record = await walk.history.record(iteration)
    if walk.ended(record, None) is None:
        return Entry((iteration,))
    walk.asks_first.add(address)
    return Entry((addresses.at_index(address, last + 1),), is_fresh=True)


async def _entered_at(walk: Walk, iteration: str, entry: Entry) -> Payload:
    own = await walk.history.own(iteration)
    if own is not None and own.input is not None:
        return own.input
    if entry.begins_at(iteration) and entry.given is not None:
        return entry.given
    levels = walk.place(iteration).levels
    if entry.begins_at(iteration):
        return await walk.inputs.next_node(levels)
    return await walk.inputs.iteration(levels)


async def _goes_on(node: LoopNode, output: Payload) -> bool | Failed:
    """
    Whether another iteration follows; a condition that raises fails the loop.
    """
    try:
        answer = await holds(node.condition, output.json)
    except Exception as error:  # noqa: BLE001 - user code; its failure is the loop's
        return Failed(error_of(error))
    return answer if node.kind is NodeKind.DO_WHILE else not answer


async def walk_foreach(
    walk: Walk,
    node: ForeachNode,
    address: str,
    base: str,
    value: Payload,
    entry: Entry | None,
    walk_leaf: LeafWalker,
) -> Outcome:
    """
    Walk the body for every item of an array that has not ended yet.
    """
    try:
        items = jsontext.elements(value.json)
    except JsonError as error:
        return Failed(Error("TypeMismatch", str(error), is_retryable=False))
    return await _Foreach(walk, node, address, base, items, entry, walk_leaf).outcome()


class _Foreach:
    """
    The items of one foreach on their way.
    """

    def __init__(
        self,
        walk: Walk,
        node: ForeachNode,
        address: str,
        base: str,
        items: list[bytes],
        entry: Entry | None,
        walk_leaf: LeafWalker,
    ) -> None:
        self._walk = walk
        self._node = node
        self._address = address
        self._base = base
        self._items = items
        self._entry = entry
        self._walk_leaf = walk_leaf
        self._outcomes: dict[int, Outcome] = {}
        self._queue: deque[int] = deque()
        self._done = 0

    async def outcome(self) -> Outcome:
        await self._know()
        self._line_up()
        if self._node.concurrency == 1 and not self._has_suspended():
            await self._one_by_one()
        else:
            await self._side_by_side()
        in_order = [self._outcomes[index] for index in sorted(self._outcomes)]
        deciding = decisive(in_order)
        if deciding is not None:
            return deciding
        values = [outcome.value.json for outcome in in_order if isinstance(outcome, Done)]
        return self._walk.computed(Payload(jsontext.join_array(values)))

    async def _know(self) -> None:
        """
        Which items ended before this walk.
        """
        entry = self._entry
        if entry is None or entry.begins_at(self._address):
            self._entry = None
            return
        for index, record in (await self._walk.history.iterations(self._address)).items():
            under = entry.under(self._at(index))
            if index >= len(self._items) or (under and under.begins_at(self._at(index))):
                continue
            ended = self._walk.ended(record, under)
            if ended is not None:
                self._outcomes[index] = ended
        self._done = sum(isinstance(ended, Done | Bailed) for ended in self._outcomes.values())

    def _line_up(self) -> None:
        """
        Items that are to be walked: those that are entered, then the others in order.
        """
        left = [index for index in range(len(self._items)) if index not in self._outcomes]
        entered = [index for index in left if self._under(index) is not None]
        self._queue.extend(entered)
        self._queue.extend(index for index in left if self._under(index) is None)

    def _has_suspended(self) -> bool:
        return any(isinstance(outcome, Suspended) for outcome in self._outcomes.values())

    def _at(self, index: int) -> str:
        return addresses.at_index(self._address, index)

    def _next(self) -> int | None:
        """
        The next item to begin or go on. A failure or a pause keeps those from it that have not
        begun; those in flight end.
        """
        if not self._queue:
            return None
        under = self._under(self._queue[0])
        is_in_flight = under is not None and not under.begins_at(self._at(self._queue[0]))
        ended = self._outcomes.values()
        is_over = any(isinstance(outcome, Failed | Bailed | Canceled | Paused) for outcome in ended)
        if is_over and not is_in_flight:
            return None
        index = self._queue.popleft()
        if self._walk.is_pausing and under is None:
            self._walk.paused_at.append(self._at(index))
            self._outcomes[index] = Paused()
            return None
        return index

    async def _one_by_one(self) -> None:
        while (index := self._next()) is not None:
            outcome = await self._item(self._at(index), self._under(index))
            self._settled(index, outcome)
            if not isinstance(outcome, Done):
                return

    async def _side_by_side(self) -> None:
        held = [index for index, ended in self._outcomes.items() if isinstance(ended, Suspended)]
        async with Strands(self._walk, self._item) as strands:
            for index in held:
                strands.hold(self._at(index))
            while True:
                self._fill(strands)
                if not strands.running:
                    return
                address, outcome = await strands.next()
                self._settled(self._index(address), outcome)
                if isinstance(outcome, Canceled):
                    return

    def _fill(self, strands: Strands) -> None:
        """
        Begin items while there is room; a suspended item keeps its place.
        """
        while strands.running + strands.suspended < self._node.concurrency:
            index = self._next()
            if index is None:
                return
            strands.start(self._at(index), self._under(index))

    def _index(self, address: str) -> int:
        index = addresses.index_under(address, self._address)
        assert index is not None
        return index

    def _under(self, index: int) -> Entry | None:
        return self._entry.under(self._at(index)) if self._entry is not None else None

    async def _item(self, address: str, entry: Entry | None) -> Outcome:
        value = Payload(self._items[self._index(address)])
        if entry is not None and entry.begins_at(address) and entry.given is not None:
            value = entry.given
        return await self._walk_leaf(self._walk, self._node.body, address, self._base, value, entry)

    def _settled(self, index: int, outcome: Outcome) -> None:
        self._outcomes[index] = outcome
        if not isinstance(outcome, Done | Bailed):
            return
        self._done += 1
        self._walk.live.tell(
            EventType.STEP_PROGRESS, self._address, done=self._done, total=len(self._items)
        )
        self._walk.stepped(self._address)
