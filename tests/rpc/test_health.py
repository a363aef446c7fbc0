"""
Health: what is told of it, and to those who watch.
"""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest_asyncio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from dalsegno.rpc.health import Health

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
ASKED = health_pb2.HealthCheckRequest()


@pytest_asyncio.fixture
async def health() -> Health:
    return Health(["orders"])


@pytest_asyncio.fixture
async def stub(health: Health) -> AsyncIterator[Any]:
    server = grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield health_pb2_grpc.HealthStub(channel)
    await server.stop(0)


async def test_a_server_that_is_ill_says_so_until_it_is_well(health: Health, stub: Any) -> None:
    told = [(await stub.Check(ASKED)).status]
    for is_well in (False, True):
        health.tell(is_well)
        told.append((await stub.Check(ASKED)).status)

    assert told == [SERVING, NOT_SERVING, SERVING]


async def test_watchers_are_told_of_each_change_and_of_nothing_else(
    health: Health, stub: Any
) -> None:
    watch = stub.Watch(ASKED)
    told = [(await watch.read()).status]
    health.tell(True)
    for is_well in (False, True):
        health.tell(is_well)
        told.append((await watch.read()).status)
    health.stop()
    told.append((await watch.read()).status)

    assert told == [SERVING, NOT_SERVING, SERVING, NOT_SERVING]
    assert await watch.read() is grpc.aio.EOF


async def test_a_server_that_stops_is_not_well_any_more(health: Health, stub: Any) -> None:
    health.stop()
    health.tell(True)

    assert (await stub.Check(ASKED)).status == NOT_SERVING


async def test_who_watches_an_ill_server_that_stops_sees_the_end(health: Health, stub: Any) -> None:
    health.tell(False)
    watch = stub.Watch(ASKED)
    told = (await watch.read()).status
    health.stop()

    assert told == NOT_SERVING
    assert await watch.read() is grpc.aio.EOF
