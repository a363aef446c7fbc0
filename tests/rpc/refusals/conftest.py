"""
One stage for all refusals: they change nothing.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.rpc.refusals.stage import Stage, staging


@pytest_asyncio.fixture(scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with staging(tmp_path_factory.mktemp("stage") / "runs.db") as stage:
        yield stage
