"""
How long a server takes to start: with nothing, and with many runs in its store.
"""

import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.calls import connected
from bench.database import size_bytes
from bench.fill import multiply
from bench.findings import Findings, Table
from bench.rates import median
from bench.server import serving

_WORKFLOWS = ("sequence_10", "asking")
_FINISHED = 10  # for each suspended one


@dataclass(frozen=True, slots=True)
class Sizes:
    suspended: int = 10_000
    rounds: int = 5


@dataclass(frozen=True, slots=True)
class Start:
    """
    Attributes:
        ms: From the start of the process until calls are answered, imports included; median.
    """

    what: str
    ms: float


async def measure(folder: Path, sizes: Sizes = Sizes()) -> Findings:
    empty, full = folder / "empty.db", folder / "full.db"
    async with serving(full, _WORKFLOWS) as server, connected(server.said) as calls:
        for _ in range(_FINISHED):
            await calls.run("sequence_10")
        await calls.suspend("asking")
    multiply(full, sizes.suspended - 1)
    filled = f"{sizes.suspended * _FINISHED:,} finished and {sizes.suspended:,} suspended"
    stores = {
        "no runs": (empty, {}),
        filled: (full, {}),
        "the same, integrity_check=off": (full, {"integrity_check": "off"}),
    }
    found_ms: dict[str, list[float]] = {what: [] for what in stores}
    for _ in range(sizes.rounds):
        for what, (db, settings) in stores.items():
            begun = time.perf_counter()
            async with serving(db, _WORKFLOWS, **settings):
                found_ms[what].append((time.perf_counter() - begun) * 1000)
    starts = [Start(what, median(times)) for what, times in found_ms.items()]
    return _findings(starts, size_bytes(full))


def _findings(starts: list[Start], full_bytes: int) -> Findings:
    rows = [(it.what, f"{it.ms:,.0f}", f"{it.ms / starts[0].ms:.2f}") for it in starts]
    title = f"Start of a server (full store: {full_bytes / 1e6:,.0f} MB)"
    table = Table(title, ("store", "median ms", "ratio"), rows)
    return Findings([asdict(it) for it in starts], [table])
