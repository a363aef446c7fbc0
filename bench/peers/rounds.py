"""
All contenders in turn, several times, so that a slow moment of the machine meets all alike.
"""

import asyncio
import random
import string
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.peers import plan
from bench.peers.process import Asked, Contender, Facts, running, stored


@dataclass(frozen=True, slots=True)
class Storage:
    """
    What a run leaves and costs.

    Attributes:
        bytes: That the database grew by.
        written: That were written for it, log included; None where no system counts them.
    """

    bytes: float
    written: float | None


@dataclass(frozen=True, slots=True)
class Times:
    """
    What the rounds gave, in their order.

    Attributes:
        rates: Runs of `plan.STEPS` steps per second, by callers.
        travels_ms: To the last step, by the length of the source; without those left out.
        skipped: Why a length was left out; empty if none was.
    """

    skipped: str
    rates: Mapping[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    travels_ms: Mapping[int, list[float]] = field(default_factory=lambda: defaultdict(list))

    def per_s(self, callers: int) -> float:
        return median(self.rates[callers])

    def ratio_to(self, others: Sequence["Times"], callers: int) -> float:
        """
        To the fastest of some others: the least of the ratios to each, within rounds, as what the
        disk takes differs more between rounds than contenders do.
        """
        mine = self.rates[callers]
        return min(
            median(rate / its for rate, its in zip(mine, other.rates[callers], strict=True))
            for other in others
        )

    def travel_ms(self, steps: int) -> float | None:
        return median(self.travels_ms[steps]) if steps in self.travels_ms else None


@dataclass(frozen=True, slots=True)
class Twice:
    """
    A contender in two processes, each with a database: with calls that overlap, some open further
    connections, set up in other ways, and that must not change what a single caller gets.

    Attributes:
        alone: For one caller at a time.
        crowded: For many.
    """

    alone: Asked
    crowded: Asked

    def having(self, callers: int) -> Asked:
        return self.alone if callers == 1 else self.crowded


@dataclass(frozen=True, slots=True)
class Found:
    """
    Attributes:
        facts, facts_crowded: Of the process with one caller at a time, and of the other.
        small, texts: Of a run of `plan.STEPS` steps, and of one with texts.
    """

    contender: Contender
    facts: Facts
    facts_crowded: Facts
    times: Times
    small: Storage
    texts: Storage

    @property
    def name(self) -> str:
        return self.contender.name + ("" if self.is_durable else " (not synced)")

    @property
    def is_durable(self) -> bool:
        """
        Whether each of its connections syncs its commits: power loss takes no step that has ended.
        """
        said = (self.facts["synchronous"], self.facts_crowded["synchronous"])
        return self.contender.is_ours or all(str(level) in {"2", "3"} for level in said)


async def measure(contenders: Sequence[Contender], folder: Path) -> list[Found]:
    """
    In the order given.

    Raises:
        RuntimeError: A contender failed, or gave a wrong result.
    """
    async with AsyncExitStack() as stack:
        pairs = [await _enter(stack, item, folder) for item in contenders]
        # Storing runs, and making sources, is not timed: all do it at once.
        _say("storage")
        sizes = await asyncio.gather(*(_store(pair.alone) for pair in pairs))
        _say("sources")
        times = [Times(skipped) for skipped in await asyncio.gather(*map(_prepare, pairs))]
        for number in range(plan.ROUNDS):
            _say(f"round {number + 1} of {plan.ROUNDS}")
            await _take_turns(list(zip(pairs, times, strict=True)), begin_with=number)
        return [
            Found(
                pair.alone.contender,
                await pair.alone.facts(connections=1),
                await pair.crowded.facts(connections=4),
                its,
                *stored_by,
            )
            for pair, its, stored_by in zip(pairs, times, sizes, strict=True)
        ]


async def _enter(stack: AsyncExitStack, contender: Contender, folder: Path) -> Twice:
    both = []
    for name in ("alone", "crowded"):
        own = folder / contender.name / name
        own.mkdir(parents=True)
        both.append(await stack.enter_async_context(running(contender, own)))
    return Twice(*both)


async def _prepare(pair: Twice) -> str:
    """
    Make a run of each length, and warm up; and, if the longest is left out, why.
    """
    await pair.crowded.ask("rate", callers=plan.CALLERS[1], seconds=0.1)
    took_s = 0.0
    for steps in plan.LENGTHS:
        if took_s > plan.PATIENCE_S:
            return f"no run of {steps:,} steps: it took {took_s:.0f} s for the one before"
        took_s = (await pair.alone.ask("source", steps=steps))["took_s"]
        await pair.alone.ask("travel", steps=steps, times=1)
    return ""


async def _take_turns(pairs: Sequence[tuple[Twice, Times]], *, begin_with: int) -> None:
    first = begin_with % len(pairs)
    turns = [*pairs[first:], *pairs[:first]]
    for callers in plan.CALLERS:
        for pair, times in turns:
            asked = pair.having(callers)
            answer = await asked.ask("rate", callers=callers, seconds=plan.SECONDS)
            times.rates[callers].append(answer["per_s"])
    for steps in plan.LENGTHS:
        for pair, times in turns:
            if steps == plan.LENGTHS[-1] and times.skipped:
                continue
            answer = await pair.alone.ask("travel", steps=steps, times=plan.TRAVELS)
            times.travels_ms[steps].extend(answer["ms"])


async def _store(asked: Asked) -> tuple[Storage, Storage]:
    letters = random.Random(1)  # the same text each time
    text = "".join(letters.choices(string.ascii_letters, k=plan.TEXT_BYTES))
    await asked.ask("fill", runs=plan.FIRST_RUNS, steps=plan.STEPS, text=None)
    small = await _grow(asked, plan.SMALL_RUNS, plan.STEPS, None)
    return small, await _grow(asked, plan.TEXT_RUNS, plan.TEXT_STEPS, text)


async def _grow(asked: Asked, runs: int, steps: int, text: str | None) -> Storage:
    place = await asked.place()
    before = stored(place)
    await asked.ask("fill", runs=runs, steps=steps, text=text)
    after = stored(place)
    written = None
    if after.written is not None and before.written is not None:
        written = (after.written - before.written) / runs
    return Storage((after.bytes - before.bytes) / runs, written)


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
