"""
What was found: tables for people, the same for machines, and pictures.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.peers import plan
from bench.peers.process import Facts
from bench.peers.rounds import Found
from bench.pictures import Series, line_chart

_SYNCHRONOUS = {"0": "OFF", "1": "NORMAL", "2": "FULL", "3": "EXTRA"}
_NOTE = "one run of the bench, medians of its rounds; settings: bench/peers/README.md"


def show(found: Sequence[Found]) -> None:
    console = Console(width=132)  # fixed: the output may go to a file
    for table in (_rates(found), _travels(found), _storage(found), _settings(found), _bars(found)):
        console.print(table)
    console.print("* of those whose connections all sync their commits")
    for item in found:
        if item.times.skipped:
            console.print(f"{item.name}: {item.times.skipped}", highlight=False)


def as_json(found: Sequence[Found]) -> Mapping[str, Any]:
    return {
        "bars": [asdict(bar) for bar in bars(found)],
        "contenders": {
            item.name: {
                "facts": item.facts,
                "facts_crowded": item.facts_crowded,
                "is_durable": item.is_durable,
                "rates": {
                    callers: {"per_s": item.times.per_s(callers), "rounds": rates}
                    for callers, rates in item.times.rates.items()
                },
                "travel": {
                    steps: {"median_ms": median(ms), "ms": ms}
                    for steps, ms in item.times.travels_ms.items()
                },
                "skipped": item.times.skipped,
                "small": asdict(item.small),
                "texts": asdict(item.texts),
            }
            for item in found
        },
    }


@dataclass(frozen=True, slots=True)
class Bar:
    """
    Ours through gRPC, against peers in process.

    Attributes:
        bar: What was promised.
        found: Against the fastest peer whose connections all sync their commits.
        found_of_all: Against the fastest peer.
    """

    callers: int
    bar: float
    found: float
    found_of_all: float


def bars(found: Sequence[Found]) -> list[Bar]:
    mine = next(item.times for item in found if item.contender.is_ours)
    durable = [item.times for item in _peers(found)]
    all_peers = [item.times for item in found if not item.contender.is_ours]
    return [
        Bar(callers, bar, mine.ratio_to(durable, callers), mine.ratio_to(all_peers, callers))
        for callers, bar in plan.BARS.items()
    ]


def pictures(found: Sequence[Found]) -> Mapping[str, str]:
    """
    SVG texts by file name.
    """
    throughput = [
        _line(item, [(callers, item.times.per_s(callers)) for callers in plan.CALLERS])
        for item in found
    ]
    travel = [
        _line(item, [(steps, median(ms)) for steps, ms in item.times.travels_ms.items()])
        for item in found
    ]
    return {
        "peers-throughput.svg": line_chart(
            f"Runs of {plan.STEPS} steps, durable step by step",
            "callers at once",
            "runs/s",
            throughput,
            is_log_x=True,
            is_log_y=True,
            note=_NOTE,
        ),
        "peers-travel.svg": line_chart(
            "Time travel to the last step",
            "steps of the source",
            "ms",
            travel,
            is_log_x=True,
            is_log_y=True,
            note=_NOTE,
        ),
    }


def _line(item: Found, points: Sequence[tuple[float, float]]) -> Series:
    return Series(item.name, points, is_ours=item.contender.is_ours)


def _rates(found: Sequence[Found]) -> Table:
    table = _table(
        f"Runs of {plan.STEPS} steps per second, by callers, and against the fastest peer*"
    )
    for callers in plan.CALLERS:
        table.add_column(f"{callers}", justify="right")
        table.add_column("ratio", justify="right")
    table.add_column("ms/step alone", justify="right")
    peers = [item.times for item in _peers(found)]
    for item in found:
        cells = []
        for callers in plan.CALLERS:
            ratio = item.times.ratio_to(peers, callers)
            cells += [f"{item.times.per_s(callers):,.1f}", f"{ratio:.2f}"]
        alone = 1000 / item.times.per_s(1) / plan.STEPS
        table.add_row(item.name, *cells, f"{alone:.2f}")
    return table


def _travels(found: Sequence[Found]) -> Table:
    table = _table("Time travel in ms, by steps of the source, and against the fastest peer*")
    for steps in plan.LENGTHS:
        table.add_column(f"{steps:,}", justify="right")
        table.add_column("ratio", justify="right")
    table.add_column("source afterwards")
    for item in found:
        cells: list[str] = []
        for steps in plan.LENGTHS:
            best = _least([peer.times.travel_ms(steps) for peer in _peers(found)])
            cells += _against(best, item.times.travel_ms(steps))
        table.add_row(item.name, *cells, "as it was" if item.facts["keeps_source"] else "CHANGED")
    return table


def _storage(found: Sequence[Found]) -> Table:
    texts = f"{plan.TEXT_STEPS} of {plan.TEXT_BYTES // 1024} KiB"
    table = _table("KiB per run: kept, and written for it; against the leanest peer*")
    for what in (f"{plan.STEPS} steps", "written", texts, "written"):
        table.add_column(what, justify="right")
        table.add_column("ratio", justify="right")
    least = list(map(_least, zip(*map(_kib, _peers(found)), strict=True)))
    for item in found:
        cells = [
            cell
            for best, size in zip(least, _kib(item), strict=True)
            for cell in _against(best, size)
        ]
        table.add_row(item.name, *cells)
    return table


def _kib(item: Found) -> list[float | None]:
    sizes = (item.small.bytes, item.small.written, item.texts.bytes, item.texts.written)
    return [None if size is None else size / 1024 for size in sizes]


def _settings(found: Sequence[Found]) -> Table:
    table = _table("What was measured, and what its connections say")
    for name in ("version", "as used here", "journal, synchronous", "a time travel is"):
        table.add_column(name, overflow="fold")
    for item in found:
        facts = item.facts
        said = _said(facts)
        if (crowded := _said(item.facts_crowded)) != said:
            said = f"{said}; with many callers {crowded}"
        table.add_row(item.name, facts["version"], facts["settings"], said, facts["travel"])
    return table


def _said(facts: Facts) -> str:
    if facts["journal_mode"] is None:
        return "as in process"
    levels = [_SYNCHRONOUS.get(level, level) for level in str(facts["synchronous"]).split(" or ")]
    return f"{facts['journal_mode']}, {' or '.join(levels)}"


def _bars(found: Sequence[Found]) -> Table:
    table = _table("Through gRPC, against peers in process")
    for name in ("bar", "fastest peer*", "is", "fastest of all"):
        table.add_column(name, justify="right")
    for bar in bars(found):
        table.add_row(
            "alone" if bar.callers == 1 else f"{bar.callers} callers",
            f"≥ {bar.bar:g}",
            f"{bar.found:.2f}",
            "met" if bar.found >= bar.bar else "MISSED",
            f"{bar.found_of_all:.2f}",
        )
    return table


def _peers(found: Sequence[Found]) -> list[Found]:
    """
    Those we compare with: who does not sync commits promises less than we do, and is only shown.
    """
    return [item for item in found if item.is_durable and not item.contender.is_ours]


def _least(figures: Iterable[float | None]) -> float | None:
    return min((figure for figure in figures if figure is not None), default=None)


def _against(best: float | None, figure: float | None) -> tuple[str, str]:
    """
    Cells of a figure that was perhaps not found, and of its ratio to the best one of peers.
    """
    if figure is None:
        return "—", "—"
    return f"{figure:,.1f}", f"{figure / best:.2f}" if best else "—"


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("")
    return table
