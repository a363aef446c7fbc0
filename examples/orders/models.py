"""
What travels between the steps of an order.
"""

from typing import Literal

from pydantic import BaseModel, Field, model_validator


class Line(BaseModel):
    """
    One article of an order.
    """

    sku: str
    quantity: int = Field(ge=1)
    price_cents: int = Field(ge=0)


class Order(BaseModel):
    """
    What a customer sends.
    """

    order_id: str
    customer: str
    lines: list[Line] = Field(min_length=1)
    amount_cents: int
    card: str  # a token of the payment gateway, never a number

    @model_validator(mode="after")
    def _adds_up(self) -> "Order":
        total = sum(line.quantity * line.price_cents for line in self.lines)
        if self.amount_cents != total:
            raise ValueError(
                f"amount_cents is {self.amount_cents}, but the lines add up to {total}"
            )
        return self


class StockCheck(BaseModel):
    left: dict[str, int]  # quantity by sku


class FraudCheck(BaseModel):
    risk: float  # from 0 to 1


class Bill(BaseModel):
    """
    What the payment step gets: all it needs, so that a time travel can replace just that.
    """

    order_id: str
    amount_cents: int
    card: str


class Authorization(BaseModel):
    """
    Money set aside on a card, not taken yet.
    """

    authorization_id: str
    order_id: str
    amount_cents: int


class Decision(BaseModel):
    """
    What a person answers who is asked for approval.
    """

    approved: bool
    by: str


class Picked(BaseModel):
    sku: str
    quantity: int
    shelf: str


class Goods(BaseModel):
    """
    What shipping gets: an order, off its shelves.
    """

    order_id: str
    picked: list[Picked]


class Parcel(BaseModel):
    order_id: str
    weight_g: int


class Shipment(BaseModel):
    carrier: str
    tracking: str


class Capture(BaseModel):
    capture_id: str


class Receipt(BaseModel):
    """
    What a finished order gives.
    """

    order_id: str
    status: Literal["shipped", "refused"]
    charged_cents: int
    capture_id: str | None = None
    tracking: str | None = None
