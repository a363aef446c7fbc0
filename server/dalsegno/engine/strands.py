"""
Arms and items under way side by side.
"""

import asyncio
import functools
from collections import deque
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

from dalsegno.engine.outcome import Outcome, Suspended
from dalsegno.engine.walk import Entry, Walk
from dalsegno.model import address as addresses

Walker = Callable[[str, Entry | None], Coroutine[Any, Any, Outcome]]


class Strands:
    """
    Runs the arms of one block, or the items of one foreach, each as a task of its own.

    A suspended arm has settled; when it is resumed while others still run, it is walked again
    from its record, as a run that was put down would be. Used as a context manager: whatever
    still runs when the block is left is canceled and awaited.

    Args:
        walker: Walks the arm or item at an address.
    """

    def __init__(self, walk: Walk, walker: Walker) -> None:
        self._walk = walk
        self._walker = walker
        self._tasks: dict[str, asyncio.Task[Outcome]] = {}
        self._settled: deque[tuple[str, asyncio.Task[Outcome]]] = deque()
        self._suspended: set[str] = set()
        self._wake = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._walk.blocks.append(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._walk.blocks.remove(self)
        self._suspended.clear()
        await self.cancel(*self._tasks)

    @property
    def running(self) -> int:
        """
        How many have not been taken by `next` yet.
        """
        return len(self._tasks)

    @property
    def suspended(self) -> int:
        """
        How many have settled as suspended and may be resumed.
        """
        return len(self._suspended)

    def start(self, address: str, entry: Entry | None) -> None:
        """
        Begin to walk an arm or item.
        """
        task = asyncio.get_running_loop().create_task(self._walker(address, entry))
        self._tasks[address] = task
        self._walk.live.busy()
        task.add_done_callback(functools.partial(self._on_settled, address))

    def holds(self, address: str) -> bool:
        """
        Whether an address lies in an arm that has settled as suspended.
        """
        return self._arm_of(address) is not None

    def resume(self, address: str) -> None:
        """
        Walk again the suspended arm that an address lies in.
        """
        arm = self._arm_of(address)
        assert arm is not None
        self._suspended.discard(arm)
        self.start(arm, Entry((address,)))

    def hold(self, address: str) -> None:
        """
        An arm was suspended before this walk; it may be resumed while others run.
        """
        self._suspended.add(address)
        self._walk.moved.set()

    async def next(self) -> tuple[str, Outcome]:
        """
        The next arm to settle, and how. At least one must be running.

        Raises:
            Exception: What the walk of the arm raised: it could not be recorded.
        """
        if not self._settled:
            self._walk.live.idle()
            try:
                await self._until_settled()
            finally:
                self._walk.live.busy()
        address, task = self._settled.popleft()
        del self._tasks[address]
        outcome = task.result()
        self._walk.live.ended()
        if isinstance(outcome, Suspended):
            self.hold(address)
        if self._tasks:
            self._walk.live.commit_soon()
        return address, outcome

    async def cancel(self, *arms: str) -> None:
        """
        Stop walking these arms, and wait until their bodies have cleaned up.
        """
        tasks = {arm: self._tasks.pop(arm) for arm in arms if arm in self._tasks}
        self._settled = deque(item for item in self._settled if item[0] not in tasks)
        for task in tasks.values():
            task.cancel()
        if tasks:
            await asyncio.wait(tasks.values())
        for task in tasks.values():
            self._walk.live.ended()
            if not task.cancelled():
                task.exception()

    def _arm_of(self, address: str) -> str | None:
        inside = (arm for arm in self._suspended if addresses.is_at_or_inside(address, arm))
        return next(inside, None)

    async def _until_settled(self) -> None:
        while not self._settled:
            self._wake.clear()
            await self._wake.wait()

    def _on_settled(self, address: str, task: asyncio.Task[Outcome]) -> None:
        if self._tasks.get(address) is task:
            self._settled.append((address, task))
            self._wake.set()
