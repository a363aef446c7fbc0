"""
clients/python/README.md: its examples, executed against the workflows of the samples.
"""

import inspect
from collections.abc import AsyncIterator
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from dalsegno.client import Client
from examples.samples import workflows
from tests.docs.pages import sections
from tests.rpc.serving import serving

_PAGE = Path(__file__).parents[2] / "clients" / "python" / "README.md"
_PROGRAM = "Ten lines"  # executed as a program, by tests/e2e/test_wheel.py


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    served = [workflows.greeting, workflows.expense, workflows.checkout, workflows.countdown]
    async with serving(tmp_path / "runs.db", served) as server, Client(server.address) as client:
        yield client


async def test_the_snippets_do_what_they_say(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The method: one after the other, as in one program; their asserts speak.
    """
    authority = Path(__file__).parents[1] / "rpc" / "certificates" / "localhost.pem"
    (tmp_path / "ca.pem").write_bytes(authority.read_bytes())
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"client": client, "Client": Client}

    executed = 0
    for section in sections(_PAGE):
        for block in section.blocks if section.title != _PROGRAM else ():
            result = FunctionType(block.code, names)()
            if inspect.iscoroutine(result):
                await result
            executed += 1

    assert executed == _PAGE.read_text().count("```python\n") - 1
