"""
docs/semantics.md: its examples, executed against servers on real sockets, and what it leaves out.
"""

import inspect
from contextlib import AsyncExitStack
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from dalsegno.client import Client, NodeKind, RunStatus, StepStatus
from dalsegno.client.events import KINDS
from dalsegno.v1 import run_service_pb2
from dalsegno.workflow import Workflow
from tests.docs.pages import Block, Section, sections
from tests.rpc.serving import serving

_PAGE = Path(__file__).parents[2] / "docs" / "semantics.md"
_TEXT = _PAGE.read_text()
_BEFORE_ALL, *_SECTIONS = sections(_PAGE)


@pytest.mark.parametrize("section", _SECTIONS, ids=lambda section: section.title)
async def test_the_examples_do_what_the_page_says(section: Section, tmp_path: Path) -> None:
    """
    The goal: no sentence with an example promises what the server does not do.
    The method: serve what a block defines, over the same database after each such block, and
    execute the other blocks as clients; their asserts speak.
    """
    assert section.blocks[0].defines, "there is nothing to serve"
    names: dict[str, Any] = {"__name__": "page"}
    for block in _BEFORE_ALL.blocks:
        await _execute(block, names)
    async with AsyncExitStack() as stack:
        for block in section.blocks:
            if block.defines:
                await stack.aclose()
                await _execute(block, names)
                workflows = [thing for thing in names.values() if isinstance(thing, Workflow)]
                served = await stack.enter_async_context(serving(tmp_path / "runs.db", workflows))
                names["client"] = await stack.enter_async_context(Client(served.address))
            else:
                await _execute(block, names)


async def _execute(block: Block, names: dict[str, Any]) -> None:
    """
    Execute a block as a module is, but with `await` at its top level, as `python -m asyncio` does.
    """
    result = FunctionType(block.code, names)()
    if inspect.iscoroutine(result):
        await result


def test_every_example_is_in_a_section_that_is_executed() -> None:
    fences = _TEXT.count("```python\n")

    assert fences == sum(len(section.blocks) for section in (_BEFORE_ALL, *_SECTIONS))


@pytest.mark.parametrize("word", [*KINDS, *RunStatus, *StepStatus])
def test_every_kind_of_event_and_every_status_is_explained(word: str) -> None:
    assert f"`{word}`" in _TEXT


@pytest.mark.parametrize("kind", NodeKind)
def test_every_kind_of_node_is_explained(kind: NodeKind) -> None:
    nodes = _TEXT.partition("\n## Nodes\n")[2].partition("\n## ")[0]

    call = f"then({kind})" if kind in (NodeKind.STEP, NodeKind.WORKFLOW) else f"{kind}("
    assert f"`{call}" in nodes


@pytest.mark.parametrize("field", run_service_pb2.TimeTravelRequest.DESCRIPTOR.fields_by_name)
def test_every_option_of_a_travel_is_explained(field: str) -> None:
    assert f"`{field}`" in _TEXT
