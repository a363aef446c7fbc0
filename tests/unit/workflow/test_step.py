import functools
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Annotated, Any, cast

import pytest
from pydantic import BaseModel, Field

from dalsegno.workflow import Context, step
from dalsegno.workflow.step import Step

CONTEXT = cast("Context", "the context")  # arguments are only put into order here


class Order(BaseModel):
    """
    What somebody wants.
    """

    id: int


def typed(order: Order) -> int:
    """
    Give the number
    of an order.

    Not part of the first paragraph.
    """
    return order.id


async def with_context(order: Order, context: Context) -> int:
    return order.id + context.attempt


def context_first(ctx: Context, order: Order) -> int:
    return order.id + ctx.attempt


def context_only(here: Context) -> str:
    return here.address


def with_optional_context(value: int, here: Context | None = None) -> int:
    return value + (here.attempt if here else 0)


def nothing() -> int:
    return 1


def with_default(value: int, more: int = 3) -> int:
    return value + more


def only_default(value: int = 3) -> int:
    return value


def named_ctx_but_typed(ctx: Order) -> int:
    return ctx.id


class Adder:
    def __init__(self, number: int) -> None:
        self.number = number

    async def __call__(self, value: int) -> int:
        return value + self.number

    def method(self, value: int, ctx: Context) -> int:
        return value + self.number + ctx.attempt


def test_a_step_is_named_by_its_function_and_is_still_it() -> None:
    made = step(typed)

    assert made.id == "typed"
    assert made(Order(id=3)) == 3
    assert not made.node.is_coroutine


async def test_a_coroutine_stays_one() -> None:
    made = step(Adder(2).__call__)

    assert made.node.is_coroutine
    assert await made(3) == 5


def test_a_step_may_say_more_of_itself() -> None:
    made = step(id="other", timeout=1.5, resume=bool, description="text")(typed)

    assert made.id == "other"
    assert made.node.timeout == timedelta(seconds=1.5)
    assert made.node.resume.decode(b"true") is True
    assert made.node.description == "text"


def test_its_docstring_describes_it() -> None:
    assert step(typed).node.description == "Give the number of an order."
    assert step(nothing).node.description == ""
    assert step(id="adder")(Adder(1)).node.description == ""


def test_another_name_changes_nothing_else() -> None:
    made = step(typed)

    other = made.named("other")

    assert (made.id, other.id) == ("typed", "other")
    assert other(Order(id=3)) == 3


def test_annotations_are_types() -> None:
    node = step(typed).node

    assert node.input.decode(b'{"id":3}') == Order(id=3)
    assert node.output.encode(3) == b"3"
    assert node.resume.is_any


def test_annotated_types_keep_their_rules() -> None:
    def positive(value: Annotated[int, Field(gt=0)]) -> None:
        pass

    with pytest.raises(ValueError, match="greater than 0"):
        step(positive).node.input.check(b"0")


def test_without_annotations_any_value_goes() -> None:
    node = step(id="s")(lambda value: value).node

    assert node.input.is_any
    assert node.output.is_any


@pytest.mark.parametrize(
    ("body", "arguments"),
    [
        (lambda value: value, (1,)),
        (typed, (1,)),
        (with_context, (1, CONTEXT)),
        (lambda order, ctx: (order, ctx), (1, CONTEXT)),
        (context_first, (CONTEXT, 1)),
        (context_only, (CONTEXT,)),
        (with_optional_context, (1, CONTEXT)),
        (nothing, ()),
        (with_default, (1,)),
        (only_default, (1,)),
        (named_ctx_but_typed, (1,)),
        (Adder(1).method, (1, CONTEXT)),
        (functools.partial(with_default, more=4), (1,)),
        (functools.partial(with_default, 4), (1,)),
        (abs, (1,)),
    ],
)
def test_a_body_gets_what_it_takes(body: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    assert step(id="s")(body).node.arguments(1, CONTEXT) == arguments


def test_partials_and_objects_keep_their_annotations() -> None:
    partial = step(id="s")(functools.partial(with_default, more=4)).node
    called = step(id="s")(Adder(1)).node

    assert not partial.input.is_any
    assert not called.input.is_any
    assert called.is_coroutine


async def yielding(_value: int) -> AsyncIterator[int]:
    yield 1


def iterating(_value: int) -> Iterator[int]:
    yield 1


def many(*values: int) -> None: ...


def keywords(**values: int) -> None: ...


def two(a: int, b: int) -> None: ...


def two_defaults(a: int = 1, b: int = 2) -> None: ...


def keyword_only(*, a: int) -> None: ...


def keyword_context(value: int, *, ctx: Context) -> None: ...


def context_last(value: int, more: int = 1, ctx: Context | None = None) -> None: ...


def context_after_more(value: int, more: int = 1, ctx: Any = None) -> None: ...


def two_contexts(a: Context, b: Context) -> None: ...


def opaque(value: Step[..., Any]) -> None: ...


def unknown(value: "Missing") -> None: ...  # type: ignore[name-defined] # noqa: F821 - the mistake


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (yielding, r"step 's' yields; return the value instead"),
        (iterating, r"step 's' yields; return the value instead"),
        (many, r"step 's' takes \*values; give it one input"),
        (keywords, r"step 's' takes \*\*values; give it one input"),
        (two, r"step 's' takes 2 inputs \(a, b\); give it one"),
        (two_defaults, r"step 's' takes 2 inputs \(a, b\); give it one"),
        (keyword_only, r"step 's' must take a first, by position"),
        (keyword_context, r"step 's' must take value and ctx first, by position"),
        (context_after_more, r"step 's' must take value and ctx first, by position"),
        (context_last, r"step 's' must take value and ctx first, by position"),
        (two_contexts, r"step 's' takes 2 contexts \(a, b\); leave one"),
        (opaque, r"step 's' cannot check its input: .* is no type for JSON"),
        (unknown, r"step 's' has an annotation that is unknown .*'Missing'.*not under TYPE_CHECK"),
        (5, r"step 's' is 5; give a function"),
        (dict, r"step 's' has no signature to read; wrap it in a function"),
    ],
)
def test_what_cannot_be_a_step_is_told_what_to_change(body: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        step(id="s")(body)


def test_a_step_without_a_name_needs_an_id() -> None:
    with pytest.raises(TypeError, match="give the step an id"):
        step(Adder(1))


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), timedelta(0)])
def test_a_time_out_leaves_some_time(timeout: float) -> None:
    with pytest.raises(ValueError, match=r"time|negative|seconds"):
        step(timeout=timeout)(typed)
