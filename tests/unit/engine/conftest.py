import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.engine.bodies import Bodies
from tests.unit.engine.stage import Stages


@pytest.fixture
async def stages(tmp_path: Path) -> AsyncIterator[Stages]:
    """
    Stages over a new file. Nothing may go wrong unseen: what the event loop has to report fails
    the test.
    """
    reports: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reports.append(context))
    try:
        async with Stages(tmp_path / "runs.db") as stages:
            yield stages
            _cancel_tests()
    finally:
        loop.set_exception_handler(None)
    assert reports == []


def _cancel_tests() -> None:
    """
    A test that ran out of time is still there, as the loop outlives it; it must not keep the
    engine from stopping.
    """
    for task in asyncio.all_tasks():
        name = getattr(task.get_coro(), "__name__", "")
        if name.startswith("test_"):
            task.cancel()


@pytest.fixture
def bodies() -> Bodies:
    return Bodies()
