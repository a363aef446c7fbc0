"""
One server for all tests that only call.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.rpc.serving import Served, serving
from tests.rpc.workflows import WORKFLOWS


@pytest_asyncio.fixture(scope="session")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with serving(tmp_path_factory.mktemp("db") / "runs.db", WORKFLOWS) as server:
        yield server
