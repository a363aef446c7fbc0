"""
Commands that are carried out to their end, whoever goes away meanwhile.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from dalsegno.model.errors import ShuttingDown

T = TypeVar("T")


class Unbroken:
    """
    Keeps a command going when its caller is canceled.

    Else the locks of the command would be free while what it writes is on its way, and its
    repetition, which a caller whose connection broke sends at once, would find nothing written.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    async def finish(self, command: Coroutine[Any, Any, T]) -> T:
        """
        What a command returns or raises.

        Raises:
            ShuttingDown: The server stopped before that.
        """
        task = asyncio.get_running_loop().create_task(command)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled() and not _is_canceled():
                raise ShuttingDown from None
            raise

    async def stop(self) -> None:
        """
        End what is still under way.
        """
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, lest asyncio complain: its caller may have gone


def _is_canceled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
