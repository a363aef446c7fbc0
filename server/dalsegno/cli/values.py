"""
JSON on the command line.
"""

import json
import sys
from pathlib import Path
from typing import Any, NoReturn

import typer

from dalsegno.client import UNSET, StepResult


class UsageError(typer.exceptions.TyperException):
    """
    A command line that cannot be understood; the message is a sentence.
    """

    exit_code = 2


def payload(option: str, text: str | None) -> Any:
    """
    The value given to an option: JSON text, ``@FILE`` or ``-`` for stdin; `UNSET` if not given.
    """
    if text is None:
        return UNSET
    source = _read(option, text)
    try:
        return json.loads(source, parse_constant=_refuse)
    except ValueError as error:
        is_word = source == text and text[:1] not in ("", "{", "[", '"')
        quotes = f"; a string needs quotes: '{json.dumps(text)}'" if is_word else ""
        raise UsageError(f"{option} is not JSON: {error}{quotes}") from error


def outputs(option: str, texts: list[str]) -> dict[str, StepResult]:
    """
    Outputs by address, from ``ADDRESS=JSON`` given any number of times.
    """
    results = {}
    for text in texts:
        address, is_given, value = text.partition("=")
        if not is_given or not address:
            raise UsageError(f"{option} takes ADDRESS=JSON, such as {option} 'reserve={{}}'")
        results[address] = StepResult(output=payload(f"{option} {address}", value))
    return results


def _read(option: str, text: str) -> str:
    if text == "-":
        return sys.stdin.read()
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{option}: cannot read {text[1:]}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{option}: {text[1:]} is not UTF-8") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"JSON has no {constant}")
