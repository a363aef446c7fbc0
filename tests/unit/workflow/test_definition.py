import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel, Field

from dalsegno.model.errors import InvalidDefinition
from dalsegno.workflow import Retry, Workflow, step


class Order(BaseModel):
    """
    Prose about orders.
    """

    title: str = Field(default="description", description="Of the order", examples=["a"])


@step
def a(value: int) -> int:
    return value


@step(resume=bool)
def b(value: Any) -> Any:
    return value


def always(_value: Any) -> bool:
    return True


def never(_value: Any) -> bool:
    return False


def test_a_definition_is_compact_json_in_a_fixed_order() -> None:
    inner = Workflow("inner", output=int).then(a.named("x"))
    workflow = (
        Workflow("main", input=int)
        .then(a, inner)
        .parallel(b, inner.named("again"), id="both")
        .branch((always, b.named("c")))
        .when(always, b.named("d"))
        .tap(b.named("e"))
        .map("m", {})
        .sleep("s", 1)
        .sleep_until("u", datetime(2026, 1, 1, tzinfo=UTC))
    )
    integer = '{"type":"integer"}'

    def a_node(id: str) -> str:
        return f'{{"kind":"step","id":"{id}","input":{integer},"output":{integer},"resume":null}}'

    def b_node(id: str) -> str:
        resume = '{"type":"boolean"}'
        return f'{{"kind":"step","id":"{id}","input":null,"output":null,"resume":{resume}}}'

    def nested(id: str) -> str:
        types = f'"input":null,"output":{integer},"state":null'
        definition = f'{{"id":"inner","nodes":[{a_node("x")}],{types}}}'
        return f'{{"kind":"workflow","id":"{id}","workflow":{definition}}}'

    nodes = [
        a_node("a"),
        nested("inner"),
        f'{{"kind":"parallel","id":"both","arms":[{b_node("b")},{nested("again")}]}}',
        f'{{"kind":"branch","id":null,"arms":[{b_node("c")}]}}',
        f'{{"kind":"when","body":{b_node("d")}}}',
        f'{{"kind":"tap","body":{b_node("e")}}}',
        '{"kind":"map","id":"m"}',
        '{"kind":"sleep","id":"s"}',
        '{"kind":"sleep_until","id":"u"}',
    ]
    types = f'"input":{integer},"output":null,"state":null'

    assert workflow.definition_json().decode() == (
        f'{{"id":"main","nodes":[{",".join(nodes)}],{types}}}'
    )


def test_settings_are_told_where_there_are_any() -> None:
    retry = Retry(max_attempts=3, non_retryable=(KeyError,))
    tried = step(id="x", retry=retry, timeout=2.5, description="Tries")(always)
    workflow = (
        Workflow("main", timeout=60, description="All of it")
        .then(tried)
        .foreach(a, concurrency=4)
        .do_while(b, always, max_iterations=9)
        .do_until(b.named("c"), always)
    )

    definition = json.loads(workflow.definition_json())

    assert definition["settings"] == {"timeout_s": 60.0, "description": "All of it"}
    assert [node.get("settings") for node in definition["nodes"]] == [
        {
            "retry": {
                "max_attempts": 3,
                "initial_interval_s": 1.0,
                "backoff": 2.0,
                "max_interval_s": 60.0,
                "jitter": 0.1,
                "non_retryable": ["KeyError"],
            },
            "timeout_s": 2.5,
            "description": "Tries",
        },
        {"concurrency": 4},
        {"max_iterations": 9},
        None,
    ]


def test_the_retry_of_a_nested_step_is_the_one_it_has_there() -> None:
    inner = Workflow("inner").then(a)
    outer = Workflow("main", retry=Retry(max_attempts=3)).then(inner)

    node = json.loads(outer.definition_json())["nodes"][0]["workflow"]["nodes"][0]

    assert node["settings"]["retry"]["max_attempts"] == 3
    assert b"settings" not in inner.definition_json()


def order_with(docstring: str, **title: Any) -> type[BaseModel]:
    """
    A model like `Order`, but for its prose or its field.
    """
    fields: dict[str, Any] = {
        "__annotations__": {"title": title.pop("type", str)},
        "__module__": __name__,
        "__doc__": docstring,
        "title": Field(**{"default": "description", **title}),
    }
    return type("Order", (BaseModel,), fields)


