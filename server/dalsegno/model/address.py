"""
Addresses: where in a run something is.

An address is text such as ``charge``, ``inner.charge``, ``poll[3]`` or ``items[7].enrich``. A dot
enters a nested workflow, ``[i]`` (from 0) picks an iteration of a loop or an item of a foreach.
"""

import re
from dataclasses import dataclass

from dalsegno.model.errors import InvalidAddress

_ID = r"[A-Za-z_][A-Za-z0-9_-]*"
_SEGMENT = re.compile(rf"({_ID})(?:\[(0|[1-9][0-9]{{0,8}})\])?")
NODE_ID = re.compile(_ID)


@dataclass(frozen=True, slots=True)
class Segment:
    """
    One node of an address, and which of its iterations or items, if it names one.
    """

    id: str
    index: int | None = None


def parse(text: str) -> tuple[Segment, ...]:
    """
    Split an address into its segments, outermost first.

    Raises:
        InvalidAddress: It is empty or malformed.
    """
    segments = []
    for part in text.split("."):
        match = _SEGMENT.fullmatch(part)
        if match is None:
            raise InvalidAddress(text)
        index = match.group(2)
        segments.append(Segment(match.group(1), None if index is None else int(index)))
    return tuple(segments)


def join(base: str, node_id: str) -> str:
    """
    Address of a node in the sequence at *base* ("" for the run's own sequence).
    """
    return f"{base}.{node_id}" if base else node_id


def at_index(address: str, index: int) -> str:
    """
    Address of one iteration or item.
    """
    return f"{address}[{index}]"


def is_inside(address: str, container: str) -> bool:
    """
    Whether *address* lies strictly inside *container*: an iteration of it, or a node under it.
    """
    size = len(container)
    return len(address) > size and address.startswith(container) and address[size] in ".["


def is_at_or_inside(address: str, container: str) -> bool:
    """
    Whether *address* is *container* or lies inside it.
    """
    return address == container or is_inside(address, container)


def index_under(address: str, container: str) -> int | None:
    """
    Which iteration or item of *container* the address is in; None if it names none.
    """
    size = len(container)
    if not is_inside(address, container) or address[size] != "[":
        return None
    return int(address[size + 1 : address.index("]", size)])


def scope_of(address: str) -> str:
    """
    The sequence that a node is in, or the container that an iteration or item is of.
    """
    if address.endswith("]"):
        return address[: address.rindex("[")]
    return address.rpartition(".")[0]
