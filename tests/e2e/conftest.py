import os
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from dalsegno.client import Client
from tests.e2e.languages import LANGUAGES, Language
from tests.e2e.service import Ended, Service, dalsegno


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """
    A server that the tests of a module share.
    """
    service = Service(tmp_path_factory.mktemp("service") / "runs.db")
    service.start()
    yield service
    assert service.stop() == 0


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Service]:
    """
    A server that a test may kill.
    """
    service = Service(tmp_path / "runs.db")
    service.start()
    yield service
    if service.process is not None:
        service.kill()


@pytest.fixture
def cli(service: Service) -> Callable[..., Ended]:
    return partial(dalsegno, server=service.address)


@pytest.fixture
async def client(service: Service) -> AsyncIterator[Client]:
    async with Client(service.address) as client:
        yield client


@pytest.fixture(scope="session")
def language(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Language]:
    """
    A language by its name, built once for all processes that share the tests.
    """
    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    return lambda name: LANGUAGES[name](shared)
