"""
Stand-ins for what tests must have in their hands: time, ids, and a store that gets into trouble.

They obey the contracts of what they stand for, so the code under test cannot tell.
"""

import asyncio
import heapq
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from dalsegno.model.clock import SECOND_US
from dalsegno.store.contract import Append, Store

NOON_US = 1_767_268_800 * SECOND_US  # 2026-01-01 12:00 UTC

_QUIET_TURNS = 40  # of the event loop; the longest chain of callbacks in the engine is far shorter


class JumpingClock:
    """
    Time that stands still while anything goes on, and else jumps to the next sleeper's due time.

    Something goes on while the event loop has callbacks, or someone is inside `still`. A body that
    waits for its test does not count.
    """

    def __init__(self, now_us: int = NOON_US) -> None:
        self._now_us = now_us
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._holds = 0
        self._is_watching = False

    def now_us(self) -> int:
        return self._now_us

    async def sleep_until(self, due_us: int) -> None:
        if due_us <= self._now_us:
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (due_us, next(self._numbers), woken))
        self._watch()
        await woken

    @contextmanager
    def still(self) -> Iterator[None]:
        """
        Time does not move inside.
        """
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            self._watch()

    def advance(self, by_us: int) -> None:
        """
        Move time by hand; sleepers that are due by then wake.
        """
        self._now_us += by_us
        self._wake()

    def _watch(self) -> None:
        if self._sleepers and not self._is_watching:
            self._is_watching = True
            asyncio.get_running_loop().call_soon(self._look, _QUIET_TURNS)

    def _look(self, turns: int) -> None:
        if self._holds:
            self._is_watching = False
        elif turns:
            asyncio.get_running_loop().call_soon(self._look, turns - 1)
        else:
            self._is_watching = False
            self._jump()

    def _jump(self) -> None:
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        if self._sleepers:
            self._now_us = max(self._now_us, self._sleepers[0][0])
            self._wake()

    def _wake(self) -> None:
        while self._sleepers and self._sleepers[0][0] <= self._now_us:
            _, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
        self._watch()


class TroubledStore:
    """
    Passes every call on to a real store, but for the appends that a test has other plans for.

    Attributes:
        calls: How often each method was called.
        appends: What was handed over, in order.
        on_append: Called after each append that was written, before its caller knows.
    """

    def __init__(self, store: Store, clock: JumpingClock) -> None:
        self._store = store
        self._clock = clock
        self._failing: dict[int, tuple[Exception, bool]] = {}
        self._held: dict[int, asyncio.Event] = {}
        self._answers: dict[str, asyncio.Event] = {}
        self._entrance = asyncio.Lock()
        self.calls: Counter[str] = Counter()
        self.appends: list[Append] = []
        self.on_append: Callable[[Append], None] = lambda _: None

    @property
    def as_store(self) -> Store:
        return cast("Store", self)

    def fail_append(self, number: int, error: Exception, *, is_kept: bool = False) -> None:
        """
        Let an append fail.

        Args:
            number: The next append is 1.
            is_kept: It is written all the same: its answer is what gets lost.
        """
        self._failing[len(self.appends) + number] = error, is_kept

    def hold_append(self, number: int) -> asyncio.Event:
        """
        Let an append wait until the event returned is set; the next append is 1.
        """
        return self._held.setdefault(len(self.appends) + number, asyncio.Event())

    def hold_answer(self, method: str, *, until: asyncio.Event | None = None) -> asyncio.Event:
        """
        Let the next answer of a reading method wait until an event, the one returned, is set: it
        is old by then.
        """
        return self._answers.setdefault(method, until or asyncio.Event())

    def has_held(self, method: str) -> bool:
        """
        Whether the answer that was to be held has been asked for.
        """
        return method not in self._answers

    async def append(self, append: Append) -> None:
        self.appends.append(append)
        self.calls["append"] += 1
        number = len(self.appends)
        error, is_kept = self._failing.pop(number, (None, True))
        async with self._entrance:  # those behind one that is held must not overtake it
            if number in self._held:
                await self._held.pop(number).wait()
            write = asyncio.ensure_future(self._written(append)) if is_kept else None
        if write is not None:
            await write
        if error is not None:
            raise error

    async def _written(self, append: Append) -> None:
        with self._clock.still():
            await self._store.append(append)
        self.on_append(append)

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._store, name)

        async def passed_on(*args: Any, **kwargs: Any) -> Any:
            self.calls[name] += 1
            held = self._answers.pop(name, None)
            with self._clock.still():
                answer = await method(*args, **kwargs)
            if held is not None:
                await held.wait()
            return answer

        return passed_on


def counted_ids(prefix: str = "run") -> Callable[[], str]:
    """
    A maker of ids: run-1, run-2 and so on.
    """
    numbers = itertools.count(1)
    return lambda: f"{prefix}-{next(numbers)}"
