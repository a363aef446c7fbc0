from collections.abc import AsyncIterator

import pytest

from dalsegno.client import Client, Patience
from tests.unit.client.scripted import ScriptedRuns, Wire, scripted_server

QUICK = Patience(connect_s=5.0, give_up_s=5.0, delay_s=0.001, delay_max_s=0.01, silence_s=5.0)


@pytest.fixture
async def server() -> AsyncIterator[tuple[ScriptedRuns, Wire]]:
    async with scripted_server() as server:
        yield server


@pytest.fixture
def runs(server: tuple[ScriptedRuns, Wire]) -> ScriptedRuns:
    return server[0]


@pytest.fixture
def wire(server: tuple[ScriptedRuns, Wire]) -> Wire:
    return server[1]


@pytest.fixture
async def client(wire: Wire) -> AsyncIterator[Client]:
    async with Client(f"127.0.0.1:{wire.port}", patience=QUICK) as client:
        yield client
