import dataclasses
import enum
import math
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from dalsegno.model import jsontext
from dalsegno.workflow.types import Type, TypeMismatch

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Amount(TypedDict):
    amount: float


class Item(BaseModel):
    name: str
    prices: list[float] = []
    extra: Any = None


class Person(BaseModel):
    name: str


class Renamed(BaseModel):
    inner: int = Field(alias="outer")


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Order:
    id: int
    placed: datetime
    items: list[Item] = dataclasses.field(default_factory=list)


class Opaque:
    pass


@given(st.recursive(st.none() | st.booleans() | st.integers(), st.lists))
def test_any_takes_every_value_and_gives_it_back(value: Any) -> None:
    anything = Type.any()

    assert anything.decode(anything.encode(value)) == value


@pytest.mark.parametrize("annotation", [Any, object])
def test_some_annotations_say_nothing(annotation: Any) -> None:
    assert Type(annotation).is_any
    assert Type(annotation).schema() is None


@pytest.mark.parametrize(
    ("annotation", "data", "value"),
    [
        (int, b"5", 5),
        (float, b"5", 5.0),
        (int | float, b"1", 1),
        (None, b"null", None),
        (Amount, b'{"amount":1.5}', {"amount": 1.5}),
        (Item, b'{"name":"a"}', Item(name="a")),
        (Order, b'{"id":1,"placed":"2026-01-01T12:00:00Z"}', Order(1, NOON)),
        (tuple[int, ...], b"[1,2]", (1, 2)),
        (Colour, b'"red"', Colour.RED),
        (int, b"1" + b"0" * 30, 10**30),
        (Literal["a", "b"], b'"b"', "b"),
    ],
)
def test_text_of_the_type_is_decoded(annotation: Any, data: bytes, value: Any) -> None:
    made_of = Type(annotation)

    made_of.check(data)

    assert made_of.decode(data) == value
    assert type(made_of.decode(data)) is type(value)


@pytest.mark.parametrize(
    ("annotation", "data", "message"),
    [
        (int, b'"5"', "$: Input should be a valid integer"),
        (int, b"1.0", "$: Input should be a valid integer"),
        (int, b"true", "$: Input should be a valid integer"),
        (bool, b"1", "$: Input should be a valid boolean"),
        (str, b"1", "$: Input should be a valid string"),
        (None, b"1", "$: Input should be null"),
        (Amount, b"{}", "$.amount: Field required"),
        (Amount, b'{"amount":"1"}', "$.amount: Input should be a valid number"),
        (list[Item], b'[{"name":"a"},{}]', "$[1].name: Field required"),
        (dict[str, int], b'{"odd key":"x"}', '$["odd key"]: Input should be a valid integer'),
        (Renamed, b"{}", "$.outer: Field required"),
        (
            Annotated[int, Field(ge=3)],
            b"2",
            "$: Input should be greater than or equal to 3",
        ),
        (Item | Person, b"{}", "$.name: Field required"),
        (
            list[int | str],
            b"[1,null]",
            "$[1]: Input should be a valid integer; Input should be a valid string",
        ),
        (
            list[int],
            b'["a","b","c","d","e"]',
            "; ".join(f"$[{index}]: Input should be a valid integer" for index in range(3))
            + "; and 2 more",
        ),
    ],
)
def test_text_of_another_type_is_refused_with_its_places(
    annotation: Any, data: bytes, message: str
) -> None:
    for method in (Type(annotation).decode, Type(annotation).check):
        with pytest.raises(TypeMismatch) as caught:
            method(data)
        assert str(caught.value) == message
        assert message.startswith(caught.value.path + ": ")


