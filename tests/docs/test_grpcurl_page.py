"""
docs/grpcurl.md: every command, typed against a real server, and what it prints.
"""

import os
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.console import printed, typed
from tests.e2e.service import ROOT, Service
from tests.toolchains import grpcurl

_PAGE = ROOT / "docs" / "grpcurl.md"
_ADDRESS = "127.0.0.1:7070"
_VARYING = {
    r"\d{4}-\d\d-\d\dT[\d:.]+Z": "TIME",
    r'"[0-9a-f]{32}"': '"TRACE"',
    r'"[0-9a-f]{64}"': '"HASH"',  # of a definition, which may change; the page is not about it
}


@pytest.fixture
def tools() -> str:
    """
    Where grpcurl and buf are, as a search path.
    """
    return os.pathsep.join([str(grpcurl().parent), sysconfig.get_path("scripts")])


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Service]:
    """
    What `make serve` serves.
    """
    samples = ("--workflows", "examples.samples.workflows")
    service = Service(tmp_path / "runs.db", workflows="examples.orders.workflows", options=samples)
    service.start()
    yield service
    assert service.stop() == 0


@pytest.mark.slow
@pytest.mark.timeout(600)  # a machine that never did so builds grpcurl first
def test_each_command_of_the_page_prints_what_it_says(
    tools: str, served: Service, tmp_path: Path
) -> None:
    commands = typed(_PAGE)

    outputs = printed(
        [it.command.replace(_ADDRESS, served.address) for it in commands],
        cwd=tmp_path,
        env={**os.environ, "PATH": os.pathsep.join([tools, os.environ["PATH"]])},
        timeout_s=60,
    )

    assert [comparable(text) for text in outputs] == [comparable(it.output) for it in commands]


def comparable(text: str) -> str:
    for pattern, name in _VARYING.items():
        text = re.sub(pattern, name, text)
    return text
