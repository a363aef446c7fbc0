"""
What a function written by an author takes and returns, read from its signature.
"""

import functools
import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from inspect import Parameter
from typing import Any

from dalsegno.workflow.context import Context

_CONTEXT_NAME = "ctx"
_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_UNBOUNDED = {Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}


@dataclass(frozen=True, slots=True)
class Signature:
    """
    How to call a function with a value, a context, or both.

    Attributes:
        context_first: It takes the context before the input.
        input: Annotation of the input; Any if it has none.
        output: Annotation of what it returns; Any if it has none.
        is_typed: Whether the input has an annotation.
    """

    takes_input: bool
    takes_context: bool
    context_first: bool
    input: Any
    output: Any
    is_typed: bool
    is_coroutine: bool


def read(function: Callable[..., Any]) -> Signature:
    """
    Read the signature of a step's body, a map's function or a condition.

    Raises:
        TypeError: It cannot be one of these; the message says what to change.
    """
    if not callable(function):
        raise TypeError(f"is {function!r}; give a function")
    target = _behind(function)
    if inspect.isgeneratorfunction(target) or inspect.isasyncgenfunction(target):
        raise TypeError("yields; return the value instead, and tell of progress by ctx.emit()")
    hints = _hints(target)
    inputs: list[Parameter] = []
    contexts: list[Parameter] = []
    parameters = _parameters(function)
    for parameter in parameters:
        (contexts if _is_context(parameter, hints) else inputs).append(parameter)
    if len(contexts) > 1:
        raise TypeError(
            f"takes {len(contexts)} contexts ({', '.join(_names(contexts))}); leave one"
        )
    given = _given(inputs)
    taken = [parameter for parameter in parameters if parameter is given or parameter in contexts]
    if parameters[: len(taken)] != taken or any(each.kind not in _POSITIONAL for each in taken):
        raise TypeError(f"must take {' and '.join(_names(taken))} first, by position")
    return Signature(
        takes_input=given is not None,
        takes_context=bool(contexts),
        context_first=len(taken) > 1 and taken[0] is not given,
        input=hints.get(given.name, Any) if given else Any,
        output=hints.get("return", Any),
        is_typed=given is not None and given.name in hints,
        is_coroutine=inspect.iscoroutinefunction(target),
    )


def _behind(function: Callable[..., Any]) -> Callable[..., Any]:
    """
    The function that a partial or a callable object calls.
    """
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isroutine(function) or inspect.isclass(function):
        return function
    call: Callable[..., Any] = type(function).__call__
    return call


def _hints(target: Callable[..., Any]) -> dict[str, Any]:
    if not getattr(target, "__annotations__", None):
        return {}
    try:
        return typing.get_type_hints(target, include_extras=True)
    except NameError as error:
        raise TypeError(
            f"has an annotation that is unknown when the program runs ({error}); "
            "import or define it at the top of the module, not under TYPE_CHECKING"
        ) from error


def _parameters(function: Callable[..., Any]) -> list[Parameter]:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except ValueError:
        raise TypeError("has no signature to read; wrap it in a function of one input") from None
    for parameter in parameters:
        if parameter.kind in _UNBOUNDED:
            name = _UNBOUNDED[parameter.kind] + parameter.name
            raise TypeError(f"takes {name}; give it one input, such as a dataclass, instead")
    return parameters


def _is_context(parameter: Parameter, hints: dict[str, Any]) -> bool:
    hint = hints.get(parameter.name, Any)
    if hint is Context or Context in typing.get_args(hint):
        return True
    return parameter.name == _CONTEXT_NAME and hint is Any


def _given(inputs: list[Parameter]) -> Parameter | None:
    """
    The parameter that gets the input: the only one without a default, else the only one.

    Others may be left at their defaults; functools.partial binds so.
    """
    needed = [parameter for parameter in inputs if parameter.default is Parameter.empty]
    candidates = needed or [parameter for parameter in inputs if parameter.kind in _POSITIONAL]
    if len(candidates) > 1:
        raise TypeError(
            f"takes {len(candidates)} inputs ({', '.join(_names(candidates))}); give it one, such "
            "as a dataclass of them, or bind the others with functools.partial"
        )
    return candidates[0] if candidates else None


def _names(parameters: list[Parameter]) -> list[str]:
    return [parameter.name for parameter in parameters]
