"""
Reads in a store with a million runs, beside the same reads in one with a thousand.
"""

import random
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.calls import METADATA, Calls, connected
from bench.fill import copied_id, multiply
from bench.findings import Bar, Findings, Table
from bench.rates import Call, in_turns
from bench.server import serving
from dalsegno.v1 import run_pb2
from dalsegno.v1 import run_service_pb2 as pb

_WORKFLOWS = ("sequence_1", "asking")
_MADE = 10  # runs, which are then copied
_REPLAY_KEY = 9
_PAGE = 50
_BAR = 1.5

Read = Callable[[Calls, str], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Sizes:
    few: int = 1_000
    many: int = 1_000_000
    rounds: int = 150


@dataclass(frozen=True, slots=True)
class Reading:
    """
    Attributes:
        few_ms, many_ms: Medians, with few and with many runs in the store.
    """

    what: str
    few_ms: float
    many_ms: float

    @property
    def ratio(self) -> float:
        return self.many_ms / self.few_ms


async def measure(folder: Path, sizes: Sizes = Sizes()) -> Findings:
    few_db, many_db = folder / "few.db", folder / "many.db"
    await _make(few_db)
    shutil.copy(few_db, many_db)
    multiply(few_db, sizes.few // _MADE - 1)
    multiply(many_db, sizes.many // _MADE - 1)
    async with (
        serving(few_db, _WORKFLOWS) as few,
        serving(many_db, _WORKFLOWS) as many,
        connected(few.said) as few_calls,
        connected(many.said) as many_calls,
    ):
        stores = _Store(few_calls, sizes.few), _Store(many_calls, sizes.many)
        calls = {(what, it): it.reading(read) for what, read in _READS for it in stores}
        found_ms = await in_turns(calls, sizes.rounds)
        readings = [Reading(what, *(found_ms[what, it] for it in stores)) for what, _ in _READS]
    return _findings(readings, sizes)


async def _make(db: Path) -> None:
    """
    The runs to be copied: of ten, eight are finished, one is a replay and one is suspended.
    """
    async with serving(db, _WORKFLOWS) as server, connected(server.said) as calls:
        made = [await calls.run("sequence_1") for _ in range(_REPLAY_KEY - 1)]
        await calls.time_travel(made[-1].run_id, "s0")
        await calls.suspend("asking")


class _Store:
    """
    A filled store, behind a server.
    """

    def __init__(self, calls: Calls, runs: int) -> None:
        self._calls = calls
        self._copies = runs // _MADE - 1
        self._random = random.Random(1)

    def reading(self, read: Read) -> Call:
        """
        Of another replay each time, so that no row is at hand because it was just read.
        """
        return lambda: read(
            self._calls, copied_id(self._random.randint(1, self._copies), _REPLAY_KEY)
        )


async def _lineage(calls: Calls, run_id: str) -> None:
    await calls.runs.GetLineage(pb.GetLineageRequest(run_id=run_id))


def _page(**where: Any) -> Read:
    async def read(calls: Calls, _: str) -> None:
        request = pb.ListRunsRequest(page_size=_PAGE, **where)
        page = await calls.runs.ListRuns(request, metadata=METADATA)
        assert len(page.runs) == _PAGE

    return read


_READS: tuple[tuple[str, Read], ...] = (
    ("GetRun", Calls.get),
    ("GetLineage", _lineage),
    ("ListRuns page", _page()),
    ("ListRuns page of a workflow", _page(workflow_id="sequence_1")),
    ("ListRuns page of suspended runs", _page(statuses=[run_pb2.RUN_STATUS_SUSPENDED])),
)


def _findings(readings: list[Reading], sizes: Sizes) -> Findings:
    rows = [
        (item.what, f"{item.few_ms:.2f}", f"{item.many_ms:.2f}", f"{item.ratio:.2f}")
        for item in readings
    ]
    columns = ("read", f"of {sizes.few:,} runs: ms", f"of {sizes.many:,} runs: ms", "ratio")
    bars = [
        Bar(f"{it.what}, {sizes.many:,} runs against {sizes.few:,}", it.ratio, _BAR)
        for it in readings
        if it.what != "GetLineage"  # has none
    ]
    return Findings(
        [asdict(item) for item in readings],
        [Table("Reads, by how many runs there are", columns, rows)],
        bars,
    )
