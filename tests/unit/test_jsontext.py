import enum
import json
import math
import sys
import time
from collections import OrderedDict, namedtuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dalsegno.model import jsontext
from dalsegno.model.jsontext import JsonError

texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    scalars | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=20,
)


def nested(levels: int, opening: str = "[", closing: str = "]") -> bytes:
    return (opening * levels + closing * levels).encode()


@given(values)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    data = jsontext.dumps(value)

    assert jsontext.loads(data) == value
    assert jsontext.parse(data) == value


@given(values)
def test_spaces_change_nothing(value: Any) -> None:
    spaced = json.dumps(value, indent=2).encode()

    assert jsontext.loads(spaced) == value
    assert jsontext.nesting(spaced) == jsontext.nesting(jsontext.dumps(value))


@given(st.lists(values))
def test_an_array_is_cut_into_its_elements_and_joined_again(items: list[Any]) -> None:
    data = jsontext.dumps(items)

    parts = jsontext.elements(data)

    assert [jsontext.parse(part) for part in parts] == items
    assert jsontext.join_array(parts) == data


@given(st.dictionaries(texts, values))
def test_an_object_is_joined_from_its_members(members: dict[str, Any]) -> None:
    parts = [(key, jsontext.dumps(item)) for key, item in members.items()]

    assert jsontext.join_object(parts) == jsontext.dumps(members)


@given(values)
def test_nesting_counts_the_levels(value: Any) -> None:
    def levels(item: Any) -> int:
        if isinstance(item, dict):
            item = list(item.values())
        return 1 + max(map(levels, item), default=0) if isinstance(item, list) else 0

    assert jsontext.nesting(jsontext.dumps(value)) == levels(value)


@given(st.binary())
def test_bytes_from_anywhere_are_read_or_refused(data: bytes) -> None:
    try:
        value = jsontext.loads(data)
    except JsonError:
        return

    assert jsontext.loads(jsontext.dumps(value)) == value


@pytest.mark.parametrize(
    "data",
    [
        b"1",
        b'"a"',
        b"null",
        b" [1 , 2]\n",
        b'{"a":{"b":[]}}',
        b'"\\u0000"',
        b'"\\ud83d\\ude00"',
        '"\u2028é\U0001f600"'.encode(),
        b'"\\\\ud800"',
        b"-0.0",
        b"5e-324",
        b"1e308",
        b"{}",
    ],
)
def test_text_within_the_rules_is_read(data: bytes) -> None:
    assert jsontext.loads(data) == json.loads(data)


@pytest.mark.parametrize(
    ("data", "path", "problem"),
    [
        (b"", "$", "not JSON: Expecting value at line 1, column 1"),
        (b'{"a":', "$", "not JSON: Expecting value"),
        (b"[1] x", "$", "not JSON: Extra data"),
        (b"01", "$", "not JSON"),
        (b"{'a':1}", "$", "not JSON"),
        (b'"\x01"', "$", "not JSON: Invalid control character"),
        (b"\xef\xbb\xbf1", "$", "byte order mark"),
        (b'"\xff"', "$", "not UTF-8 at byte 1"),
        (b'"\xed\xa0\x80"', "$", "not UTF-8"),
        (b'{"a":[1,NaN]}', "$.a[1]", "NaN is not JSON"),
        (b"[-Infinity]", "$[0]", "-Infinity is not JSON"),
        (b'{"a":{"b":1e400}}', "$.a.b", "too large a number"),
        (b'{"a":[{"b":1,"c":2,"b":3}]}', "$.a[0]", 'has the key "b" twice'),
        (b'{"a":"x\\ud800y"}', "$.a", "half a surrogate pair"),
        (b'{"\\udc00":1}', "$", "key with half a surrogate pair"),
        (b'{"odd key":[NaN]}', '$["odd key"][0]', "NaN"),
        (b'{"n":' + b"9" * 4301 + b"}", "$.n", "an integer of more than 4300 digits"),
    ],
)
def test_text_against_the_rules_is_refused(data: bytes, path: str, problem: str) -> None:
    with pytest.raises(JsonError) as caught:
        jsontext.loads(data)

    assert caught.value.path == path
    assert problem in caught.value.problem
    assert str(caught.value) == f"{path}: {caught.value.problem}"


def test_integers_of_any_readable_size_are_exact() -> None:
    number = 10**4299 + 1

    assert jsontext.loads(jsontext.dumps(number)) == number


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"v":', "}"), ('[{"v":', "}]")])
def test_up_to_32_levels_are_taken(opening: str, closing: str) -> None:
    per_unit = opening.count("[") + opening.count("{")
    units = 32 // per_unit
    data = (
        opening * (units - 1) + "[" * per_unit + "]" * per_unit + closing * (units - 1)
    ).encode()

    assert jsontext.nesting(data) == 32
    assert jsontext.dumps(jsontext.loads(data)) == data
    with pytest.raises(JsonError, match="nested deeper than 32 levels"):
        jsontext.loads(b"[" + data + b"]")
    with pytest.raises(JsonError, match="nested deeper than 32 levels"):
        jsontext.dumps([json.loads(data)])


def test_brackets_inside_text_are_no_levels() -> None:
    data = json.dumps(['[{"' * 40, '\\" [[']).encode()

    assert jsontext.nesting(data) == 1
    assert jsontext.loads(data) == json.loads(data)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 1_000_000,
        b"[]" * 1_000_000,
        b"]" * 1_000_000,
        nested(1_000_000),
        b'{"a":' * 400_000,
        b"[" * 40 + b'"' + b'\\"' * 1_000_000,
        b"[" * 40 + b'"' * 1_000_001,
        b"9" * 2_000_000,
        b"\\" * 2_000_000,
    ],
    ids=["open", "pairs", "close", "deep", "objects", "escapes", "quotes", "digits", "backslashes"],
)
def test_hostile_text_is_refused_in_no_time(data: bytes) -> None:
    begin = time.process_time()

    with pytest.raises(JsonError):
        jsontext.loads(data)

    # Some 0.2 s here; what is quadratic in 10⁶ takes hours.
    assert time.process_time() - begin < 5


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


