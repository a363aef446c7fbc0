"""
What the end-to-end tests run.
"""

import asyncio
import os
from typing import Any

from typing_extensions import TypedDict

from dalsegno.workflow import Context, Workflow, step


class Cart(TypedDict):
    bows: int
    card: str


class Bill(TypedDict):
    cents: int
    card: str


@step
async def price(cart: Cart) -> Bill:
    return {"cents": 9500 * cart["bows"], "card": cart["card"]}


@step
async def charge(bill: Bill) -> str:
    if bill["card"] != "visa":
        raise ValueError(f"no such card: {bill['card']}")
    return f"paid {bill['cents']}"


@step
async def thank(paid: str) -> str:
    return f"{paid}, thank you"


@step(resume=bool)
async def approve(value: Any, ctx: Context) -> Any:
    if ctx.suspend({"question": "ship it?", "of": value}, label="boss"):
        return value
    raise PermissionError("the boss said no")


@step
async def gate(path: str) -> str:
    """
    Wait until there is a file.
    """
    await _until_there_is(path)
    return path


@step
async def count(number: int, ctx: Context) -> int:
    ctx.emit({"counting": number})
    await asyncio.sleep(0.005)
    return number + 1


class Place(TypedDict):
    number: int
    gates: str  # folder in which the gates open


@step
async def walk(place: Place, ctx: Context) -> Place:
    """
    Go to the next number; there are gates at 20 and 45.
    """
    number = place["number"]
    ctx.emit({"at": number})
    await asyncio.sleep(0.005)
    if number in (20, 45):
        await _until_there_is(f"{place['gates']}/{number}")
    return {**place, "number": number + 1}


@step
async def echo(value: Any) -> Any:
    return value


async def _until_there_is(path: str) -> None:
    while not os.path.exists(path):  # noqa: ASYNC110, ASYNC240, PTH110 - another process makes it
        await asyncio.sleep(0.01)


def is_big(value: Any) -> bool:
    return bool(value["size"] > 10)


checkout = (
    Workflow("checkout", input=Cart, description="Price a cart and charge a card.")
    .then(price)
    .then(charge)
    .then(thank)
)
asking = Workflow("asking").then(echo).then(approve).then(echo.named("after"))
asking_twice = Workflow("asking_twice").parallel(approve, approve.named("approve_too"))
gated = Workflow("gated").then(gate).then(echo)
counting = Workflow("counting").do_until(count, lambda number: number >= 60)
echoes = Workflow("echoes").foreach(echo, concurrency=2)
branching = (
    Workflow("branching")
    .then(echo)
    .branch((is_big, echo.named("big")), (lambda value: value["size"] < 5, echo.named("small")))
)
stateful = Workflow("stateful", state=Cart).then(echo)
counting_and_asking = (
    Workflow("counting_and_asking")
    .do_until(count, lambda number: number >= 20)
    .then(approve)
    .do_until(count.named("count_on"), lambda number: number >= 40)
)
walking = Workflow("walking").do_until(walk, lambda place: place["number"] >= 60)
