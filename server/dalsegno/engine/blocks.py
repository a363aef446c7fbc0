"""
Walking blocks: parallel, race and branch.
"""

from collections.abc import Awaitable, Callable

from dalsegno.engine.body import error_of, holds
from dalsegno.engine.inputs import join
from dalsegno.engine.outcome import Canceled, Done, Failed, Outcome, Paused, Suspended, decisive
from dalsegno.engine.strands import Strands, Walker
from dalsegno.engine.walk import Entry, Walk
from dalsegno.model import address as addresses
from dalsegno.model.payload import Payload
from dalsegno.model.record import Error, NodeKind, StepStatus
from dalsegno.workflow.graph import BranchNode, Leaf, ParallelNode, WhenNode

LeafWalker = Callable[[Walk, Leaf, str, str, Payload, Entry | None], Awaitable[Outcome]]


async def walk_parallel(
    walk: Walk,
    node: ParallelNode,
    base: str,
    value: Payload,
    entry: Entry | None,
    walk_leaf: LeafWalker,
) -> Outcome:
    """
    Walk all arms on one input; all settle before the block does.
    """
    block = _Block(walk, base, value, entry, walk_leaf)
    if node.kind is NodeKind.RACE:
        return await block.race(node.arms)
    return block.joined(node.arms, await block.settle(node.arms))


async def walk_branch(
    walk: Walk,
    node: BranchNode,
    base: str,
    position: int,
    value: Payload,
    entry: Entry | None,
    walk_leaf: LeafWalker,
) -> Outcome:
    """
    Walk every arm whose condition holds. Conditions are asked once, before any arm starts.
    """
    taken = walk.taken.pop((base, position), None)
    if taken is None and entry is not None:
        taken = await _taken_before(walk, node, base)
    if taken is None:
        taken = await ask(node, value)
    if isinstance(taken, Error):
        return Failed(taken)
    for arm in node.arms:
        if arm.id not in taken and not await _is_skipped(walk, addresses.join(base, arm.id), entry):
            walk.skip(addresses.join(base, arm.id), arm.kind, value)
    arms = tuple(arm for arm in node.arms if arm.id in taken)
    block = _Block(walk, base, value, entry, walk_leaf)
    return block.joined(arms, await block.settle(arms))


async def ask(node: BranchNode, value: Payload) -> frozenset[str] | Error:
    """
    Which arms of a branch are taken for an input, or what a condition raised.
    """
    taken = set()
    for arm, condition in zip(node.arms, node.conditions, strict=True):
        try:
            if await holds(condition, value.json):
                taken.add(arm.id)
        except Exception as error:  # noqa: BLE001 - user code; its failure is the run's
            return error_of(error)
    return frozenset(taken)


async def ask_when(node: WhenNode, value: Payload) -> frozenset[str] | Error:
    """
    Whether the body of a when is taken for an input: its id or nothing, or what was raised.
    """
    try:
        is_taken = await holds(node.condition, value.json)
    except Exception as error:  # noqa: BLE001 - user code; its failure is the run's
        return error_of(error)
    return frozenset({node.id} if is_taken else ())


async def _taken_before(walk: Walk, node: BranchNode, base: str) -> frozenset[str] | None:
    """
    Which arms were taken when the branch began; None if it has not begun in this run.

    Arms that are not taken are recorded before any arm starts, so one without a record is taken.
    """
    records = {arm.id: await walk.history.own(addresses.join(base, arm.id)) for arm in node.arms}
    if all(record is None or record.is_given for record in records.values()):
        return None
    return frozenset(
        arm_id
        for arm_id, record in records.items()
        if record is None or record.status is not StepStatus.SKIPPED
    )


async def _is_skipped(walk: Walk, address: str, entry: Entry | None) -> bool:
    own = await walk.history.own(address) if entry is not None else None
    return own is not None and own.status is StepStatus.SKIPPED