Point = namedtuple("Point", "x y")  # noqa: PYI024 - the untyped form is what user code may return


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None, 1.5]}, '{"b":1,"a":[true,null,1.5]}'),
        ((1, (2,)), "[1,[2]]"),
        (Colour.RED, '"red"'),
        ({Colour.RED: Level.HIGH}, '{"red":3}'),
        (Point(1, 2), "[1,2]"),
        (OrderedDict(z=1, a=2), '{"z":1,"a":2}'),
        ("é\u2028\x00", '"é\u2028\\u0000"'),
        (10**30, "1" + "0" * 30),
        (-0.0, "-0.0"),
        ("", '""'),
    ],
)
def test_values_are_written_compactly(value: Any, text: str) -> None:
    assert jsontext.dumps(value) == text.encode()


@pytest.mark.parametrize(
    ("value", "path", "problem"),
    [
        (math.nan, "$", "nan is not JSON"),
        ({"a": [1, math.inf]}, "$.a[1]", "inf is not JSON"),
        ({"a": b"x"}, "$.a", "a bytes has no JSON form"),
        ([{1, 2}], "$[0]", "a set has no JSON form"),
        ({"a": {1: 2}}, "$.a", "key 1 is an int, not text"),
        ({"a": [{None: 2}]}, "$.a[0]", "key None is a NoneType, not text"),
        ({(1, 2): 2}, "$", "key (1, 2) is a tuple, not text"),
        (["\ud800"], "$[0]", "half a surrogate pair"),
        ({"\ud800": 1}, "$", "key with half a surrogate pair"),
        ({"o": object()}, "$.o", "an object has no JSON form"),
        ([10**5000], "$[0]", "an integer of more than 4300 digits"),
    ],
)
def test_values_that_json_cannot_hold_are_refused(value: Any, path: str, problem: str) -> None:
    with pytest.raises(JsonError) as caught:
        jsontext.dumps(value)

    assert caught.value.path == path
    assert problem in caught.value.problem


def test_a_value_that_contains_itself_is_refused() -> None:
    value: dict[str, Any] = {}
    value["a"] = [value, value]

    with pytest.raises(JsonError, match="nested deeper than 32 levels"):
        jsontext.dumps(value)


def test_a_value_deeper_than_the_stack_is_refused() -> None:
    value: list[Any] = []
    for _ in range(10 * sys.getrecursionlimit()):
        value = [value]

    with pytest.raises(JsonError, match="nested deeper than 32 levels"):
        jsontext.dumps(value)


def test_a_default_turns_strangers_into_values_at_any_depth() -> None:
    def default(item: Any) -> Any:
        if isinstance(item, complex):
            return {"re": item.real, "im": [item.imag]}
        raise TypeError

    assert jsontext.dumps({"a": [1j]}, default) == b'{"a":[{"re":0.0,"im":[1.0]}]}'
    with pytest.raises(JsonError) as stranger:
        jsontext.dumps({"a": [1j, {1}]}, default)
    assert stranger.value.path == "$.a[1]"
    with pytest.raises(JsonError) as inside:
        jsontext.dumps({"a": [complex(0, math.inf)]}, default)
    assert inside.value.path == "$.a[0].im[0]"


def test_keys_of_what_a_default_returns_are_checked_too() -> None:
    with pytest.raises(JsonError) as caught:
        jsontext.dumps({"a": 1j}, lambda _: {1: 2})

    assert caught.value.path == "$.a"


def test_elements_keep_their_text() -> None:
    data = b' [ 1.50 , {"b":1, "a":[2 ]},"\\u00e9,]" ,\n[] ] '

    assert jsontext.elements(data) == [b"1.50", b'{"b":1, "a":[2 ]}', b'"\\u00e9,]"', b"[]"]
    assert jsontext.elements(b" [ ] ") == []


@pytest.mark.parametrize("data", [b"1", b"null", b'{"a":[]}', b'"[]"'])
def test_only_arrays_have_elements(data: bytes) -> None:
    with pytest.raises(JsonError, match="not an array"):
        jsontext.elements(data)


def test_long_keys_are_cut_in_paths() -> None:
    with pytest.raises(JsonError) as caught:
        jsontext.loads(b'{"' + b"k" * 1000 + b'":NaN}')

    assert caught.value.path == "$." + "k" * 40
