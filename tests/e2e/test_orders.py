"""
The order example: a real server on a real file, and the client.
"""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from dalsegno.client import Client, RunStatus, StepStatus
from dalsegno.client.errors import InvalidInput
from examples.orders.gateway import Gateway
from tests.e2e.service import ROOT, Service

_ORDER = json.loads((ROOT / "examples/orders/order.json").read_text())
_GOOD = _ORDER | {"card": "tok_visa"}
_SMALL = {
    "order_id": "order-7",
    "customer": "ada@example.com",
    "lines": [{"sku": "rosin", "quantity": 2, "price_cents": 800}],
    "amount_cents": 1600,
    "card": "tok_visa",
}
_YES = {"approved": True, "by": "grace"}


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Gateway]]:
    """
    A server with the order workflow, and the gateway that it uses.
    """
    folder = tmp_path_factory.mktemp("orders")
    ledger = folder / "payments.db"
    service = Service(folder / "runs.db", workflows="examples.orders.workflows")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORDERS_LEDGER", str(ledger))
        service.start()
    yield service, Gateway(ledger)
    assert service.stop() == 0


@pytest.fixture
async def shop(orders: tuple[Service, Gateway]) -> AsyncIterator[tuple[Client, Gateway]]:
    service, gateway = orders
    async with Client(service.address) as client:
        yield client, gateway


def captures(gateway: Gateway, order: dict[str, Any]) -> int:
    return sum(
        entry.kind == "capture" and entry.order_id == order["order_id"]
        for entry in gateway.entries()
    )


async def test_an_order_arrives_when_nothing_goes_wrong(shop: tuple[Client, Gateway]) -> None:
    client, gateway = shop

    run = await client.run("orders", input_data=_SMALL)

    assert run.status is RunStatus.SUCCESS
    assert run.result["status"] == "shipped"
    assert run.result["charged_cents"] == 1600
    assert run.result["tracking"].startswith("bicycle-")
    assert run.steps["wave_through"].status is StepStatus.SUCCESS
    assert run.steps["approve"].status is StepStatus.SKIPPED
    assert run.steps["shipping.pack"].output["order_id"] == "order-7"
    assert captures(gateway, _SMALL) == 1


async def test_a_declined_order_travels_on_with_another_card(
    shop: tuple[Client, Gateway],
) -> None:
    client, gateway = shop
    order = _ORDER | {"order_id": "order-declined"}
    source = await client.run("orders", input_data=order)
    assert source.status is RunStatus.FAILED
    assert source.error is not None
    assert source.error.type == "CardDeclined"
    assert len(source.steps["authorize"].attempts) == 1  # asking again does not help

    bill = source.steps["authorize"].input | {"card": "tok_visa"}
    replay = await client.time_travel(source.run_id, "authorize", input_data=bill)

    assert replay.status is RunStatus.SUSPENDED
    assert [item.label for item in replay.suspensions] == ["approval"]
    assert replay.steps["check_stock"].reused_from_run_id == source.run_id
    assert replay.steps["authorize"].reused_from_run_id is None
    done = await client.resume(replay.run_id, label="approval", resume_data=_YES)
    assert done.status is RunStatus.SUCCESS
    assert [done.steps[f"pick[{i}]"].output["sku"] for i in range(3)] == ["violin", "bow", "rosin"]
    assert captures(gateway, order) == 1
    assert await client.get_run(source.run_id) == source


async def test_a_gateway_that_is_down_is_asked_again_until_it_answers(
    shop: tuple[Client, Gateway],
) -> None:
    client, gateway = shop
    order = _SMALL | {"order_id": "order-down"}
    gateway.go_down(2)

    run = await client.run("orders", input_data=order)

    assert run.status is RunStatus.SUCCESS
    attempts = run.steps["authorize"].attempts
    assert [attempt.error and attempt.error.type for attempt in attempts] == [
        "GatewayDown",
        "GatewayDown",
        None,
    ]


async def test_a_payment_whose_answer_was_lost_is_not_made_twice(
    shop: tuple[Client, Gateway],
) -> None:
    client, gateway = shop
    order = _GOOD | {"order_id": "order-lost"}
    suspended = await client.run("orders", input_data=order)
    gateway.go_down(1, loses="answer")

    run = await client.resume(suspended.run_id, label="approval", resume_data=_YES)

    assert run.status is RunStatus.SUCCESS
    assert len(run.steps["capture"].attempts) == 2
    assert captures(gateway, order) == 1


async def test_an_order_that_is_shipped_again_is_not_paid_twice(
    shop: tuple[Client, Gateway],
) -> None:
    client, gateway = shop
    order = _SMALL | {"order_id": "order-again"}
    source = await client.run("orders", input_data=order)

    replay = await client.time_travel(source.run_id, "shipping")

    assert replay.status is RunStatus.SUCCESS
    assert replay.steps["capture"].reused_from_run_id is None
    assert replay.result == source.result
    assert captures(gateway, order) == 1


async def test_a_refused_order_gives_the_money_free(shop: tuple[Client, Gateway]) -> None:
    client, gateway = shop
    order = _GOOD | {"order_id": "order-refused"}
    suspended = await client.run("orders", input_data=order)

    run = await client.resume(
        suspended.run_id, label="approval", resume_data={"approved": False, "by": "grace"}
    )

    assert run.status is RunStatus.SUCCESS
    assert run.result == {
        "order_id": "order-refused",
        "status": "refused",
        "charged_cents": 0,
        "capture_id": None,
        "tracking": None,
    }
    entries = [item.kind for item in gateway.entries() if item.order_id == "order-refused"]
    assert entries == ["authorization", "void"]
    assert "capture" not in run.steps


async def test_an_order_that_does_not_add_up_is_refused_at_the_door(
    shop: tuple[Client, Gateway],
) -> None:
    client, _ = shop

    with pytest.raises(InvalidInput, match="the lines add up to 1600"):
        await client.run("orders", input_data=_SMALL | {"amount_cents": 1})
