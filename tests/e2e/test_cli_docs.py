"""
What `--help` shows is in docs/cli.md, and the other way round.
"""

import re
from typing import Any

import pytest
import typer

from dalsegno.cli import app
from dalsegno.cli.exits import MEANINGS
from tests.e2e.service import ROOT, dalsegno

PAGE = (ROOT / "docs" / "cli.md").read_text()
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
COMMANDS: dict[str, Any] = vars(typer.main.get_command(app))["commands"]


def options(command: str) -> set[str]:
    given = {option for item in COMMANDS[command].params for option in item.opts}
    return {option for option in given if option.startswith("--")}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_is_in_its_section(command: str) -> None:
    documented = set(re.findall(r"`(--[a-z-]+)", SECTIONS[command]))

    assert documented == options(command)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example(command: str) -> None:
    assert re.search(rf"^(\$ |.*\w+=\S+ |)dalsegno {command}\b", SECTIONS[command], re.MULTILINE)


def test_nothing_is_documented_that_is_no_command() -> None:
    assert SECTIONS.keys() - {"For"} == COMMANDS.keys()


def test_every_exit_code_is_documented_and_in_the_help() -> None:
    listed = dalsegno("--help").out

    for code, meaning in MEANINGS.items():
        assert f"| {code:d} | {meaning} |" in PAGE
        assert f"{code:d}  {meaning}" in listed


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_ends_with_an_example(command: str) -> None:
    done = dalsegno(command, "--help")

    assert done.code == 0
    assert f"Example: dalsegno {command}" in done.out
    assert all(option in done.out for option in options(command))
