import pytest

from dalsegno.model import address as addresses
from dalsegno.model.address import Segment
from dalsegno.model.errors import InvalidAddress

MALFORMED = [
    "",
    " ",
    ".",
    "a.",
    ".a",
    "a..b",
    "a b",
    " a",
    "a ",
    "a\n",
    "1a",
    "-a",
    "a[",
    "a[]",
    "a]",
    "[0]",
    "a[x]",
    "a[-1]",
    "a[+1]",
    "a[01]",
    "a[1",
    "a[1.5]",
    "a[1][2]",
    "a[ 1]",
    "a[1]b",
    "a[1].",
    "a.[1]",
    "a[1000000000]",
    "a[\N{ARABIC-INDIC DIGIT ONE}]",
    "é",
    "a/b",
    "a:b",
    "a\x00",
    '"a"',
]


@pytest.mark.parametrize("text", MALFORMED)
def test_a_malformed_address_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidAddress) as refusal:
        addresses.parse(text)

    assert refusal.value.reason == "INVALID_ADDRESS"
    assert refusal.value.facts == {"address": text}
    assert "step" in refusal.value.violations


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("charge", (Segment("charge"),)),
        ("_", (Segment("_"),)),
        ("a-b_C9", (Segment("a-b_C9"),)),
        ("inner.charge", (Segment("inner"), Segment("charge"))),
        ("poll[0]", (Segment("poll", 0),)),
        ("poll[999999999]", (Segment("poll", 999_999_999),)),
        ("items[7].enrich", (Segment("items", 7), Segment("enrich"))),
        ("a[1].b[20].c", (Segment("a", 1), Segment("b", 20), Segment("c"))),
    ],
)
def test_an_address_is_split_at_its_dots(text: str, segments: tuple[Segment, ...]) -> None:
    assert addresses.parse(text) == segments


def test_addresses_are_put_together_as_they_are_split() -> None:
    assert addresses.join("", "a") == "a"
    assert addresses.join("a[1]", "b") == "a[1].b"
    assert addresses.at_index("a.b", 3) == "a.b[3]"


@pytest.mark.parametrize(
    ("address", "container", "is_inside"),
    [
        ("a.b", "a", True),
        ("a[0]", "a", True),
        ("a[0].b", "a", True),
        ("a[0].b", "a[0]", True),
        ("a", "a", False),
        ("ab", "a", False),
        ("a-b", "a", False),
        ("a_[0]", "a", False),
        ("a", "a.b", False),
        ("a[10]", "a[1]", False),
    ],
)
def test_inside_means_under_a_container_not_spelled_like_it(
    address: str, container: str, is_inside: bool
) -> None:
    assert addresses.is_inside(address, container) is is_inside
    assert addresses.is_at_or_inside(address, container) is (is_inside or address == container)


@pytest.mark.parametrize(
    ("address", "container", "index"),
    [
        ("a[4]", "a", 4),
        ("a[12].b[3].c", "a", 12),
        ("a[12].b[3].c", "a[12].b", 3),
        ("a.b", "a", None),
        ("a", "a", None),
        ("ab[1]", "a", None),
    ],
)
def test_an_address_knows_its_iteration_of_a_container(
    address: str, container: str, index: int | None
) -> None:
    assert addresses.index_under(address, container) == index