@pytest.mark.parametrize(
    ("annotation", "value", "text"),
    [
        (Any, {"v": 1}, '{"v":1}'),
        (Any, (1, 2), "[1,2]"),
        (Any, {"items": [Item(name="a")]}, '{"items":[{"name":"a","prices":[],"extra":null}]}'),
        (Any, {"r": Renamed(outer=1)}, '{"r":{"outer":1}}'),
        (float, 2**60 + 1, "1152921504606846977"),
        (Amount, {"amount": 1}, '{"amount":1}'),
        (Item, {"name": "a"}, '{"name":"a"}'),
        (Item, Item(name="a"), '{"name":"a","prices":[],"extra":null}'),
        (Renamed, Renamed(outer=1), '{"outer":1}'),
        (list[int], (1, 2), "[1,2]"),
        (Order, Order(1, NOON), '{"id":1,"placed":"2026-01-01T12:00:00Z","items":[]}'),
        (set[int], {1}, "[1]"),
        (dict[int, str], {1: "a"}, '{"1":"a"}'),
        (Colour, Colour.RED, '"red"'),
        (Decimal, Decimal("1.10"), '"1.10"'),
        (bytes, b"abc", '"abc"'),
    ],
)
def test_a_value_is_written_as_it_is(annotation: Any, value: Any, text: str) -> None:
    assert Type(annotation).encode(value) == text.encode()


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (Any, {"a": [math.nan]}, "$.a[0]: nan is not JSON"),
        (Any, {"a": {1}}, "$.a: a set has no JSON form"),
        (Any, {"a": b"x"}, "$.a: a bytes has no JSON form"),
        (Any, {1: 2}, "$: key 1 is an int, not text"),
        (Any, [NOON], "$[0]: a datetime has no JSON form"),
        (Any, Item, "$: a ModelMetaclass has no JSON form"),
        (Any, {"i": Item(name="a", prices=[math.nan])}, "$.i.prices[0]: nan is not JSON"),
        (Any, [Item(name="a", extra={"x": math.inf})], "$[0].extra.x: inf is not JSON"),
        (Item, Item(name="a", extra=math.inf), "$.extra: inf is not JSON"),
        (float, math.inf, "$: inf is not JSON"),
        (dict[str, float], {"a": math.nan}, "$.a: nan is not JSON"),
        (dict[str, Any], {"a": {1}}, "$.a: a set has no JSON form"),
        (dict, {1: 2}, "$: key 1 is an int, not text"),
        (dict[str, int], {1: 2}, "$: key 1 is an int, not text"),
        (list[int], {1}, "$: a set has no JSON form"),
        (str, b"x", "$: a bytes has no JSON form"),
        (bytes, b"\xff", "$: a bytes has no JSON form"),
        (str, NOON, "$: a datetime has no JSON form"),
        (int, True, "$: Input should be a valid integer"),
        (None, 1, "$: Input should be null"),
        (Amount, {"amount": "1"}, "$.amount: Input should be a valid number"),
        (Item, {"prices": []}, "$.name: Field required"),
        (str, "\ud800", "$: text with half a surrogate pair"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(annotation: Any, value: Any, message: str) -> None:
    with pytest.raises(TypeMismatch, match=f"^{re.escape(message)}$"):
        Type(annotation).encode(value)


def test_a_model_that_was_broken_after_it_was_made_is_refused() -> None:
    item = Item(name="a")
    item.name = 5  # type: ignore[assignment]  # the mistake this test is about

    with pytest.raises(TypeMismatch, match=r"^\$\.name: Input should be a valid string$"):
        Type(Item).encode(item)


def test_a_model_that_cannot_be_written_is_refused() -> None:
    class Raw(BaseModel):
        data: bytes

    with pytest.raises(TypeMismatch, match=r"^\$\[0\]: a Raw has no JSON form"):
        Type.any().encode([Raw(data=b"\xff")])


def test_values_may_nest_as_deep_as_any_payload() -> None:
    deepest = jsontext.loads(b"[" * 32 + b"]" * 32)

    assert Type(list[Any]).encode(deepest)
    with pytest.raises(TypeMismatch, match="nested deeper than 32 levels"):
        Type(list[Any]).encode([deepest])


def test_every_decoding_makes_a_new_value() -> None:
    made_of = Type(Item)
    first = made_of.decode(b'{"name":"a"}')
    first.name = "b"

    assert made_of.decode(b'{"name":"a"}').name == "a"


def test_a_type_has_a_json_schema() -> None:
    schema = Type(Amount).schema()

    assert schema is not None
    assert schema["properties"]["amount"]["type"] == "number"
    assert schema["required"] == ["amount"]


@pytest.mark.parametrize("annotation", [Opaque, "Unknown", list[Opaque]])
def test_what_json_cannot_be_checked_against_is_no_type(annotation: Any) -> None:
    with pytest.raises(TypeError, match="is no type for JSON"):
        Type(annotation)
