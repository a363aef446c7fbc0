"""
Random workflows whose steps do the same for the same input, but for the trouble a test makes.
"""

import random
from collections.abc import Callable, Iterator
from typing import Any

from dalsegno.workflow import Context, Workflow
from dalsegno.workflow.step import Step
from tests.unit.engine.bodies import Bodies, fails, trace

DEPTH_MAX = 2  # workflows inside of workflows


class RandomGraphs:
    """
    Makes workflows of a seed.

    Attributes:
        trouble: What the step at an address does instead of its work: "fail", "ask" or "bail".
    """

    def __init__(self, seed: int, bodies: Bodies) -> None:
        self.trouble: dict[str, str] = {}
        self._random = random.Random(seed)
        self._bodies = bodies
        self._ids = self._letters()

    def workflow(self) -> Workflow:
        return self._sequence("w", 0)

    @staticmethod
    def _letters() -> Iterator[str]:
        for number in range(1000):
            yield "abcdefghijklmnopqrstuvwxyz"[number % 26] + str(number // 26 or "")

    def _step(self) -> Step[..., Any]:
        id = next(self._ids)

        def does(value: Any, ctx: Context) -> Any:
            match self.trouble.get(ctx.address):
                case "fail":
                    return fails(value, ctx)
                case "ask":
                    ctx.suspend(ctx.address)
                case "bail":
                    ctx.bail("bailed")
            return _short(trace(value)) + id

        return self._bodies.step(id, does)

    def _sequence(self, id: str, depth: int) -> Workflow:
        workflow = Workflow(id)
        for _ in range(self._random.randint(1, 4 if depth else 6)):
            self._random.choice(self._kinds)(workflow, depth)
        return workflow

    def _leaf(self, depth: int) -> Any:
        if depth < DEPTH_MAX and self._random.random() < 0.3:
            return self._sequence(f"n{next(self._ids)}", depth + 1)
        return self._step()

    @property
    def _kinds(self) -> list[Callable[[Workflow, int], None]]:
        return [
            *[self._add_step] * 3,
            self._add_parallel,
            self._add_branch,
            self._add_when,
            self._add_loop,
            self._add_foreach,
            self._add_tap,
            self._add_map,
            self._add_sleep,
        ]

    def _add_step(self, workflow: Workflow, depth: int) -> None:
        workflow.then(self._leaf(depth))

    def _add_parallel(self, workflow: Workflow, depth: int) -> None:
        arms = [self._leaf(depth) for _ in range(self._random.randint(1, 3))]
        workflow.parallel(*arms)

    def _add_branch(self, workflow: Workflow, depth: int) -> None:
        arms = [(self._condition(), self._leaf(depth)) for _ in range(self._random.randint(1, 3))]
        workflow.branch(*arms)

    def _add_when(self, workflow: Workflow, depth: int) -> None:
        workflow.when(self._condition(), self._leaf(depth))

    def _add_loop(self, workflow: Workflow, depth: int) -> None:
        times = self._random.randint(1, 3)
        id = f"l{next(self._ids)}"
        body = Workflow(id).map("begun", lambda value: value)
        body.map("text", lambda value: value["text"]).then(self._leaf(depth)).map("ended", _counted)
        workflow.map(f"{id}_in", lambda value: {"left": times, "text": _short(trace(value))})
        workflow.do_while(body, lambda value: value["left"] > 0)
        workflow.map(f"{id}_out", lambda value: value["text"])

    def _add_foreach(self, workflow: Workflow, depth: int) -> None:
        count = self._random.randint(0, 3)
        id = f"e{next(self._ids)}"
        workflow.map(id, lambda value: [f"{_short(trace(value))}{n}" for n in range(count)])
        workflow.foreach(self._leaf(depth), concurrency=self._random.randint(1, 3))

    def _add_tap(self, workflow: Workflow, _: int) -> None:
        workflow.tap(self._step())

    def _add_map(self, workflow: Workflow, _: int) -> None:
        workflow.map(f"v{next(self._ids)}", lambda value: f"{_short(trace(value))}.")

    def _add_sleep(self, workflow: Workflow, _: int) -> None:
        workflow.sleep(f"z{next(self._ids)}", self._random.randint(0, 3))

    def _condition(self) -> Callable[[Any], bool]:
        modulus = self._random.randint(1, 3)
        return lambda value: len(trace(value)) % modulus == 0


async def _counted(value: Any, ctx: Context) -> Any:
    """
    What an iteration passes on to the next.
    """
    begun = await ctx.result_of("begun")
    return {"left": begun["left"] - 1, "text": _short(trace(value))}


def _short(text: str) -> str:
    """
    The text, or what stands for a long one.
    """
    return text if len(text) <= 24 else f"{text[:10]}~{sum(text.encode()) % 997}~"
