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
    rounds: int = 60


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
    """
    A source is open as long as it is suspended: it may still go on, so what a replay sees of it has
    to be told from what came later.
    """
    async with (
        serving(folder / "lineage.db", ["loop", "asking"]) as server,
        connected(server.said) as calls,
    ):
        ended = await _chain(calls, "loop", sizes.depths, ends=False)
        answered = await _chain(calls, "asking", sizes.depths, ends=True)
        suspended = await _chain(calls, "asking", sizes.depths, ends=False)
        measured: dict[tuple[str, int], Call] = {}
        for depth in sizes.depths:
            source, answered_source = ended[depth - 1], answered[depth - 1]
            asking = (await calls.travel(answered_source, _LAST)).run_id
            measured |= {
                ("TimeTravel, last step", depth): _travel(calls, source, _LAST),
                ("TimeTravel, first step", depth): _travel(calls, source, _FIRST),
                ("GetRun with steps", depth): _get(calls, ended[depth]),
                ("Resume", depth): _resume(calls, asking),
                ("Resume, sources open", depth): _resume(calls, suspended[depth]),
            }
        found = await in_turns(measured, sizes.rounds)
    return _findings([Deep(*key, latency_ms) for key, latency_ms in found.items()])


async def _chain(calls: Calls, workflow_id: str, depths: Sequence[int], *, ends: bool) -> list[str]:
    """
    A run, its replay, the replay of that, and so on; each from the last step.

    Args:
        ends: Whether each is answered before the next is made, so that it ends.
    """
    run = await calls.run_to_rest(workflow_id, _INPUT)
    chain = [run.run_id]
    while len(chain) <= max(depths):
        if ends:
            await calls.end(chain[-1])
        run = await calls.travel(chain[-1], _LAST)
        chain.append(run.run_id)
    return chain


def _travel(calls: Calls, run_id: str, step: str) -> Call:
    return lambda: calls.time_travel(run_id, step)


def _get(calls: Calls, run_id: str) -> Call:
    return lambda: calls.get(run_id)


def _resume(calls: Calls, run_id: str) -> Call:
    return lambda: calls.resume(run_id)


def _findings(found: list[Deep]) -> Findings:
    kinds = {it.what: [other for other in found if other.what == it.what] for it in found}
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
        is_log_y=True,
        note="One caller, durable commits, runs of ten steps.",
    )