def plain() -> Workflow:
    return Workflow("main", input=int, retry=Retry(max_attempts=2)).then(a).do_while(b, always)


def one_step(input: Any) -> Workflow:
    def body(value: Any) -> Any:
        return value

    body.__annotations__ = {"value": input}
    return Workflow("main").then(step(id="s")(body))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (plain, plain),
        (
            plain,
            lambda: (
                Workflow("main", input=int, timeout=3, description="other")
                .then(step(id="a", retry=Retry(max_attempts=9), timeout=1)(a.node.body))
                .do_while(b, never, max_iterations=3)
            ),
        ),
        (lambda: one_step(Order), lambda: one_step(order_with("Other prose", examples=["b"]))),
        (
            lambda: Workflow("main").foreach(a).sleep("s", 1),
            lambda: Workflow("main").foreach(a, concurrency=2).sleep("s", timedelta(hours=1)),
        ),
    ],
    ids=["itself", "settings and code", "prose", "concurrency and durations"],
)
def test_what_no_history_depends_on_leaves_the_hash(
    one: Callable[[], Workflow], other: Callable[[], Workflow]
) -> None:
    assert one().definition_hash == other().definition_hash


@pytest.mark.parametrize(
    "other",
    [
        lambda: Workflow("other", input=int).then(a).do_while(b, always),
        lambda: Workflow("main").then(a).do_while(b, always),
        lambda: Workflow("main", input=int, output=int).then(a).do_while(b, always),
        lambda: Workflow("main", input=int, state=dict[str, int]).then(a).do_while(b, always),
        lambda: Workflow("main", input=int).do_while(b, always).then(a),
        lambda: Workflow("main", input=int).then(a).do_until(b, always),
        lambda: Workflow("main", input=int).then(a.named("x")).do_while(b, always),
        lambda: Workflow("main", input=int).then(step(id="a")(always)).do_while(b, always),
        lambda: Workflow("main", input=int).then(Workflow("a").then(a)).do_while(b, always),
        lambda: Workflow("main", input=int).parallel(a).do_while(b, always),
        lambda: Workflow("main", input=int).then(a).do_while(step(id="b")(always), always),
        lambda: Workflow("main", input=int).then(a),
    ],
)
def test_the_hash_changes_with_graph_and_types(other: Callable[[], Workflow]) -> None:
    assert other().definition_hash != plain().definition_hash


@pytest.mark.parametrize(
    "input",
    [
        order_with("Prose about orders.", type=int, default=1),
        order_with("Prose about orders.", default="title"),
        order_with("Prose about orders.", max_length=3),
        dict[str, Order],
    ],
)
def test_the_hash_changes_with_what_a_schema_says(input: Any) -> None:
    assert one_step(input).definition_hash != one_step(Order).definition_hash


def test_the_hash_changes_with_a_default_that_looks_like_prose() -> None:
    one, other = (
        one_step(order_with("", type=dict[str, int], default={"title": number}))
        for number in (1, 2)
    )

    assert one.definition_hash != other.definition_hash


PROGRAM = """
import enum
from typing import Literal
from pydantic import BaseModel
from dalsegno.workflow import Workflow, step

class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"

class Paint(BaseModel):
    colour: Colour | Literal["green", "none"] | set[int] = "none"
    layers: dict[str, "Paint"] = {}

@step
def mix(paint: Paint) -> frozenset[Colour]:
    return frozenset()

print(Workflow("main", input=Paint).then(mix).definition_hash)
"""


def test_a_hash_is_the_same_in_every_process() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }

    assert len(outputs) == 1
    assert len(outputs.pop().strip()) == 64


def test_deeply_nested_workflows_have_a_definition() -> None:
    workflow = Workflow("w").then(a)
    for _ in range(50):
        workflow = Workflow("w").then(workflow)

    assert workflow.definition_json().count(b'"kind":"workflow"') == 50
    assert len(workflow.definition_hash) == 64


def test_a_type_that_no_schema_can_say_is_refused_when_the_workflow_is_built() -> None:
    workflow = one_step(Callable[[], int])

    with pytest.raises(InvalidDefinition, match="'main': its definition: a type has no JSON sch"):
        workflow.commit()
