import pytest

from dalsegno.model.address import parse
from dalsegno.model.errors import StepNotFound
from dalsegno.model.record import NodeKind
from tests.unit.model.shapes import everything, place

SHAPE = everything()


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("first", NodeKind.STEP),
        ("built", NodeKind.MAP),
        ("both", NodeKind.PARALLEL),
        ("left", NodeKind.STEP),
        ("right", NodeKind.WORKFLOW),
        ("right.i1", NodeKind.STEP),
        ("right.i2", NodeKind.FOREACH),
        ("right.i2[3]", NodeKind.FOREACH),
        ("right.i4", NodeKind.STEP),
        ("tortoise", NodeKind.STEP),
        ("size", NodeKind.BRANCH),
        ("small.i1", NodeKind.STEP),
        ("poll", NodeKind.DO_WHILE),
        ("poll[0]", NodeKind.DO_WHILE),
        ("again[2].i2[1]", NodeKind.FOREACH),
        ("items", NodeKind.FOREACH),
        ("items[7].i3", NodeKind.STEP),
        ("maybe", NodeKind.WHEN),
        ("maybe.i1", NodeKind.STEP),
        ("watch", NodeKind.TAP),
        ("nap", NodeKind.SLEEP),
        ("nested.i1", NodeKind.STEP),
    ],
)
def test_an_address_is_found_with_its_kind(address: str, kind: NodeKind) -> None:
    found = place(SHAPE, address)

    assert found.address == address
    assert found.last.leaf.kind is kind


@pytest.mark.parametrize(
    "address",
    [
        "nowhere",
        "First",
        "first.i1",
        "first[0]",
        "built[0]",
        "both.left",
        "both[0]",
        "left[0]",
        "right[0]",
        "right.i5",
        "right.i1.i1",
        "poll.i1",
        "poll[0].i1",
        "again.i1",
        "items.i1",
        "items[0].i2.i1",
        "maybe[0]",
        "watch[0]",
        "nap[0]",
        "nap.i1",
        "nested[0].i1",
        "i1",
        "inner.i1",
    ],
)
def test_a_well_formed_address_may_name_nothing(address: str) -> None:
    assert SHAPE.find(parse(address)) is None

    with pytest.raises(StepNotFound) as refusal:
        SHAPE.locate(parse(address))

    assert refusal.value.facts["step"] == address
    assert refusal.value.facts["workflow_id"] == "everything"
    assert "again[i].i2[i]" in refusal.value.facts["addresses"]


def test_an_arm_stands_where_its_block_stands() -> None:
    left, block = place(SHAPE, "left").last, place(SHAPE, "both").last

    assert left.position == block.position == 2
    assert left.node is block.node
    assert left.leaf is not left.node
    assert block.leaf is block.node


def test_levels_go_from_the_outermost_to_the_innermost() -> None:
    levels = place(SHAPE, "items[7].i2[1]").levels

    assert [level.base for level in levels] == ["", "items[7]"]
    assert [level.bare for level in levels] == ["items", "items[7].i2"]
    assert [level.address for level in levels] == ["items[7]", "items[7].i2[1]"]
    assert [level.index for level in levels] == [7, 1]
    assert [level.position for level in levels] == [7, 1]


def test_all_addresses_are_listed_in_graph_order() -> None:
    inside = ["i1", "i2", "i2[i]", "i3", "i4"]

    def under(base: str) -> list[str]:
        return [f"{base}.{each}" for each in inside]

    assert list(SHAPE.addresses()) == [
        "first",
        "built",
        *("both", "left", "right", *under("right")),
        *("hare", "tortoise"),
        *("size", "big", "small", *under("small")),
        *("poll", "poll[i]"),
        *("again", "again[i]", *under("again[i]")),
        *("items", "items[i]", *under("items[i]")),
        *("maybe", *under("maybe")),
        "watch",
        "nap",
        *("nested", *under("nested")),
        "last",
    ]


def test_every_address_listed_can_be_found() -> None:
    for address in SHAPE.addresses():
        assert SHAPE.find(parse(address.replace("[i]", "[0]"))) is not None, address
