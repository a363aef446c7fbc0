"""
How streams are ended when the server stops.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dalsegno.model.errors import ShuttingDown


class Drain:
    """
    Knows the open streams, and ends them all at once.

    Without it `grpc.aio.Server.stop` waits its whole grace for every one of them. A stream is
    ended by canceling its asyncio task, which reaches it wherever it waits, also in a write to a
    client that does not read, and costs nothing while the server runs.
    """

    def __init__(self) -> None:
        self._open: set[asyncio.Task[Any]] = set()
        self._is_ended = False

    @contextmanager
    def ends_this(self) -> Iterator[None]:
        """
        Let what is inside be ended by `end`.

        Raises:
            ShuttingDown: It was ended, or `end` was called before.
        """
        if self._is_ended:
            raise ShuttingDown
        task = asyncio.current_task()
        assert task is not None  # handlers run in tasks
        self._open.add(task)
        try:
            yield
        except asyncio.CancelledError:
            # As in asyncio.timeout: without our own cancellation, is there another one, by a
            # caller who left?
            if task not in self._open and task.uncancel() == 0:
                raise ShuttingDown from None
            raise
        finally:
            self._open.discard(task)

    def end(self) -> None:
        """
        End what is open, and whatever would be opened later.
        """
        self._is_ended = True
        while self._open:
            self._open.pop().cancel()
