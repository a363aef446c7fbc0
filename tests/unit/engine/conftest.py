from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.engine.bodies import Bodies
from tests.unit.engine.stage import Stages


@pytest.fixture
async def stages(tmp_path: Path) -> AsyncIterator[Stages]:
    async with Stages(tmp_path / "runs.db") as stages:
        yield stages


@pytest.fixture
def bodies() -> Bodies:
    return Bodies()
