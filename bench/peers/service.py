"""
The process of a contender: it is asked line by line, measures, and answers each time in a line.

It runs beside peers' packages, and so imports nothing but Python's own. `node/service.mjs` does the
same for Node.js; who asks is `process.py`.
"""

import asyncio
import json
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypedDict


class WrongResult(Exception):
    """
    A run did not give what it had to, so its time counts for nothing.
    """


class Place(TypedDict):
    """
    Attributes:
        writer: The process that writes the database.
    """

    database: str
    writer: int


class Contender(ABC):
    """
    Something that executes workflows durably, with a database of its own.
    """

    @property
    @abstractmethod
    def calls(self) -> int | None:
        """
        How often the body that adds was called so far; None if that is in another process.
        """

    @abstractmethod
    async def run(self, steps: int, text: str | None = None) -> str:
        """
        Carry a run to its end, and check what it gave.

        Each step adds 1 to a number that begins at 0; if *text* is given, each step moves the
        first letter of it to the end instead.

        Returns:
            The run's id.

        Raises:
            WrongResult: It ended otherwise.
        """

    @abstractmethod
    async def travel(self, run_id: str, steps: int) -> None:
        """
        Execute the last step of a run of numbers again, and check what that gave.

        Raises:
            WrongResult: It ended otherwise.
        """

    @abstractmethod
    async def look(self, run_id: str) -> object:
        """
        What this contender shows of a run of numbers: JSON, equal if nothing has changed.
        """

    @abstractmethod
    def place(self) -> Place:
        """
        Where it keeps its runs.
        """

    @abstractmethod
    async def facts(self) -> Mapping[str, object]:
        """
        Version and settings, as tables state them; see `process.Facts`.
        """

    async def travels(self, run_id: str, steps: int, times: int) -> list[float]:
        """
        Milliseconds that each of so many travels took.
        """
        found = []
        for _ in range(times):
            before, begun = self.calls, time.perf_counter()
            await self.travel(run_id, steps)
            found.append((time.perf_counter() - begun) * 1000)
            check("steps executed again", self.calls, None if before is None else before + 1)
        return found


def check(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise WrongResult(f"{what}: {found!r}, not {expected!r}")


def rotated(text: str, steps: int) -> str:
    """
    What so many steps make of a text.
    """
    return text[steps:] + text[:steps]


async def answer_all(contender: Contender) -> None:
    """
    Answer until there are no more questions.
    """
    say = _only_answers_on_stdout()
    sources: dict[int, tuple[str, str]] = {}
    # Read on a thread: what a contender does in the background goes on meanwhile.
    while line := await asyncio.to_thread(sys.stdin.readline):
        question = json.loads(line)
        try:
            say({"answer": await _answer(contender, question, sources)})
        except Exception as error:  # noqa: BLE001 - whatever it is, the one who asked must know
            say({"error": f"{type(error).__name__}: {error}"})


async def _answer(
    contender: Contender, question: Mapping[str, Any], sources: dict[int, tuple[str, str]]
) -> object:
    match question:
        case {"do": "rate", "callers": callers, "seconds": seconds}:
            return {"per_s": await _rate(contender, callers, seconds)}
        case {"do": "source", "steps": steps}:
            begun = time.perf_counter()
            run_id = await contender.run(steps)
            took_s = time.perf_counter() - begun
            sources[steps] = run_id, await _seen(contender, run_id)
            return {"took_s": took_s}
        case {"do": "travel", "steps": steps, "times": times}:
            return {"ms": await contender.travels(sources[steps][0], steps, times)}
        case {"do": "fill", "runs": runs, "steps": steps, "text": text}:
            for _ in range(runs):
                await contender.run(steps, text)
            return {}
        case {"do": "facts"}:
            same = [await _seen(contender, run_id) == seen for run_id, seen in sources.values()]
            return {**await contender.facts(), "keeps_source": all(same)}
        case {"do": "place"}:
            return contender.place()
        case _:
            raise ValueError(f"nobody knows how to do {question}")


async def _rate(contender: Contender, callers: int, seconds: float) -> float:
    """
    Runs of ten steps per second, with so many callers who begin none after so many seconds.
    """
    begun = time.perf_counter()
    runs = 0

    async def calling() -> None:
        nonlocal runs
        while time.perf_counter() < begun + seconds:
            await contender.run(10)
            runs += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(calling())
    return runs / (time.perf_counter() - begun)


async def _seen(contender: Contender, run_id: str) -> str:
    return json.dumps(await contender.look(run_id), sort_keys=True, default=str)


def _only_answers_on_stdout() -> Callable[[object], None]:
    """
    Whatever else is printed goes to stderr.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(answer: object) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    return say
