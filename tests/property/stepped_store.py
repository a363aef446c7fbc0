"""
A real store whose every answer takes a known number of turns of the event loop.

The store lives on a thread with a loop of its own. Whoever calls it here blocks until it has
answered, and then lets turns go by as if it had waited: so a run depends on its seed alone and
not on how fast a disk is, and each seed is another order of events.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Self, TypeVar, cast

from dalsegno.store.contract import Append, Store
from tests.fakes import JumpingClock

T = TypeVar("T")

_PATIENCE_S = 30  # for one answer of the database


class StoreThread:
    """
    A thread with an event loop for stores. Used as a context manager.
    """

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="store", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """
        What a coroutine returns, awaited on the thread; the caller blocks.
        """
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_PATIENCE_S)


class SteppedStore:
    """
    Obeys the store's contract for one server, and dies with it.

    Attributes:
        written: Called with each append once it is on disk.
        is_dead: The server has died: nothing is written any more, and nothing answers.

    Args:
        turns: How many turns of the loop the next wait takes.
    """

    def __init__(
        self,
        store: Store,
        thread: StoreThread,
        clock: JumpingClock,
        turns: Callable[[], int],
        written: Callable[[Append], None],
    ) -> None:
        self._store = store
        self._thread = thread
        self._clock = clock
        self._turns = turns
        self._entrance = asyncio.Lock()  # those behind a slow one must not overtake it
        self._appends_left: int | None = None
        self._keeps_last = False
        self.written = written
        self.is_dead = False

    @property
    def as_store(self) -> Store:
        return cast("Store", self)

    def die_at(self, appends: int | None, *, is_kept: bool = False) -> None:
        """
        Die at an append: the next is 1; None for never.

        Args:
            is_kept: That append is still written, but nobody is told.
        """
        self._appends_left = appends
        self._keeps_last = is_kept

    async def append(self, append: Append) -> None:
        with self._clock.still():
            async with self._entrance:
                await self._wait()
                is_last = self._is_last()
                if not is_last or self._keeps_last:
                    self._thread.call(self._written_there(append))
                    self.written(append)
                self.is_dead = is_last
                await self._wait()

    async def _written_there(self, append: Append) -> None:
        await self._store.append(append)  # asked for on the thread, whose loop its future is of

    def _is_last(self) -> bool:
        if self._appends_left is not None:
            self._appends_left -= 1
        return self._appends_left == 0

    async def _wait(self) -> None:
        if not self.is_dead:
            for _ in range(self._turns()):
                await asyncio.sleep(0)
        if self.is_dead:
            await asyncio.get_running_loop().create_future()

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._store, name)

        async def passed_on(*args: Any, **kwargs: Any) -> Any:
            with self._clock.still():
                await self._wait()
                answer = self._thread.call(method(*args, **kwargs))
                await self._wait()
                return answer

        return passed_on
