"""
Steps: functions of the author, with an id and with types.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Generic, ParamSpec, TypeVar, overload

from dalsegno.workflow import signature
from dalsegno.workflow.duration import to_limit
from dalsegno.workflow.graph import StepNode
from dalsegno.workflow.retry import NOT_DECLARED, Retry
from dalsegno.workflow.types import Type

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Step(Generic[P, R]):
    """
    A function that workflows can run; called directly, it is still that function.

    Attributes:
        node: As it will be in a graph, but for the retry that a workflow may give it.
    """

    node: StepNode

    @property
    def id(self) -> str:
        return self.node.id

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        result: R = self.node.body(*args, **kwargs)
        return result

    def named(self, id: str) -> "Step[P, R]":
        """
        The same step under another id, as an id can be used only once in a workflow.
        """
        return replace(self, node=replace(self.node, id=id))


@overload
def step(function: Callable[P, R], /) -> Step[P, R]: ...


@overload
def step(
    *,
    id: str | None = None,
    retry: Retry | None = None,
    timeout: timedelta | float | None = None,
    resume: Any = None,
    description: str | None = None,
) -> Callable[[Callable[P, R]], Step[P, R]]: ...


def step(
    function: Callable[P, R] | None = None,
    /,
    *,
    id: str | None = None,
    retry: Retry | None = None,
    timeout: timedelta | float | None = None,
    resume: Any = None,
    description: str | None = None,
) -> Step[P, R] | Callable[[Callable[P, R]], Step[P, R]]:
    """
    Make a step of a function of one input and, if it likes, a `Context`.

    Its annotations are the types of its input and output; without one it takes or returns any
    JSON value. The context is found by its annotation, or by the name ``ctx``.

    Args:
        id: The function's name if not given.
        retry: The workflow's if not given; one attempt if that has none either.
        timeout: Of one attempt, in seconds if it is a number; no limit if not given.
        resume: Type of the data it can be resumed with; any JSON value if not given.
        description: The first paragraph of the function's docstring if not given.

    Raises:
        TypeError: The function cannot be a step; the message says what to change.
        ValueError: The time-out is none.
    """

    def decorate(body: Callable[P, R]) -> Step[P, R]:
        name = id if id is not None else _name(body)
        try:
            node = _node(body, name, resume)
        except TypeError as error:
            raise TypeError(f"step {name!r} {error}") from error
        node = replace(
            node,
            retry=retry or NOT_DECLARED,
            timeout=to_limit(timeout),
            description=_first_paragraph(body) if description is None else description,
        )
        return Step(node)

    return decorate if function is None else decorate(function)


def _node(body: Callable[..., Any], name: str, resume: Any) -> StepNode:
    read = signature.read(body)
    return StepNode(
        id=name,
        body=body,
        takes_input=read.takes_input,
        takes_context=read.takes_context,
        context_first=read.context_first,
        is_coroutine=read.is_coroutine,
        input=_type("input", read.input),
        output=_type("output", read.output),
        resume=Type.any() if resume is None else _type("resume data", resume),
        retry=NOT_DECLARED,
        timeout=None,
    )


def _type(what: str, annotation: Any) -> Type:
    try:
        return Type(annotation)
    except TypeError as error:
        raise TypeError(f"cannot check its {what}: {error}") from error


def _name(body: Callable[..., Any]) -> str:
    name = getattr(body, "__name__", None)
    if not isinstance(name, str):
        raise TypeError(f"{body!r} has no name; give the step an id: @step(id=...)")
    return name


def _first_paragraph(body: Callable[..., Any]) -> str:
    # Only functions: the docstring of a partial or an object is that of its class.
    documentation = inspect.getdoc(body) if inspect.isroutine(body) else None
    return " ".join((documentation or "").split("\n\n")[0].split())
