"""
Ending a stream from outside of it.
"""

import asyncio
from types import TracebackType
from typing import Self

from dalsegno.model.errors import DalsegnoError


class Ending:
    """
    A block that others can end with an error, wherever it waits.

    It is ended by canceling its task, which also reaches a write to a client that does not read,
    and costs nothing before.

    Used as a context manager, in the task that is to be ended.

    Raises (on leaving):
        DalsegnoError: It was ended with this error.
    """

    __slots__ = ("_error", "_task")

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # handlers run in tasks
        self._task = task
        self._error: DalsegnoError | None = None

    def end(self, error: DalsegnoError) -> None:
        """
        End what is inside; the first to do so says with what.
        """
        if self._error is None:
            self._error = error
            self._task.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._error is None or kind is not asyncio.CancelledError:
            return
        # As in asyncio.timeout: without our own cancellation, is there another one, by a caller
        # who left?
        if self._task.uncancel() == 0:
            raise self._error from None
