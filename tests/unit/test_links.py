"""
Pages that point at each other.
"""

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")
_CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)  # Go's generics look like links
_PAGES = [
    *_ROOT.glob("*.md"),
    *_ROOT.glob("docs/**/*.md"),
    *_ROOT.glob("bench/*.md"),
    *_ROOT.glob("clients/*/*.md"),
    *_ROOT.glob("server/*.md"),
]


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_a_page_links_only_to_what_is_there(page: Path) -> None:
    missing = [
        target
        for target in _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8")))
        if not (page.parent / target).exists()
    ]

    assert missing == []


def test_every_page_of_the_documentation_is_in_its_index() -> None:
    index = (_ROOT / "docs/README.md").read_text(encoding="utf-8")
    pages = {page.relative_to(_ROOT / "docs").as_posix() for page in _ROOT.glob("docs/**/*.md")} - {
        "README.md"
    }

    assert pages <= set(_LINK.findall(index))
