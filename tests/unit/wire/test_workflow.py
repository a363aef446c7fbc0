"""
Workflows as callers see them: every kind of node, at its address.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel

from dalsegno.model.record import NodeKind
from dalsegno.v1 import run_pb2
from dalsegno.v1 import workflow_service_pb2 as pb
from dalsegno.wire.payload import Form
from dalsegno.wire.workflow import workflow_summary_to_proto, workflow_to_proto
from dalsegno.workflow import Context, Retry, Workflow, from_init, step


class Number(BaseModel):
    v: float


@step(retry=Retry(max_attempts=3, initial_interval=timedelta(seconds=2)), timeout=1.5)
async def add(data: Number) -> Number:
    return data


@step(resume=Number)
async def ask(data: Any, ctx: Context) -> Any:
    return ctx.suspend(data)


@step
async def free(data: Any) -> Any:
    return data


INNER = Workflow("inner").then(free.named("n1")).foreach(free.named("n2"), concurrency=4)
WORKFLOW = (
    Workflow("all", input=Number, output=Number, state=dict[str, int], description="of each one")
    .then(add, ask)
    .then(INNER)
    .map("pick", {"v": from_init("v")})
    .sleep("nap", 1)
    .sleep_until("noon", datetime(2030, 1, 1, tzinfo=UTC))
    .tap(free.named("note"))
    .when(lambda _: True, free.named("maybe"))
    .do_while(free.named("poll"), lambda _: False, max_iterations=9)
    .do_until(free.named("wait"), lambda _: True)
    .foreach(INNER.named("items"))
    .parallel(free.named("p1"), INNER.named("p2"), id="both")
    .race(free.named("r1"), free.named("r2"))
    .branch((lambda _: True, free.named("b1")), id="choice")
)


def walk(nodes: Any, depth: int = 0) -> Iterator[tuple[int, str, str]]:
    for node in nodes:
        kind = run_pb2.NodeKind.Name(node.kind).removeprefix("NODE_KIND_").lower()
        yield depth, kind, node.address
        yield from walk(node.nodes, depth + 1)


def shown() -> pb.Workflow:
    return workflow_to_proto(WORKFLOW, Form.JSON)


def node(address: str, kind: NodeKind) -> pb.Node:
    def found(nodes: Any) -> Iterator[pb.Node]:
        for it in nodes:
            if it.address == address and it.kind == run_pb2.NodeKind.Value(
                f"NODE_KIND_{kind.name}"
            ):
                yield it
            yield from found(it.nodes)

    [only] = found(shown().nodes)
    return only


def test_every_node_has_its_kind_and_address() -> None:
    assert list(walk(shown().nodes)) == [
        (0, "step", "add"),
        (0, "step", "ask"),
        (0, "workflow", "inner"),
        (1, "step", "inner.n1"),
        (1, "foreach", "inner.n2"),
        (2, "step", "inner.n2[]"),
        (0, "map", "pick"),
        (0, "sleep", "nap"),
        (0, "sleep_until", "noon"),
        (0, "tap", "note"),
        (0, "when", "maybe"),
        (1, "step", "maybe"),
        (0, "do_while", "poll"),
        (1, "step", "poll[]"),
        (0, "do_until", "wait"),
        (1, "step", "wait[]"),
        (0, "foreach", "items"),
        (1, "workflow", "items[]"),
        (2, "step", "items[].n1"),
        (2, "foreach", "items[].n2"),
        (3, "step", "items[].n2[]"),
        (0, "parallel", "both"),
        (1, "step", "p1"),
        (1, "workflow", "p2"),
        (2, "step", "p2.n1"),
        (2, "foreach", "p2.n2"),
        (3, "step", "p2.n2[]"),
        (0, "race", ""),
        (1, "step", "r1"),
        (1, "step", "r2"),
        (0, "branch", "choice"),
        (1, "step", "b1"),
    ]


def test_every_kind_of_node_is_among_them() -> None:
    assert {kind for _, kind, _ in walk(shown().nodes)} == {kind.value for kind in NodeKind}


def test_a_workflow_has_its_schemas() -> None:
    workflow = shown()

    assert json.loads(workflow.input_schema.json)["required"] == ["v"]
    assert json.loads(workflow.output_schema.json)["required"] == ["v"]
    assert json.loads(workflow.state_schema.json)["type"] == "object"
    assert workflow.description == "of each one"
    assert workflow.definition_hash == WORKFLOW.definition_hash


def test_a_step_has_its_schemas_and_settings() -> None:
    added, asked = node("add", NodeKind.STEP), node("ask", NodeKind.STEP)

    assert json.loads(added.input_schema.json)["required"] == ["v"]
    assert added.timeout.ToTimedelta() == timedelta(seconds=1.5)
    assert added.retry.max_attempts == 3
    assert added.retry.initial_interval.ToTimedelta() == timedelta(seconds=2)
    assert added.retry.backoff == 2
    assert not added.HasField("resume_schema")
    assert asked.HasField("resume_schema")
    assert not asked.HasField("input_schema")
    assert not asked.HasField("retry")
    assert not asked.HasField("timeout")


def test_loops_have_their_limits_and_nothing_else_has() -> None:
    assert node("poll", NodeKind.DO_WHILE).max_iterations == 9
    assert not node("wait", NodeKind.DO_UNTIL).HasField("max_iterations")
    assert node("inner.n2", NodeKind.FOREACH).concurrency == 4
    assert node("items", NodeKind.FOREACH).concurrency == 1
    assert not node("add", NodeKind.STEP).HasField("concurrency")


def test_a_list_shows_neither_schemas_nor_graph() -> None:
    summary = workflow_summary_to_proto(WORKFLOW)

    assert {field.name for field, _ in summary.ListFields()} == {
        "workflow_id",
        "definition_hash",
        "description",
    }
