"""
Where the members of a map's object come from.

A path picks a part of a value: keys joined by dots, digits for elements of arrays, as in
``items.0.price``. A part that is not there is null.
"""

from collections.abc import Mapping
from typing import Any

from dalsegno.model import jsontext
from dalsegno.workflow.graph import (
    BranchNode,
    Constant,
    FromInit,
    FromRequestContext,
    FromStep,
    ParallelNode,
    Part,
    Source,
)


def from_step(step_id: str, path: str = "") -> FromStep:
    """
    Output of an earlier node of the same workflow, or a part of it; null if it has none.
    """
    return FromStep(step_id, path)


def from_init(path: str = "") -> FromInit:
    """
    The run's input, or a part of it.
    """
    return FromInit(path)


def from_request_context(key: str) -> FromRequestContext:
    """
    One key of the request context; null if it is not there.
    """
    return FromRequestContext(key)


def constant(value: Any) -> Constant:
    """
    A fixed JSON value; changing it later changes nothing.

    Raises:
        JsonError: JSON cannot hold it.
    """
    return Constant(jsontext.parse(jsontext.dumps(value)))


def check(source: Source, earlier: Mapping[str, Part]) -> None:
    """
    Refuse a source that nothing can come from.

    Args:
        source: Of one member of a map.
        earlier: What stands before the map, by id.

    Raises:
        ValueError: It reads what is not there.
        TypeError: It is no source.
    """
    match source:
        case FromStep():
            if source.step_id not in earlier:
                known = ", ".join(earlier) or "nothing"
                raise ValueError(f"{source.step_id!r} is not before it; {known} is")
            is_block = isinstance(earlier[source.step_id], ParallelNode | BranchNode)
            if is_block:
                raise ValueError(f"block {source.step_id!r} keeps no output; read its arms")
        case FromInit() | FromRequestContext() | Constant():
            pass
        case _:
            raise TypeError(
                f"{source!r} is no source; use from_step, from_init, from_request_context or "
                "constant"
            )
