"""
What a part of the measurements has found: figures for machines, tables and pictures for people,
and how they stand to the bars.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Bar:
    """
    A ratio or size that was promised, and the one found.

    Attributes:
        is_floor: Whether more is better: the bar must be reached, else it must not be passed.
    """

    what: str
    found: float
    bar: float
    is_floor: bool = False

    @property
    def is_met(self) -> bool:
        return self.found >= self.bar if self.is_floor else self.found <= self.bar


@dataclass(frozen=True, slots=True)
class Table:
    """
    Attributes:
        columns: The first one says what a row is about, the others are figures.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Findings:
    """
    What one part found.

    Attributes:
        figures: As JSON shows it.
        pictures: SVG text by file name.
    """

    figures: Any
    tables: Sequence[Table]
    bars: Sequence[Bar] = ()
    pictures: Mapping[str, str] = field(default_factory=dict)
