"""
The watchdog: measures how late the event loop answers, and names what keeps it.
"""

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable
from inspect import unwrap
from types import FrameType, TracebackType
from typing import Any, Self

from dalsegno.engine.body import Bodies

_log = logging.getLogger(__name__)

# Of the time that is too long: between two questions to the loop, and between two looks at it
# while it does not answer. 20 questions a second at 200 ms take 0.1 % of a core.
_LOOKS = 4

# A loop that has much to do is in another task at each look, and none of them is to blame. Also,
# a process that was stopped begins to be looked at only when it goes on.
_LOOKS_AT_SAME = 3

# Between two lines about lag; a line in between would not tell more.
_QUIET_S = 10.0


class Watchdog:
    """
    Asks the event loop of the current thread all the time, from a thread, for as long as the
    block lasts.

    Logs the lag when it was too long, at most every 10 s, and once per stall, *while* it lasts,
    where the loop is: run, workflow, address and line of the body that keeps it. A body that holds
    the interpreter as well (in C code that does not let go) is only told by the lag.

    Args:
        bodies: Of the engine.
        lag_s: How much is too long.
        now_s: A clock that nobody can set.
    """

    def __init__(
        self,
        bodies: Bodies,
        *,
        lag_s: float,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bodies = bodies
        self._lag_s = lag_s
        self._look_s = lag_s / _LOOKS
        self._now_s = now_s
        self._is_over = threading.Event()
        self._has_answered = threading.Event()
        self._late = 0
        self._worst_s = 0.0
        self._told_s = -_QUIET_S

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._has_answered.set()  # the loop cannot: it waits here
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.is_set():
            lag_s = self._ask()
            if lag_s > self._lag_s:
                self._late += 1
                self._worst_s = max(self._worst_s, lag_s)
            self._tell()
            self._is_over.wait(self._look_s)

    def _ask(self) -> float:
        """
        Wait until the loop answers; how long that took.
        """
        has_answered = self._has_answered = threading.Event()
        answered_s = 0.0

        def answer() -> None:
            nonlocal answered_s
            answered_s = self._now_s()
            has_answered.set()

        asked_s = self._now_s()
        self._loop.call_soon_threadsafe(answer)
        suspect: asyncio.Task[Any] | None = None
        looks = 0
        is_told = False
        while not self._is_over.is_set() and not has_answered.wait(self._look_s):
            task = asyncio.current_task(self._loop)
            looks = looks + 1 if task is suspect else 1
            suspect = task
            blocked_s = self._now_s() - asked_s
            is_stalled = blocked_s >= self._lag_s and looks >= _LOOKS_AT_SAME
            if is_stalled and task is not None and not is_told:
                is_told = True
                self._name(task, blocked_s)
        return answered_s - asked_s if answered_s else 0.0

    def _name(self, task: asyncio.Task[Any], blocked_s: float) -> None:
        """
        Tell which task keeps the loop. Nothing of what it works on is told.
        """
        frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001 - public by its docs
        place = self._bodies.of(task)
        at = _innermost(frame, place.body) if place is not None else None
        facts: dict[str, Any] = {"blocked_ms": round(blocked_s * 1000)}
        if place is None or at is None:
            # A thread that computes may also keep the interpreter from a task that only wants on.
            facts |= {"task": task.get_name(), "at": _line(frame)}
            facts |= {"functions": self._bodies.functions}
            _log.warning(
                "the event loop does not get on, in a task that is in no body", extra=facts
            )
            return
        facts |= {
            "run_id": place.run_id,
            "workflow_id": place.workflow_id,
            "address": place.address,
            "at": _line(at),
        }
        _log.warning(
            "a body blocks the event loop, so that nobody is answered; make it a plain function, "
            "or await what takes long",
            extra=facts,
        )

    def _tell(self) -> None:
        if not self._late or self._now_s() - self._told_s < _QUIET_S:
            return
        facts = {"lag_ms": round(self._worst_s * 1000), "times": self._late}
        _log.warning("the event loop answered late", extra=facts)
        self._told_s = self._now_s()
        self._late, self._worst_s = 0, 0.0


def _innermost(frame: FrameType | None, body: Callable[..., Any]) -> FrameType | None:
    """
    The innermost frame that is in the file of a body; None if there is none.
    """
    code = getattr(unwrap(body), "__code__", None)
    while frame is not None and code is not None:
        if frame.f_code.co_filename == code.co_filename:
            return frame
        frame = frame.f_back
    return None


def _line(frame: FrameType | None) -> str | None:
    if frame is None:
        return None
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"
