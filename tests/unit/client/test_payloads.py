import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dalsegno.client import UNSET, PayloadError
from dalsegno.client.payloads import decode, encode
from dalsegno.v1.payload_pb2 import Payload

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=10,
)


def sent(value: Any) -> Any:
    payload = encode("input_data", value)
    assert payload is not None
    return decode(Payload.FromString(payload.SerializeToString()))


@given(JSON)
def test_a_value_comes_back_as_it_was_sent(value: Any) -> None:
    assert repr(sent(value)) == repr(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, b"null"),
        (0, b"0"),
        ("", b'""'),
        (3.0, b"3.0"),
        (2**53 + 1, b"9007199254740993"),
        ({"b": 1, "a": ["\x00\u00e9"]}, b'{"b":1,"a":["\\u0000\xc3\xa9"]}'),
        ((1, 2), b"[1,2]"),
    ],
)
def test_what_is_sent_is_exact_json_text(value: Any, text: bytes) -> None:
    assert encode("input_data", value) == Payload(json=text)


def test_nothing_is_sent_for_what_is_unset_and_unset_is_false() -> None:
    assert encode("input_data", UNSET) is None
    assert not UNSET
    assert decode(Payload()) is UNSET


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({1, 2}, "set is not JSON serializable"),
        (b"x", "bytes is not JSON serializable"),
        (math.nan, "float"),
        ({"a": [math.inf]}, "float"),
        ("\ud800", "surrogates"),
        ({"a": [{1: "x"}]}, "keys must be str, not 1"),
        ({None: 1}, "keys must be str, not None"),
    ],
)
def test_what_json_cannot_hold_exactly_is_refused_with_the_field(value: Any, problem: str) -> None:
    with pytest.raises(PayloadError, match=f"^input_data: .*{problem}"):
        encode("input_data", value)


def test_a_value_that_contains_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)

    with pytest.raises(PayloadError, match=r"^input_data: "):
        encode("input_data", value)


def test_an_answer_in_readable_form_is_refused_because_its_numbers_may_be_rounded() -> None:
    with pytest.raises(PayloadError, match="exact"):
        decode(Payload(value={"number_value": 3}))
