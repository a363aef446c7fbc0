"""
Writes runs that show a loss: every append is alike, and every text tells whose it is.

An append has three events, a record of its own, and one record that all appends change.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable

from dalsegno.model.errors import DalsegnoError, StoreUnavailable
from dalsegno.model.payload import Payload
from dalsegno.model.record import Record
from dalsegno.store.contract import Store
from tests.faults.recording import Marker
from tests.store.samples import Pen, new_run, record, request, told

EVENTS = 3

# Mostly small; some take pages of their own.
_SIZES = (10,) * 20 + (200,) * 10 + (1500, 9000)
# Between appends of a run, at most: so that commits are of one, of some and of many.
_THINKING_S = 0.01


def payload(run_id: str, sequence: int, size: int) -> Payload:
    return Payload(f'"{run_id}/{sequence}/'.encode() + b"x" * size + b'"')


class Author:
    """
    Writes one run, as an engine would, and marks what was acknowledged.

    A write that fails is made again until it is kept, or is refused because it was kept although
    it had failed.

    Attributes:
        failures: How many writes failed.
    """

    def __init__(self, run_id: str, marker: Marker, chance: random.Random) -> None:
        self.failures = 0
        self._run_id = run_id
        self._marker = marker
        self._chance = chance
        self._pen: Pen | None = None
        self._appends = 0

    async def write(self, store: Store, appends: int) -> None:
        for _ in range(appends):
            await asyncio.sleep(self._chance.random() * _THINKING_S)
            await self.append(store)

    async def append(self, store: Store) -> None:
        if self._pen is None:
            self._pen = Pen(store, new_run(self._run_id))
        at = self._pen.run.newest_sequence
        self._appends += 1
        request_id = f"{self._run_id}:{self._appends}"
        append = self._pen.append(
            *(
                told(payload=payload(self._run_id, at + number, self._chance.choice(_SIZES)))
                for number in range(1, EVENTS + 1)
            ),
            records=self._records(at + EVENTS),
            request=request(request_id, self._run_id) if self._appends % 3 == 0 else None,
        )
        await self._until_kept(lambda: store.append(append))
        self._marker.mark(wrote=self._run_id, sequence=at + EVENTS)

    async def delete(self, store: Store) -> None:
        assert self._pen is not None
        run = self._pen.run
        self._marker.mark(deleting=run.run_id)
        await self._until_kept(
            lambda: store.delete(run.run_id, epoch=run.epoch, after=run.newest_sequence)
        )
        self._marker.mark(deleted=run.run_id)

    async def _until_kept(self, write: Callable[[], Awaitable[None]]) -> None:
        failures = 0
        while True:
            try:
                return await write()
            except StoreUnavailable:
                failures += 1
                self.failures += 1
            except DalsegnoError:
                if not failures:
                    raise
                return None

    def _records(self, last_sequence: int) -> list[Record]:
        return [
            record(address, first_sequence=1, last_sequence=last_sequence)
            for address in (f"step{self._appends}", "total")
        ]
