"""
An order, from the customer's click to the receipt.

    dalsegno serve --workflows examples.orders.workflows

Small orders go through by themselves. Big ones wait for a person, for as long as it takes.
"""

import zlib
from datetime import timedelta

from dalsegno.workflow import (
    Context,
    NonRetryable,
    Retry,
    Workflow,
    constant,
    from_init,
    from_step,
    step,
)
from examples.orders import gateway
from examples.orders.models import (
    Authorization,
    Bill,
    Capture,
    Decision,
    FraudCheck,
    Goods,
    Line,
    Order,
    Parcel,
    Picked,
    Receipt,
    Shipment,
    StockCheck,
)

APPROVAL_FROM_CENTS = 500_00

_RISK_MAX = 0.5
_BICYCLE_MAX_G = 2_000
_STOCK = {"violin": 4, "bow": 40, "rosin": 400, "score": 25}
_SHELVES = {"violin": "A1", "bow": "A2", "rosin": "B1", "score": "C7"}

payments = gateway.default()
pay = Retry(
    max_attempts=5,
    initial_interval=timedelta(milliseconds=200),
    max_interval=timedelta(seconds=2),
    non_retryable=(gateway.CardDeclined, gateway.KeyReused),
)


class OutOfStock(NonRetryable):
    """
    Asking again does not fill a shelf.
    """


class SuspectedFraud(NonRetryable):
    """
    The order is not worth the risk.
    """


@step
async def check_stock(order: Order) -> StockCheck:
    """
    Look whether everything is there.
    """
    for line in order.lines:
        if line.quantity > _STOCK.get(line.sku, 0):
            raise OutOfStock(f"{line.quantity} x {line.sku} asked, {_STOCK.get(line.sku, 0)} here")
    return StockCheck(left={line.sku: _STOCK[line.sku] for line in order.lines})


@step
async def check_fraud(order: Order) -> FraudCheck:
    """
    Guess how likely the customer is to pay.
    """
    risk = 0.1 if "@" in order.customer else 0.9
    if risk > _RISK_MAX:
        raise SuspectedFraud(f"customer {order.customer!r} has a risk of {risk}")
    return FraudCheck(risk=risk)


# The gateway is called from plain functions: they run on worker threads and may block.
@step(retry=pay, timeout=10)
def authorize(bill: Bill, ctx: Context) -> Authorization:
    """
    Set the money aside on the card.
    """
    authorization_id = payments.authorize(
        # The same over all attempts, so one authorization however often the answer gets lost.
        # A replay has another key: it may come with another card.
        key=ctx.idempotency_key,
        order_id=bill.order_id,
        amount_cents=bill.amount_cents,
        card=bill.card,
    )
    return Authorization(
        authorization_id=authorization_id, order_id=bill.order_id, amount_cents=bill.amount_cents
    )


def is_big(authorization: Authorization) -> bool:
    return authorization.amount_cents >= APPROVAL_FROM_CENTS


def is_small(authorization: Authorization) -> bool:
    return not is_big(authorization)


@step(resume=Decision, retry=pay)
def approve(authorization: Authorization, ctx: Context) -> Decision:
    """
    Ask a person. The run is suspended, and takes no memory, until they answer.
    """
    decision: Decision = ctx.suspend(
        {"question": "Ship this order?", "amount_cents": authorization.amount_cents},
        label="approval",
    )
    if not decision.approved:
        payments.void(
            key=ctx.idempotency_key,
            order_id=authorization.order_id,
            amount_cents=authorization.amount_cents,
        )
        ctx.bail(Receipt(order_id=authorization.order_id, status="refused", charged_cents=0))
    return decision


@step
async def wave_through(_: Authorization) -> Decision:
    """
    Small orders need nobody's time.
    """
    return Decision(approved=True, by="the rule for small orders")


async def lines_of(ctx: Context) -> list[Line]:
    return [Line.model_validate(line) for line in ctx.init_data["lines"]]


@step
async def pick(line: Line, ctx: Context) -> Picked:
    """
    Fetch one line of the order from its shelf.
    """
    shelf = _SHELVES[line.sku]
    ctx.emit({"walking_to": shelf})
    return Picked(sku=line.sku, quantity=line.quantity, shelf=shelf)


@step
async def pack(goods: Goods) -> Parcel:
    """
    Put everything into one parcel.
    """
    articles = sum(item.quantity for item in goods.picked)
    return Parcel(order_id=goods.order_id, weight_g=300 + 450 * articles)


@step
async def hand_over(parcel: Parcel) -> Shipment:
    """
    Give the parcel to a carrier.
    """
    carrier = "bicycle" if parcel.weight_g < _BICYCLE_MAX_G else "van"
    number = zlib.crc32(parcel.order_id.encode())
    return Shipment(carrier=carrier, tracking=f"{carrier}-{number:08x}")


shipping = (
    Workflow("shipping", input=Goods, output=Shipment, description="From the shelves to a carrier.")
    .then(pack)
    .then(hand_over)
    .commit()
)


@step(retry=pay, timeout=10)
def capture(ctx: Context) -> Capture:
    """
    Take the money that was set aside.
    """
    authorization = Authorization.model_validate(ctx.blocking_result_of("authorize"))
    capture_id = payments.capture(
        # Not ctx.idempotency_key: a replay is another run, and an order is paid for once.
        key=f"capture-{authorization.order_id}",
        order_id=authorization.order_id,
        amount_cents=authorization.amount_cents,
    )
    return Capture(capture_id=capture_id)


orders = (
    Workflow("orders", input=Order, output=Receipt, description="An order, click to receipt.")
    .parallel(check_stock, check_fraud, id="checks")
    .map(
        "bill",
        {
            "order_id": from_init("order_id"),
            "amount_cents": from_init("amount_cents"),
            "card": from_init("card"),
        },
    )
    .then(authorize)
    .branch((is_big, approve), (is_small, wave_through), id="approval")
    .map("picking_list", lines_of)
    .foreach(pick, concurrency=2)
    .map("goods", {"order_id": from_init("order_id"), "picked": from_step("pick")})
    .then(shipping)
    .then(capture)
    .map(
        "receipt",
        {
            "order_id": from_init("order_id"),
            "status": constant("shipped"),
            "charged_cents": from_init("amount_cents"),
            "capture_id": from_step("capture", "capture_id"),
            "tracking": from_step("shipping", "tracking"),
        },
    )
    .commit()
)
