from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from dalsegno.store.contract import Store
from dalsegno.store.sqlite import SqliteStore

OpenStore = Callable[[], AbstractAsyncContextManager[Store]]


@pytest.fixture(params=["sqlite"])
def open_store(tmp_path: Path) -> OpenStore:
    """
    Opens the same store as often as it is called: what was written is there again.
    """

    @asynccontextmanager
    async def open_sqlite() -> AsyncIterator[Store]:
        store = await SqliteStore.open(tmp_path / "runs.db")
        try:
            yield store
        finally:
            await store.close()

    return open_sqlite


@pytest.fixture
async def store(open_store: OpenStore) -> AsyncIterator[Store]:
    async with open_store() as store:
        yield store
