"""
What the servers of these tests execute.
"""

import asyncio
from typing import Any

from pydantic import BaseModel

from dalsegno.workflow import Context, Workflow, step


class Number(BaseModel):
    v: float


class Gates:
    """
    Doors that bodies wait at until a test opens them. One for all tests: names tell them apart.
    """

    def __init__(self) -> None:
        self._gates: dict[str, tuple[asyncio.Event, asyncio.Event]] = {}

    def _gate(self, name: str) -> tuple[asyncio.Event, asyncio.Event]:
        return self._gates.setdefault(name, (asyncio.Event(), asyncio.Event()))

    async def enter(self, name: str) -> None:
        entered, opened = self._gate(name)
        entered.set()
        await opened.wait()

    async def entered(self, name: str) -> None:
        await asyncio.wait_for(self._gate(name)[0].wait(), 5)

    def open(self, name: str) -> None:
        self._gate(name)[1].set()


GATES = Gates()


@step
async def echo(data: Any) -> Any:
    return data


@step
async def add(data: Number) -> Number:
    return Number(v=data.v + 1)


@step
async def double(data: Number) -> Number:
    return Number(v=data.v * 2)


@step
async def fail(_: Any) -> Any:
    raise RuntimeError("no luck")


@step
async def gate(name: str) -> str:
    await GATES.enter(name)
    return name


@step(resume=Number)
async def ask(data: Any, ctx: Context) -> Any:
    return ctx.suspend({"ask": data}, label="question")


@step
async def cancel_itself(_: Any) -> Any:
    inner = asyncio.create_task(asyncio.sleep(60))
    inner.cancel()
    await inner


WORKFLOWS = [
    Workflow("echo").then(echo),
    Workflow("large").then(echo),
    Workflow("math", input=Number, state=dict).then(add, double),
    Workflow("failing").then(echo, fail),
    Workflow("gated").then(gate),
    Workflow("gated_twice").then(gate, echo),
    Workflow("asking").then(ask, echo),
    Workflow("asking_twice").parallel(ask.named("left"), ask.named("right")),
    Workflow("each").foreach(echo),
    Workflow("canceling_inside").then(cancel_itself),
    Workflow("choosing").branch((lambda v: v > 0, echo.named("plus")), (lambda v: v < 0, echo)),
]
