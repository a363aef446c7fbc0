"""
What the servers of these tests execute.
"""

import asyncio
from typing import Any

from pydantic import BaseModel

from dalsegno.workflow import Context, Workflow, step


class Emission(BaseModel):
    count: int
    bytes: int = 1


@step
async def ask(data: Any, ctx: Context) -> Any:
    ctx.suspend(label="question")
    return data


@step
async def emit(data: Emission, ctx: Context) -> int:
    text = "x" * data.bytes
    for _ in range(data.count):
        ctx.emit(text)
        await asyncio.sleep(0)
    return data.count


@step
async def tick(number: int) -> int:
    await asyncio.sleep(0.01)
    return number


@step
async def echo(data: Any) -> Any:
    return data


WORKFLOWS = [
    Workflow("echo").then(echo),
    Workflow("ticking").foreach(tick),
    Workflow("asking").then(ask, echo),
    Workflow("emitting", input=Emission).then(emit),
    Workflow("emitting_when_asked", input=Emission).then(ask, emit),
    Workflow("asking_twice").then(ask, ask.named("ask_again"), echo),
]
