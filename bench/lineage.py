"""
Time travel and resumption, by how many replays lie before: a replay of a replay of a run.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.calls import Calls, connected
from bench.findings import Bar, Findings, Table
from bench.pictures import Series, line_chart
from bench.rates import Call, in_turns
from bench.server import serving

_STEPS = 10
_INPUT = str(-_STEPS).encode()
_FIRST, _LAST = "pass_on[0]", f"pass_on[{_STEPS - 1}]"
_BAR = 2.0


@dataclass(frozen=True, slots=True)
class Sizes:
    depths: tuple[int, ...] = (1, 10, 100, 1_000)
    rounds: int = 40


@dataclass(frozen=True, slots=True)
class Deep:
    """
    Attributes:
        depth: How many runs lie above the one that is made, goes on, or is read.
        latency_ms: Median.
    """

    what: str
    depth: int
    latency_ms: float


async def measure(folder: Path, sizes: Sizes = Sizes()) -> Findings:
    async with (
        serving(folder / "lineage.db", ["loop", "asking"]) as server,
        connected(server.said) as calls,
    ):
        ended = await _chain(calls, (await calls.run("loop", _INPUT)).run_id, sizes.depths)
        asking = await _chain(calls, (await calls.suspend("asking", _INPUT)).run_id, sizes.depths)
        measured = {
            (what, depth): call
            for depth in sizes.depths
            for what, call in _calls(calls, ended, asking, depth).items()
        }
        found = await in_turns(measured, sizes.rounds)
    return _findings([Deep(*key, latency_ms) for key, latency_ms in found.items()])


async def _chain(calls: Calls, run_id: str, depths: Sequence[int]) -> list[str]:
    """
    A run, its replay, the replay of that, and so on; each from the last step.
    """
    chain = [run_id]
    while len(chain) <= max(depths):
        chain.append((await calls.travel(chain[-1], _LAST)).run_id)
    return chain


def _calls(
    calls: Calls, ended: Sequence[str], asking: Sequence[str], depth: int
) -> dict[str, Call]:
    return {
        "TimeTravel to the last step": lambda: calls.time_travel(ended[depth - 1], _LAST),
        "TimeTravel to the first step": lambda: calls.time_travel(ended[depth - 1], _FIRST),
        "Resume": lambda: calls.resume(asking[depth], b"0"),
        "GetRun, with its steps": lambda: calls.get(ended[depth]),
    }


def _findings(found: list[Deep]) -> Findings:
    kinds = {what: [it for it in found if it.what == what] for what in {it.what: 0 for it in found}}
    bars = [
        Bar(
            f"{what}, lineage {items[-1].depth:,} deep against {items[0].depth}",
            items[-1].latency_ms / items[0].latency_ms,
            _BAR,
        )
        for what, items in kinds.items()
        if what.startswith("TimeTravel")
    ]
    rows = [
        (
            it.what,
            f"{it.depth:,}",
            f"{it.latency_ms:.2f}",
            f"{it.latency_ms / items[0].latency_ms:.2f}",
        )
        for items in kinds.values()
        for it in items
    ]
    table = Table("By the depth of the lineage", ("call", "depth", "median ms", "ratio"), rows)
    return Findings([asdict(it) for it in found], [table], bars, {"depth.svg": _picture(kinds)})


def _picture(kinds: dict[str, list[Deep]]) -> str:
    return line_chart(
        "What replays of replays cost",
        "depth of the lineage",
        "ms, median",
        [
            Series(what, [(it.depth, it.latency_ms) for it in items], is_ours=True)
            for what, items in kinds.items()
        ],
        is_log_x=True,
        note="One caller, durable commits, runs of ten steps.",
    )
