"""
Background work: what a server does all the time, whoever calls.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from dalsegno.model.clock import SECOND_US, Clock
from dalsegno.model.errors import DalsegnoError

_log = logging.getLogger(__name__)

_BACKOFF_FIRST_S = 0.1
_BACKOFF_MAX_S = 5.0  # also how long it takes to notice that a cause has gone
_PATIENCE_S = 10.0


class Background:
    """
    Owns the tasks of background work: keeps their references, and begins anew what fails.

    Attributes:
        tell_health: Called with False when some work has failed all the time for so long, and
            with True when all of it goes well again.

    Args:
        patience_s: For how long.
    """

    def __init__(self, clock: Clock, *, patience_s: float = _PATIENCE_S) -> None:
        self._clock = clock
        self.tell_health: Callable[[bool], None] = lambda _: None
        self._patience_s = patience_s
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ill: set[str] = set()

    def keep(
        self, name: str, work: Callable[[], Awaitable[None]], wait: Callable[[], Awaitable[None]]
    ) -> None:
        """
        Do some work again and again.

        Args:
            work: Does what is to be done now.
            wait: Returns when there may be something to do again.
        """
        self._tasks[name] = asyncio.get_running_loop().create_task(
            self._keep(name, work, wait), name=name
        )

    async def stop(self) -> None:
        """
        End all of it.
        """
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _keep(
        self, name: str, work: Callable[[], Awaitable[None]], wait: Callable[[], Awaitable[None]]
    ) -> None:
        failures = 0
        failing_since_s = 0.0
        while True:
            try:
                await work()
                failures = 0
                self._is_well(name)
                await wait()
            except BaseException as error:
                # Also a cancellation that some library lets escape: only our own ends the work.
                if _is_canceled():
                    raise
                _report(name, error)
                now_s = asyncio.get_running_loop().time()
                failing_since_s = failing_since_s if failures else now_s
                if now_s - failing_since_s >= self._patience_s:
                    self._is_ill(name)
                await self._back_off(failures)
                failures += 1

    async def _back_off(self, failures: int) -> None:
        pause_s = min(_BACKOFF_FIRST_S * 2.0**failures, _BACKOFF_MAX_S)
        await self._clock.sleep_until(self._clock.now_us() + int(pause_s * SECOND_US))

    def _is_well(self, name: str) -> None:
        if name in self._ill:
            self._ill.discard(name)
            _log.warning("%s goes on", name)
            if not self._ill:
                self.tell_health(True)

    def _is_ill(self, name: str) -> None:
        if not self._ill:
            self.tell_health(False)
        self._ill.add(name)


def _is_canceled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _report(name: str, error: BaseException) -> None:
    if isinstance(error, DalsegnoError):
        _log.warning("%s failed and is tried again: %s", name, error)
    else:
        _log.error("%s failed and is tried again", name, exc_info=error)
