"""
Pages of the documentation whose examples are executed.

The Python blocks below one heading belong together. One that imports `dalsegno.workflow` defines
the workflows that a server serves from there on; the others are a client's, one after the other.
The block before the first second-level heading is theirs, too: all of them may use what it defines.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

_HEADING = re.compile(r"#{2,4} (?P<title>.+)\n")
_DEFINES = "from dalsegno.workflow import"


@dataclass(frozen=True)
class Block:
    """
    One example, compiled so that tracebacks name its line of the page.
    """

    code: CodeType
    defines: bool


@dataclass(frozen=True)
class Section:
    """
    The examples below one heading, in order.
    """

    title: str
    blocks: tuple[Block, ...]


def sections(page: Path) -> list[Section]:
    """
    The parts of a page that have examples; the first is what comes before any heading.
    """
    found: dict[str, list[Block]] = {}
    for title, line, text in _blocks(page):
        found.setdefault(title, []).append(_compiled(page, line, text))
    return [Section(title, tuple(blocks)) for title, blocks in found.items()]


def _blocks(page: Path) -> Iterator[tuple[str, int, str]]:
    """
    Heading, number of the first line, and text of every Python block.
    """
    title, fence, start = "", "", 0
    body: list[str] = []
    for number, line in enumerate(page.read_text().splitlines(keepends=True), start=1):
        heading = _HEADING.fullmatch(line)
        if not fence and heading:
            title = heading["title"]
        elif not fence and line.startswith("```"):
            fence, start, body = line.strip(), number + 1, []
        elif fence and line.strip() == "```":
            if fence == "```python":
                yield title, start, "".join(body)
            fence = ""
        else:
            body.append(line)
    assert not fence, f"{page.name}: the block before line {start} has no end"


def _compiled(page: Path, line: int, text: str) -> Block:
    # Empty lines in front make line numbers those of the page.
    tree = ast.parse("\n" * (line - 1) + text, page.name)
    code = compile(tree, str(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return Block(code, defines=_DEFINES in text)
