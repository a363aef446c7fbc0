"""
Someone who watches a run, and remembers what came.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from random import Random
from typing import Any

from msgspec.structs import replace

from dalsegno.model.errors import ShuttingDown
from dalsegno.model.event import Event
from dalsegno.model.payload import Payload
from dalsegno.model.run import Run


class Watching:
    """
    Reads a stream in a task of its own.

    Args:
        pace: Draws how many turns of the loop lie between two batches; None for none.
    """

    def __init__(
        self,
        run_id: str,
        after: int,
        follow: bool,
        batches: AsyncGenerator[Sequence[Event], None],
        pace: Random | None,
    ) -> None:
        self.run_id = run_id
        self._after = after
        self._follow = follow
        self._pace = pace
        self._seen: list[Event] = []
        self._task = asyncio.get_running_loop().create_task(self._read(batches))

    async def _read(self, batches: AsyncGenerator[Sequence[Event], None]) -> None:
        async with aclosing(batches):
            async for batch in batches:
                self._seen.extend(batch)
                for _ in range(self._pace.randint(0, 30) if self._pace else 0):
                    await asyncio.sleep(0)

    @property
    def is_over(self) -> bool:
        return self._task.done()

    def has_all(self, run: Run) -> bool:
        """
        Whether nothing more is to come before the run moves again: it has told all, and has
        ended unless it follows a run that has not.
        """
        if run.status.is_terminal or not self._follow:
            return self.is_over
        return self._after + len(self._seen) == run.newest_sequence

    def check(self, run: Run, log: Sequence[Event]) -> None:
        """
        What came is the log from the cursor on, and ended only where a stream may end.
        """
        now = log[self._after : self._after + len(self._seen)]
        assert [_told(event) for event in self._seen] == [_told(event) for event in now]
        if not self.is_over:
            return
        self._task.result()
        last = log[self._after + len(self._seen) - 1]
        may_end = last.type.ends_run if self._follow else last.type.rests_run
        assert may_end, f"a stream of {self.run_id} ended after {last}"
        assert not self._follow or last.sequence == run.newest_sequence

    def check_ended_by_stop(self) -> None:
        assert self.is_over, f"a stream of {self.run_id} outlives its server"
        error = self._task.exception()
        assert error is None or isinstance(error, ShuttingDown)

    async def leave(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})


def _told(event: Event) -> Event:
    """
    An event without where its payloads are stored: that is known only once they are.
    """
    bare: dict[str, Any] = {
        name: payload and replace(payload, at=None)
        for name in ("payload", "resume_data", "state")
        if isinstance(payload := getattr(event, name), Payload | None)
    }
    return replace(event, **bare)