class _Block:
    """
    The arms of one block on their way.
    """

    def __init__(
        self,
        walk: Walk,
        base: str,
        value: Payload,
        entry: Entry | None,
        walk_leaf: LeafWalker,
    ) -> None:
        self._walk = walk
        self._base = base
        self._value = value
        self._entry = entry
        self._walk_leaf = walk_leaf

    def _at(self, arm: Leaf) -> str:
        return addresses.join(self._base, arm.id)

    async def settle(self, arms: tuple[Leaf, ...]) -> dict[str, Outcome]:
        """
        How each arm has ended, by address.
        """
        outcomes, walked = await self._known(arms)
        has_held = any(isinstance(outcome, Suspended) for outcome in outcomes.values())
        if len(walked) == 1 and not has_held:
            (arm,) = walked
            return {**outcomes, arm: await self._walk_arm(arms, arm, self._under(arm))}
        async with Strands(self._walk, self._walker(arms)) as strands:
            for address, outcome in outcomes.items():
                if isinstance(outcome, Suspended):
                    strands.hold(address)
            for address in walked:
                strands.start(address, self._under(address))
            while strands.running:
                address, outcome = await strands.next()
                outcomes[address] = outcome
                if isinstance(outcome, Canceled):
                    await self._stop(strands, walked)
                    break
        return outcomes

    async def race(self, arms: tuple[Leaf, ...]) -> Outcome:
        """
        The first arm to succeed decides; the others are canceled.
        """
        outcomes, walked = await self._known(arms, is_race=True)
        reused = {at: outcome for at, outcome in outcomes.items() if isinstance(outcome, Done)}
        async with Strands(self._walk, self._walker(arms)) as strands:
            for address, outcome in outcomes.items():
                if isinstance(outcome, Suspended):
                    strands.hold(address)
            for address in walked:
                strands.start(address, self._under(address))
            while strands.running:
                address, outcome = await strands.next()
                outcomes[address] = outcome
                if isinstance(outcome, Done | Canceled):
                    await self._stop(strands, [at for at in outcomes if at != address] + walked)
                    return outcome
        if reused:
            return next(reused[self._at(arm)] for arm in arms if self._at(arm) in reused)
        others = [outcomes[self._at(arm)] for arm in arms]
        return decisive(others) or Failed(Error("RaceFailed", "no arm of the race succeeded"))

    async def _known(
        self, arms: tuple[Leaf, ...], *, is_race: bool = False
    ) -> tuple[dict[str, Outcome], list[str]]:
        """
        Arms that ended before this walk, and the addresses of those that are to be walked.
        """
        outcomes: dict[str, Outcome] = {}
        walked = []
        for arm in arms:
            address = self._at(arm)
            known = None
            if self._entry is not None:
                known = await self._walk.settled(address, self._under(address))
            if known is not None:
                outcomes[address] = known
            elif not is_race and self._is_left_for_later(address):
                self._walk.paused_at.append(address)
                outcomes[address] = Paused()
            else:
                walked.append(address)
        return outcomes, walked

    def _is_left_for_later(self, address: str) -> bool:
        """
        Stepping into a block by a travel executes its target alone.
        """
        is_stepping_in = self._walk.live.run.is_stepping_in and self._entry is not None
        return is_stepping_in and self._under(address) is None

    def _under(self, address: str) -> Entry | None:
        return self._entry.under(address) if self._entry is not None else None

    def _walker(self, arms: tuple[Leaf, ...]) -> Walker:
        async def walk_arm(address: str, entry: Entry | None) -> Outcome:
            return await self._walk_arm(arms, address, entry)

        return walk_arm

    async def _walk_arm(self, arms: tuple[Leaf, ...], address: str, entry: Entry | None) -> Outcome:
        arm = next(arm for arm in arms if self._at(arm) == address)
        value = self._value
        if entry is not None and entry.begins_at(address) and entry.given is not None:
            value = entry.given
        return await self._walk_leaf(self._walk, arm, address, self._base, value, entry)

    async def _stop(self, strands: Strands, others: list[str]) -> None:
        await strands.cancel(*others)
        for address in others:
            await self._walk.cancel_inside(address)

    def joined(self, arms: tuple[Leaf, ...], outcomes: dict[str, Outcome]) -> Outcome:
        """
        Outcome of a block whose arms have all settled.
        """
        in_order = [outcomes[self._at(arm)] for arm in arms if self._at(arm) in outcomes]
        deciding = decisive(in_order)
        if deciding is not None:
            return deciding
        done = [(arm.id, outcomes[self._at(arm)]) for arm in arms]
        members = [(arm_id, outcome.value) for arm_id, outcome in done if isinstance(outcome, Done)]
        return self._walk.computed(join(members))
