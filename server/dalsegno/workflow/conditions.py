"""
Functions of the value that flows: conditions, and times to sleep until.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from dalsegno.workflow import signature
from dalsegno.workflow.graph import Predicate
from dalsegno.workflow.types import Type

Condition = Callable[[Any], bool | Awaitable[bool]]


def predicate(condition: Condition, flow: Type) -> Predicate:
    """
    A condition, its value decoded as its parameter says, else as the type of what flows there.

    Raises:
        TypeError: It is no function of one value.
    """
    read = of_one_value(condition)
    return Predicate(condition, Type(read.input) if read.is_typed else flow)


def of_one_value(function: Callable[[Any], Any]) -> signature.Signature:
    """
    Read the signature of a function of one value.

    Raises:
        TypeError: It is none.
    """
    read = signature.read(function)
    if read.takes_context or not read.takes_input:
        raise TypeError("must take the value, and nothing else")
    return read
