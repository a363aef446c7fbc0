"""
Time-outs of many who wait equally long.
"""

import asyncio


class Silence:
    """
    Tells those for whom nothing has happened for a while.

    A timer for each of ten thousand watchers took a kilobyte of each. Here those who wait equally
    long stand in a line, and there is one timer, for the first in it.
    """

    def __init__(self) -> None:
        self._lines: dict[float, Line] = {}

    def line(self, after_s: float) -> "Line":
        """
        Where to wait for so long. There are as many lines as there are different times.
        """
        line = self._lines.get(after_s)
        if line is None:
            line = self._lines[after_s] = Line(after_s)
        return line


class Line:
    """
    Those who wait for the same time, in the order in which it will be over.
    """

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._waiting: dict[asyncio.Future[bool], float] = {}  # and until when, the first first
        self._timer: asyncio.TimerHandle | None = None

    def add(self, waiting: asyncio.Future[bool]) -> None:
        """
        Set the future to False in time, unless it is removed before.
        """
        loop = waiting.get_loop()
        self._waiting[waiting] = loop.time() + self._after_s
        if self._timer is None:
            self._timer = loop.call_later(self._after_s, self._look, loop)

    def remove(self, waiting: asyncio.Future[bool]) -> None:
        self._waiting.pop(waiting, None)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now_s = loop.time()
        due = []
        for waiting, due_s in self._waiting.items():
            if due_s > now_s:
                self._timer = loop.call_at(due_s, self._look, loop)
                break
            due.append(waiting)
        for waiting in due:
            del self._waiting[waiting]
            if not waiting.done():
                waiting.set_result(False)
