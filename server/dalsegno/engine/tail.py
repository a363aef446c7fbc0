"""
The end of a run's log, for those who follow it as it grows.
"""

import asyncio
from collections.abc import Sequence
from types import TracebackType

from dalsegno.engine.silence import Line
from dalsegno.model.event import Event
from dalsegno.model.run import Run

WINDOW = 256  # events kept for each watched run

# Bytes of payloads in a window of several events. A watcher that stands still holds what was a
# window: this, times the watchers, is what they cost.
WINDOW_BYTES = 1024 * 1024


class Shared(list[Event]):
    """
    Events of a window: other watchers of the run are told of the very same objects.
    """


class Tail:
    """
    The newest events of one run that somebody watches or waits for.

    There may be as many as there are watchers, so it is kept small.

    Attributes:
        users: Who watches, and who waits for it to rest.
        watchers: Those of them who watch: for them alone events are kept.
        run: As it was when it moved last; None if that is not known.
        moves: Counts how often it has moved.
    """

    __slots__ = ("_size", "_waiting", "is_deleted", "moves", "run", "users", "watchers", "window")

    def __init__(self) -> None:
        self.users = 0
        self.watchers = 0
        self.run: Run | None = None
        self.is_deleted = False
        self.moves = 0
        self.window: list[Event] = []
        self._size = 0
        # Who waits, and whether that is for the run to rest.
        self._waiting: dict[asyncio.Future[bool], bool] = {}

    def add(self, run: Run, events: Sequence[Event]) -> None:
        """
        The run has moved.
        """
        self.run = run
        if self.watchers:
            self._keep(events)
        self._wake(is_at_rest=run.status.is_at_rest)

    def _keep(self, events: Sequence[Event]) -> None:
        window = self.window
        if events and window and events[0].sequence != window[-1].sequence + 1:
            self.forget()
        for event in events:
            window.append(event)
            self._size += event.size
        # The newest stays however large it is: those who keep up share it.
        gone = 0
        while len(window) - gone > 1 and (len(window) - gone > WINDOW or self._size > WINDOW_BYTES):
            self._size -= window[gone].size
            gone += 1
        del window[:gone]

    def forget(self) -> None:
        """
        Have the watchers read the log: there may be events that nobody told of here.
        """
        self.window.clear()
        self._size = 0

    def after(self, sequence: int) -> Shared | None:
        """
        The events after a sequence; None if the window does not reach back so far.
        """
        if not self.window or self.window[0].sequence > sequence + 1:
            return None
        return Shared(self.window[sequence + 1 - self.window[0].sequence :])

    def wake(self) -> None:
        """
        Wake everybody who waits now.
        """
        self._wake(is_at_rest=True)

    def _wake(self, *, is_at_rest: bool) -> None:
        self.moves += 1
        for waiting, is_for_rest in self._waiting.items():
            if (is_at_rest or not is_for_rest) and not waiting.done():
                waiting.set_result(True)

    async def moved(self, line: Line) -> bool:
        """
        Wait for the next move; False if there is none in the time that the line is for.
        """
        waiting = asyncio.get_running_loop().create_future()
        line.add(waiting)
        try:
            return await self._woken(waiting, is_for_rest=False)
        finally:
            line.remove(waiting)

    async def rested(self) -> None:
        """
        Wait until the run is told to be at rest, or everybody is woken.
        """
        await self._woken(asyncio.get_running_loop().create_future(), is_for_rest=True)

    async def _woken(self, waiting: asyncio.Future[bool], *, is_for_rest: bool) -> bool:
        self._waiting[waiting] = is_for_rest
        try:
            return await waiting
        finally:
            del self._waiting[waiting]


class Use:
    """
    The use of a run's tail, which is there as long as somebody uses it.

    Args:
        watches: Whether its newest events are to be kept meanwhile.
    """

    __slots__ = ("_run_id", "_tails", "_watches")

    def __init__(self, tails: dict[str, Tail], run_id: str, *, watches: bool) -> None:
        self._tails = tails
        self._run_id = run_id
        self._watches = watches

    def __enter__(self) -> Tail:
        tail = self._tails.get(self._run_id)
        if tail is None:
            tail = self._tails[self._run_id] = Tail()
        tail.users += 1
        tail.watchers += self._watches
        return tail

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        tail = self._tails[self._run_id]
        tail.users -= 1
        tail.watchers -= self._watches
        if tail.watchers == 0:
            tail.forget()
        if tail.users == 0:
            del self._tails[self._run_id]
