import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import shims

_MEMORY = Path("/dev/shm")
_NEEDED_BYTES = 512 * 1024 * 1024  # containers often have no more than 64 MiB


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Path]:
    """
    A folder for thousands of databases, one after the other: in memory, if there is a place.
    """
    if not _MEMORY.is_dir() or shutil.disk_usage(_MEMORY).free < _NEEDED_BYTES:
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix="dalsegno-", dir=_MEMORY))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    The library that records what a process does to its disk.
    """
    return shims.build("disk", tmp_path_factory.mktemp("recorder"))


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("POWER_SEED", random.SystemRandom().randrange(10**6)))
