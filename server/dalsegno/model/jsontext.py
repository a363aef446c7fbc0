"""
JSON text: checked where it comes in, made from what user code returns, cut and joined as bytes.

Text that was checked once is never changed: key order, spacing and the digits of numbers stay.
"""

import itertools
import json
import math
import re
import sys
from array import array
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

NESTING_MAX = 32  # semantics.md §3; a scalar has none, `[]`, `{}` and `{"v": 1}` have one level

_KEY_SHOWN_MAX = 40  # letters of one key in a path: paths end in error messages

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
# The closing quote is optional so that text that is no JSON costs linear time, too.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_SPACE = re.compile(r"[ \t\n\r]*")
_CONTAINERS = (dict, list, tuple)
_BRACKETS = b"[]{}"
_NOT_BRACKETS = bytes(set(range(256)) - set(_BRACKETS))
_TO_STEPS = bytes.maketrans(_BRACKETS, bytes([1, 255, 1, 255]))  # as signed bytes: one up, down

Default = Callable[[Any], Any]


class JsonError(ValueError):
    """
    Text that is no JSON, or a value that has no JSON form.

    Attributes:
        path: Where in the value, e.g. ``$.items[3].name``; ``$`` is the whole of it.
        problem: What is wrong there.
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


class _Fault:
    """
    Stands in a parsed value for what must be refused.
    """

    def __init__(self, problem: str) -> None:
        self.problem = problem


class _Refused(ValueError):
    """
    The fast parse met something; a slower one tells what and where.
    """


def path_text(parts: Iterable[str | int]) -> str:
    """
    Write keys and indexes as a path: ``$``, ``$.a[3].b``, ``$["odd key"]``.
    """
    text = "$"
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part[:_KEY_SHOWN_MAX]}"
        else:
            text += f"[{json.dumps(part[:_KEY_SHOWN_MAX])}]"
    return text


def loads(data: bytes) -> Any:
    """
    Parse text from outside, strictly.

    Raises:
        JsonError: It is not UTF-8 or not JSON, starts with a byte order mark, nests deeper than
            `NESTING_MAX`, or has a key twice, NaN, an infinity, a number that is infinite as a
            double, an integer of more digits than `int` reads (4300), or half a surrogate pair.
    """
    text = _decode(data)
    _check_nesting(data)
    try:
        value = _STRICT.decode(text)
    except json.JSONDecodeError as error:
        problem = f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise JsonError("$", problem) from None
    except ValueError:
        _refuse(_LENIENT.decode(text), (), None)
        raise
    if _SURROGATE_ESCAPE.search(data):
        _refuse(value, (), None)
    return value


def parse(data: bytes) -> Any:
    """
    Parse text that `loads` or `dumps` has let through before.
    """
    return json.loads(str(data, "utf-8"))


def dumps(value: Any, default: Default | None = None) -> bytes:
    """
    Write a value from user code as compact text; keys keep their order.

    Args:
        value: Of None, bool, int, float, str, list, tuple and dict with str keys, and of
            subclasses of these.
        default: Turns anything else into such a value, or raises TypeError.

    Raises:
        JsonError: It holds anything else, NaN, an infinity, half a surrogate pair or an integer
            of more digits than `int` writes (4300), contains itself, or nests deeper than
            `NESTING_MAX`.
    """
    try:
        data = _encode(value, default)
    except (TypeError, ValueError, RecursionError):
        _refuse(value, (), default)
        raise
    if _is_too_deep(data):
        _refuse(value, (), default)
    return data


def nesting(data: bytes) -> int:
    """
    Levels of arrays and objects in checked text.

    In other text it counts those a parser could enter before it stops at the first mistake,
    or more.
    """
    steps = array("b", _STRING.sub(b"", data).translate(_TO_STEPS, _NOT_BRACKETS))
    return max(itertools.accumulate(steps), default=0)


def elements(data: bytes) -> list[bytes]:
    """
    Cut the checked text of an array into the exact texts of its elements.

    Raises:
        JsonError: It is not an array.
    """
    text = str(data, "utf-8")
    at = _past_space(text, 0)
    if text[at] != "[":
        raise JsonError("$", "not an array")
    at = _past_space(text, at + 1)
    found: list[bytes] = []
    while text[at] != "]":
        _, end = _ANY.raw_decode(text, at)
        found.append(text[at:end].encode())
        at = _past_space(text, end)
        if text[at] == ",":
            at = _past_space(text, at + 1)
    return found


def join_array(items: Iterable[bytes]) -> bytes:
    """
    Text of an array of these texts.
    """
    return b"[" + b",".join(items) + b"]"


def join_object(members: Iterable[tuple[str, bytes]]) -> bytes:
    """
    Text of an object of these keys and texts.
    """
    return b"{" + b",".join(dumps(key) + b":" + text for key, text in members) + b"}"


def _decode(data: bytes) -> str:
    if data.startswith(b"\xef\xbb\xbf"):
        raise JsonError("$", "starts with a byte order mark")
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise JsonError("$", f"not UTF-8 at byte {error.start}") from None


def _is_too_deep(data: bytes) -> bool:
    # Counting is cheap and settles it for nearly all payloads.
    opened = data.count(b"[") + data.count(b"{")
    return opened > NESTING_MAX and nesting(data) > NESTING_MAX


def _check_nesting(data: bytes) -> None:
    if _is_too_deep(data):
        raise JsonError("$", f"nested deeper than {NESTING_MAX} levels")


def _past_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None  # it matches nothing at all, too
    return match.end()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Refused
    return members


def _unique_or_fault(pairs: list[tuple[str, Any]]) -> Any:
    members: dict[str, Any] = {}
    for key, item in pairs:
        if key in members:
            return _Fault(f"has the key {json.dumps(key[:_KEY_SHOWN_MAX])} twice")
        members[key] = item
    return members


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _Refused
    return number


def _finite_or_fault(digits: str) -> Any:
    number = float(digits)
    return _Fault("too large a number for a double") if math.isinf(number) else number


def _int_or_fault(digits: str) -> Any:
    try:
        return int(digits)
    except ValueError:
        return _Fault(_too_many_digits())


def _too_many_digits() -> str:
    return f"an integer of more than {sys.get_int_max_str_digits()} digits"


def _no_constant(name: str) -> Any:
    raise _Refused(name)


def _constant_fault(name: str) -> _Fault:
    return _Fault(f"{name} is not JSON")


_ANY = json.JSONDecoder()
_STRICT = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_constant
)
_LENIENT = json.JSONDecoder(
    object_pairs_hook=_unique_or_fault,
    parse_float=_finite_or_fault,
    parse_int=_int_or_fault,
    parse_constant=_constant_fault,
)


def _encode(value: Any, default: Default | None) -> bytes:
    text = _encoder(default).encode(value)
    _check_keys(value)  # only now, as a value that contains itself has no end
    return text.encode()


@lru_cache
def _encoder(default: Default | None) -> json.JSONEncoder:
    def replaced(item: Any) -> Any:
        if default is None:
            raise TypeError
        plain = default(item)
        _check_keys(plain)
        return plain

    return json.JSONEncoder(
        ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=replaced
    )


def _check_keys(value: Any) -> None:
    """
    Refuse keys that are not text, which json.dumps would turn into text.
    """
    left = [value] if isinstance(value, _CONTAINERS) else []
    while left:
        items: Any = left.pop()
        if isinstance(items, dict):
            "".join(items)  # the fastest way to a TypeError for a key that is not text
            items = items.values()
        left += [item for item in items if isinstance(item, _CONTAINERS)]


def _refuse(value: Any, path: tuple[str | int, ...], default: Default | None) -> None:
    """
    Raise JsonError for the first fault in the value, if it has one.
    """
    match value:
        case None | bool():
            pass
        case str():
            _refuse_text(value, path)
        case int():
            _refuse_int(value, path)
        case float():
            if not math.isfinite(value):
                raise JsonError(path_text(path), f"{float.__repr__(value)} is not JSON")
        case dict():
            _refuse_level(path)
            for key, item in value.items():
                _refuse_key(key, path)
                _refuse(item, (*path, key), default)
        case list() | tuple():
            _refuse_level(path)
            for index, item in enumerate(value):
                _refuse(item, (*path, index), default)
        case _Fault():
            raise JsonError(path_text(path), value.problem)
        case _:
            _refuse(_plain(value, path, default), path, default)


def _refuse_text(text: str, path: tuple[str | int, ...]) -> None:
    if _LONE_SURROGATE.search(text):
        raise JsonError(path_text(path), "text with half a surrogate pair")


def _refuse_int(number: int, path: tuple[str | int, ...]) -> None:
    try:
        int.__repr__(number)
    except ValueError:
        raise JsonError(path_text(path), _too_many_digits()) from None


def _refuse_key(key: Any, path: tuple[str | int, ...]) -> None:
    if not isinstance(key, str):
        shown = repr(key)[:_KEY_SHOWN_MAX]
        raise JsonError(path_text(path), f"key {shown} is {_named(key)}, not text")
    if _LONE_SURROGATE.search(key):
        raise JsonError(path_text(path), "key with half a surrogate pair")


def _refuse_level(path: tuple[str | int, ...]) -> None:
    if len(path) >= NESTING_MAX:
        raise JsonError(path_text(path), f"nested deeper than {NESTING_MAX} levels")


def _plain(value: Any, path: tuple[str | int, ...], default: Default | None) -> Any:
    if default is not None:
        try:
            return default(value)
        except JsonError as error:
            raise JsonError(path_text(path) + error.path[1:], error.problem) from None
        except TypeError:
            pass  # said better below
    raise JsonError(path_text(path), f"{_named(value)} has no JSON form")


def _named(value: Any) -> str:
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
