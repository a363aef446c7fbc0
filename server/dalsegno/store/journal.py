"""
Group commit: many appends, one transaction.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from dalsegno.model.errors import StoreUnavailable
from dalsegno.store.contract import Append

# Bounds what a failed transaction takes with it, and how long the first append of a batch waits
# for the others.
_BATCH_APPENDS_MAX = 256
_BATCH_BYTES_MAX = 8 * 1024 * 1024

Commit = Callable[[Sequence[Append]], Awaitable[Sequence[Exception | None]]]


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    append: Append
    size: int
    done: asyncio.Future[None]


class Journal:
    """
    Commits appends in the order they come, as many at once as have gathered meanwhile.

    While one batch is on its way to the disk the next one gathers; nothing waits for a timer.

    Args:
        commit: Commits a batch in one transaction and answers, append by append, why it was
            refused, or None. What it raises is the answer to the whole batch.
    """

    def __init__(self, commit: Commit) -> None:
        self._commit = commit
        self._queue: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._is_closing = False
        self._task = asyncio.create_task(self._write(), name="store journal")

    def append(self, append: Append) -> asyncio.Future[None]:
        """
        Hand over an append; done once it is committed.

        A caller that is canceled takes nothing back: its append is committed all the same.

        Raises, when awaited:
            StoreUnavailable: The batch failed, or the journal is closed.
            DalsegnoError: What the append was refused for.
        """
        done = asyncio.get_running_loop().create_future()
        if self._is_closing or self._task.done():
            done.set_exception(StoreUnavailable("it is closed"))
            return done
        self._queue.append(_Waiting(append, _size(append), done))
        self._wake.set()
        return done

    async def close(self) -> None:
        """
        Commit what has gathered, and accept nothing more.
        """
        self._is_closing = True
        self._wake.set()
        await asyncio.wait([self._task])

    async def _write(self) -> None:
        batch: list[_Waiting] = []
        try:
            while True:
                batch = await self._gather()
                if not batch:
                    return
                await self._settle(batch)
        finally:
            # Only a cancellation or our own bug leads here with anyone waiting.
            for waiting in (*batch, *self._queue):
                _refuse(waiting, StoreUnavailable("its writer has stopped"))

    async def _gather(self) -> list[_Waiting]:
        """
        The next batch; empty when nothing is left and nothing more will come.
        """
        while not self._queue:
            if self._is_closing:
                return []
            self._wake.clear()
            await self._wake.wait()
        batch = [self._queue.popleft()]
        size = batch[0].size
        while self._queue and len(batch) < _BATCH_APPENDS_MAX:
            size += self._queue[0].size
            if size > _BATCH_BYTES_MAX:
                break
            batch.append(self._queue.popleft())
        return batch

    async def _settle(self, batch: Sequence[_Waiting]) -> None:
        try:
            refusals = await self._commit([waiting.append for waiting in batch])
        except Exception as problem:  # noqa: BLE001 - handed to those who wait, each and all
            refusals = [problem] * len(batch)
        for waiting, refusal in zip(batch, refusals, strict=True):
            if refusal is not None:
                _refuse(waiting, refusal)
            elif not waiting.done.done():
                waiting.done.set_result(None)


def _refuse(waiting: _Waiting, problem: Exception) -> None:
    if not waiting.done.done():  # it is, if the caller was canceled
        waiting.done.set_exception(problem)


def _size(append: Append) -> int:
    """
    Bytes of the payloads that the events bring; everything else is small.
    """
    return sum(
        len(payload.json)
        for event in append.events
        for payload in (event.payload, event.state)
        if payload is not None and payload.at is None
    )
