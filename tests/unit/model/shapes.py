"""
A graph with every kind of node, for tests of shapes.
"""

from typing import Any

from dalsegno.model.address import parse
from dalsegno.model.shape import GraphShape, Place
from dalsegno.workflow import Workflow, step


@step
async def body(value: Any) -> Any:
    return value


def always(_: Any) -> bool:
    return True


def inner() -> Workflow:
    return (
        Workflow("inner")
        .then(body.named("i1"))
        .foreach(body.named("i2"))
        .parallel(body.named("i3"), body.named("i4"))
    )


def everything() -> GraphShape:
    """
    One of each, in this order.
    """
    workflow = (
        Workflow("everything")
        .then(body.named("first"))
        .map("built", {})
        .parallel(body.named("left"), inner().named("right"), id="both")
        .race(body.named("hare"), body.named("tortoise"))
        .branch((always, body.named("big")), (always, inner().named("small")), id="size")
        .do_while(body.named("poll"), always)
        .do_until(inner().named("again"), always)
        .foreach(inner().named("items"))
        .when(always, inner().named("maybe"))
        .tap(body.named("watch"))
        .sleep("nap", 1)
        .then(inner().named("nested"))
        .then(body.named("last"))
    )
    return GraphShape.parse(workflow.definition_json())


def place(shape: GraphShape, address: str) -> Place:
    return shape.locate(parse(address))
