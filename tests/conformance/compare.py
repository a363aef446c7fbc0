"""
Exact comparison of JSON values, and short texts about differences.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from dalsegno.v1 import payload_pb2

_SHOWN_MAX = 160  # characters of one value in a failure: the line stays readable

Pattern = TypeVar("Pattern")
Item = TypeVar("Item")


class _Nothing:
    """
    Stands for what is not there at all, which is something else than null.
    """

    def __repr__(self) -> str:
        return "nothing"


NOTHING: Final = _Nothing()


def same(expected: Any, actual: Any) -> bool:
    """
    Whether two JSON values are the same: 1 is neither 1.0 nor true; objects have no order.
    """
    if type(expected) is not type(actual):
        return False
    if isinstance(expected, dict):
        return expected.keys() == actual.keys() and all(
            same(value, actual[key]) for key, value in expected.items()
        )
    if isinstance(expected, list):
        return len(expected) == len(actual) and all(map(same, expected, actual))
    return bool(expected == actual)


def value_of(payload: payload_pb2.Payload) -> Any:
    """
    The value an answer holds.

    Raises:
        ValueError: It is not in the form that was asked for, or holds no JSON.
    """
    if payload.WhichOneof("form") != "json":
        raise ValueError(f"a payload in form {payload.WhichOneof('form')}, not json")
    return json.loads(payload.json)


def show(value: Any) -> str:
    """
    A value as short text.
    """
    text = repr(value) if value is NOTHING else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 1] + "…"


def differs(key: str, expected: Any, actual: Any) -> str:
    """
    What to say of a value that is not what it should be.
    """
    return f"{key}: expected {show(expected)}, got {show(actual)}"


def unmatched(
    patterns: Sequence[Pattern], items: Sequence[Item], fits: Callable[[Pattern, Item], bool]
) -> list[Pattern]:
    """
    The patterns left when as many as possible have an item of their own.

    A pattern that says little fits many items, so taking the first that fits is not enough:
    an item taken is given up when its pattern can have another (Kuhn's matching).
    """
    taken: dict[int, int] = {}

    def place(pattern: int, tried: set[int]) -> bool:
        for index, item in enumerate(items):
            if index in tried or not fits(patterns[pattern], item):
                continue
            tried.add(index)
            if index not in taken or place(taken[index], tried):
                taken[index] = pattern
                return True
        return False

    return [patterns[index] for index in range(len(patterns)) if not place(index, set())]
