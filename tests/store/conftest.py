from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from dalsegno.store.contract import Store
from dalsegno.store.sqlite import SqliteStore

OpenStore = Callable[[], AbstractAsyncContextManager[Store]]


@asynccontextmanager
async def opened_sqlite(path: Path, *, readers: int = 2) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(path, readers=readers)
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture(params=["sqlite"])
def open_store(tmp_path: Path) -> OpenStore:
    """
    Opens the same store as often as it is called: what was written is there again.
    """

    return lambda: opened_sqlite(tmp_path / "runs.db")


@pytest.fixture
async def store(open_store: OpenStore) -> AsyncIterator[Store]:
    async with open_store() as store:
        yield store
