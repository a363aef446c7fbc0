"""
How an address lies to a target: the question that decides what a replay reuses.
"""

import pytest

from dalsegno.model.shape import Side, relation
from tests.unit.model.shapes import everything, place

SHAPE = everything()
BEFORE, BESIDE, AFTER = Side.BEFORE, Side.BESIDE, Side.AFTER


@pytest.mark.parametrize(
    ("address", "target", "side"),
    [
        # In one sequence.
        ("first", "built", BEFORE),
        ("built", "built", AFTER),
        ("last", "built", AFTER),
        # Containers as wholes, and what is inside them.
        ("right.i1", "poll", BEFORE),
        ("items[3].i1", "last", BEFORE),
        ("nested.i1", "poll", AFTER),
        # A sequence around the target, and the one it is in.
        ("poll", "nested.i2", BEFORE),
        ("nested.i1", "nested.i2", BEFORE),
        ("nested.i3", "nested.i2", AFTER),
        ("nested", "nested.i2", AFTER),
        ("nested.i1", "nested", AFTER),
        # Arms.
        ("left", "right", BESIDE),
        ("left", "right.i1", BESIDE),
        ("right.i1", "left", BESIDE),
        ("tortoise", "hare", BESIDE),
        ("big", "small.i2", BESIDE),
        ("both", "left", AFTER),
        ("left", "both", AFTER),
        ("left", "hare", BEFORE),
        ("hare", "left", AFTER),
        # Iterations of a loop come one after the other.
        ("poll[0]", "poll[1]", BEFORE),
        ("poll[2]", "poll[1]", AFTER),
        ("poll", "poll[1]", AFTER),
        ("poll[1]", "poll", AFTER),
        ("again[0].i4", "again[1].i1", BEFORE),
        ("again[1].i1", "again[1].i3", BEFORE),
        ("again[1]", "again[1].i3", AFTER),
        ("again[2].i1", "again[1].i3", AFTER),
        # Items of a foreach lie side by side.
        ("items[0]", "items[1]", BESIDE),
        ("items[2]", "items[1]", BESIDE),
        ("items[2].i1", "items[1].i3", BESIDE),
        ("items[1].i1", "items[1].i3", BEFORE),
        ("items[1].i4", "items[1].i3", BESIDE),
        ("items", "items[1]", AFTER),
        ("items[1].i2[0]", "items[1].i2[5]", BESIDE),
    ],
)
def test_an_address_lies_before_beside_or_after_a_target(
    address: str, target: str, side: Side
) -> None:
    assert relation(place(SHAPE, address), place(SHAPE, target)).side is side


@pytest.mark.parametrize(
    ("address", "target", "level", "beside"),
    [
        ("left", "right.i1", 0, "left"),
        ("right.i1", "left", 0, "right"),
        ("items[2].i1", "items[1].i3", 0, "items[2]"),
        ("items[1].i2[0]", "items[1].i2[5]", 1, "items[1].i2[0]"),
        ("items[1].i4", "items[1].i3", 1, "items[1].i4"),
        ("nested.i1", "nested.i2", 1, ""),
        ("again[0].i4", "again[1].i1", 0, ""),
    ],
)
def test_a_relation_says_where_the_two_part(
    address: str, target: str, level: int, beside: str
) -> None:
    found = relation(place(SHAPE, address), place(SHAPE, target))

    assert (found.level, found.beside) == (level, beside)
