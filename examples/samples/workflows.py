"""
What the samples run, in whichever language they are written.

    dalsegno serve --workflows examples.samples.workflows
"""

import asyncio
from typing import Annotated

from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from dalsegno.workflow import Context, NonRetryable, Workflow, constant, from_init, from_step, step

_PRICES_CENTS = {"violin": 120_000, "bow": 9_500}
_TICK_S = 0.05  # long enough to attach in the middle, short enough to wait for 20 of them


class Person(BaseModel):
    name: str = Field(min_length=1)


class Expense(BaseModel):
    """
    What somebody paid for the company.
    """

    employee: str
    cents: int


class Decision(BaseModel):
    """
    What a person answers who was asked.
    """

    approved: bool
    by: str


class Cart(BaseModel):
    item: str
    card: str


class Bill(BaseModel):
    item: str
    card: str
    cents: int


# Not a class: `from` is a word of Python's.
Countdown = TypedDict("Countdown", {"from": Annotated[int, Field(ge=1)]})


class Count(BaseModel):
    """
    Where a countdown stands.
    """

    left: int
    ticks: int


class CardDeclined(NonRetryable):
    """
    Asking again does not make a card valid.
    """


class NotApproved(NonRetryable):
    """
    The person who was asked said no.
    """


@step
async def greet(person: Person) -> dict[str, str]:
    return {"text": f"Hello, {person.name}!"}


@step
async def submit(expense: Expense) -> Expense:
    return expense


@step(resume=Decision)
async def approve(expense: Expense, ctx: Context) -> Decision:
    """
    Ask a person. The run is suspended, and takes no memory, until they answer.
    """
    question = f"Pay {expense.cents} cents to {expense.employee}?"
    decision: Decision = ctx.suspend({"question": question}, label="approval")
    return decision


@step
async def pay(decision: Decision) -> dict[str, bool | str]:
    return {"paid": decision.approved, "approved_by": decision.by}


@step
async def price(cart: Cart) -> Bill:
    return Bill(item=cart.item, card=cart.card, cents=_PRICES_CENTS[cart.item])


@step
async def charge(bill: Bill) -> Bill:
    if bill.card == "expired":
        raise CardDeclined(f"the card is {bill.card}")
    return bill


@step(resume=Decision)
async def review(bill: Bill, ctx: Context) -> Decision:
    decision: Decision = ctx.suspend({"question": f"Ship a {bill.item} for {bill.cents} cents?"})
    if not decision.approved:
        raise NotApproved(f"{decision.by} does not want to ship a {bill.item}")
    return decision


@step
async def ship(decision: Decision, ctx: Context) -> dict[str, str]:
    return {"shipped": ctx.init_data["item"], "reviewed_by": decision.by}


@step
async def tick(count: Count, ctx: Context) -> Count:
    """
    Tell what is left, once for each number.
    """
    ctx.emit({"left": count.left})
    await asyncio.sleep(_TICK_S)
    return Count(left=count.left - 1, ticks=count.ticks + 1)


greeting = Workflow("greeting", input=Person, description="Say hello to somebody.").then(greet)
expense = (
    Workflow("expense", input=Expense, description="Pay an expense that a person approves.")
    .then(submit)
    .then(approve)
    .then(pay)
)
checkout = (
    Workflow("checkout", input=Cart, description="Charge a card, ask a person, ship.")
    .then(price)
    .then(charge)
    .then(review)
    .then(ship)
)
countdown = (
    Workflow("countdown", input=Countdown, description="Count to zero, telling each number.")
    .map("start", {"left": from_init("from"), "ticks": constant(0)})
    .do_while(tick, lambda count: count.left > 0)
    .map("result", {"ticks": from_step("tick", "ticks")})
)
