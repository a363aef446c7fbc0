from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.life import Life


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    """
    A server that has not begun to live, and does not outlive its test.
    """
    life = Life(tmp_path / "runs.db")
    yield life
    life.kill()
