"""
Payloads: exact as text, readable as values, and never something else.
"""

import json
import math
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct, Value
from hypothesis import given
from hypothesis import strategies as st

from dalsegno.model.errors import InvalidInput, InvalidState
from dalsegno.model.payload import Payload
from dalsegno.v1.payload_pb2 import Payload as Message
from dalsegno.v1.run_pb2 import StepRecord
from dalsegno.v1.run_service_pb2 import GetRunResponse
from dalsegno.wire.payload import Form, payload_from_proto, payload_to_proto


def value(data: Any) -> Message:
    return Message(value=json_format.ParseDict(data, Value()))


def text_of(message: Message) -> bytes:
    return payload_from_proto(message, "input_data", InvalidInput)


def shown(text: bytes) -> Any:
    message = payload_to_proto(Payload(text), Form.VALUE)
    assert message is not None
    assert message.WhichOneof("form") == "value"
    return json_format.MessageToDict(message.value)


@pytest.mark.parametrize("text", [b'{"b": 1,\n"a":2.50}', b"not json", b"", b"\xff"])
def test_text_of_a_request_goes_through_undecoded(text: bytes) -> None:
    assert text_of(Message(json=text)) == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (3.0, b"3"),
        (-0.0, b"0"),
        (0.1, b"0.1"),
        (2.0**53 + 2, b"9007199254740994"),
        (1e22, b"10000000000000000000000"),
        (1e-7, b"1e-07"),
        (None, b"null"),
        (False, b"false"),
        ("\0é", '"\\u0000é"'.encode()),
        ([], b"[]"),
        ({}, b"{}"),
        ({"b": [1.0, None, True], "a": {"": "x"}}, b'{"a":{"":"x"},"b":[1,null,true]}'),
    ],
)
def test_readable_payloads_become_json_with_integers_where_numbers_are_whole(
    data: Any, text: bytes
) -> None:
    assert text_of(value(data)) == text


def test_all_digits_of_a_large_whole_double_are_written() -> None:
    assert text_of(Message(value=Value(number_value=1.5e300))) == str(int(1.5e300)).encode()


def test_the_same_object_gives_the_same_text_whatever_the_order_of_its_keys() -> None:
    forward = {f"key {i}": i for i in range(50)}

    assert text_of(value(forward)) == text_of(value(dict(reversed(forward.items()))))


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_no_json_are_refused_with_their_path(number: float) -> None:
    message = value({"a": [0]})
    message.value.struct_value.fields["a"].list_value.values[0].number_value = number

    with pytest.raises(InvalidState) as refused:
        payload_from_proto(message, "initial_state", InvalidState)

    assert refused.value.violations.keys() == {"initial_state"}
    assert "$.a[0]" in str(refused.value)


def test_a_value_of_no_kind_is_refused() -> None:
    message = Message(value=Value(struct_value=Struct(fields={"a": Value()})))

    with pytest.raises(InvalidInput, match=r"\$\.a: an UnsetValue has no JSON form"):
        text_of(message)


@pytest.mark.parametrize(("levels", "is_taken"), [(32, True), (33, False), (45, False)])
def test_readable_payloads_nest_32_levels(levels: int, *, is_taken: bool) -> None:
    data: Any = 1
    for _ in range(levels):
        data = [data]

    if is_taken:
        assert text_of(value(data)) == b"[" * levels + b"1" + b"]" * levels
    else:
        with pytest.raises(InvalidInput, match="nested deeper than 32 levels"):
            text_of(value(data))


def test_answers_hold_the_text_as_it_is_if_asked_for() -> None:
    text = b'{"v": 1.50, "big": 123456789012345678901234567890}'

    assert payload_to_proto(Payload(text), Form.JSON) == Message(json=text)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (b"9007199254740992", 2.0**53),
        (b"-9007199254740992", -(2.0**53)),
        (b"9007199254740993", "9007199254740993"),
        (b"-9007199254740993", "-9007199254740993"),
        (b"1" + b"0" * 5000, "1" + "0" * 5000),
        (b"1.50", 1.5),
        (b"1e22", 1e22),
        (b'{"v": 1, "a": [null, false, 0, ""]}', {"v": 1.0, "a": [None, False, 0.0, ""]}),
        (b"null", None),
    ],
)
def test_readable_answers_never_round_an_integer(text: bytes, data: Any) -> None:
    assert shown(text) == data


@pytest.mark.parametrize("levels", [31, 32])
@pytest.mark.parametrize(("opening", "closing"), [(b'{"v":', b"}"), (b"[", b"]")])
def test_answers_can_be_read_however_deep_a_payload_nests(
    levels: int, opening: bytes, closing: bytes
) -> None:
    text = opening * levels + b"1" + closing * levels
    answer = GetRunResponse()
    answer.run.steps["a"].CopyFrom(StepRecord(output=payload_to_proto(Payload(text), Form.VALUE)))

    read = GetRunResponse.FromString(answer.SerializeToString())

    output = read.run.steps["a"].output
    assert json.loads(text_of(output)) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"[" + b"1," * 400_000 + b"1]", id="grows as a Value"),
        pytest.param(b'"' + b"x" * 1_500_000 + b'"', id="large text"),
    ],
)
def test_payloads_too_large_to_be_readable_are_answered_as_text(text: bytes) -> None:
    assert payload_to_proto(Payload(text), Form.VALUE) == Message(json=text)


def test_what_is_not_there_stays_unset() -> None:
    assert payload_to_proto(None, Form.VALUE) is None


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda it: not it.is_integer()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_a_readable_answer_sent_back_means_the_same(data: Any) -> None:
    text = json.dumps(data).encode()
    message = payload_to_proto(Payload(text), Form.VALUE)
    assert message is not None

    assert json.loads(text_of(Message.FromString(message.SerializeToString()))) == data
