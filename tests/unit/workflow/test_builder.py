from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dalsegno.model.errors import InvalidDefinition
from dalsegno.model.record import NodeKind
from dalsegno.workflow import (
    Context,
    Retry,
    Workflow,
    constant,
    from_init,
    from_request_context,
    from_step,
    step,
)
from dalsegno.workflow.graph import (
    BranchNode,
    ForeachNode,
    LoopNode,
    MapNode,
    ParallelNode,
    SleepNode,
    StepNode,
    TapNode,
    WhenNode,
    WorkflowNode,
)
from dalsegno.workflow.types import Type

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@step
def a(value: int) -> int:
    return value


@step
def b(value: int) -> str:
    return str(value)


c = step(id="c")(lambda value: value)


def always(_value: Any) -> bool:
    return True


def test_nodes_stand_in_the_order_they_were_added() -> None:
    inner = Workflow("inner").then(a)
    workflow = (
        Workflow("main")
        .then(a, b)
        .then(inner)
        .parallel(a.named("p1"), b.named("p2"), id="both")
        .race(a.named("r1"), inner.named("r2"))
        .branch((always, a.named("b1")), (always, inner.named("b2")))
        .when(always, a.named("w"))
        .tap(a.named("t"))
        .foreach(inner.named("f"), concurrency=3)
        .do_while(a.named("dw"), always, max_iterations=4)
        .do_until(a.named("du"), always)
        .map("m", {"x": from_step("p1", "y.0"), "z": constant([1])})
        .map("fn", lambda value: value)
        .sleep("s", 1.5)
        .sleep_until("u", NOON)
        .commit()
    )

    assert [(type(node), node.kind, node.id) for node in workflow.nodes] == [
        (StepNode, NodeKind.STEP, "a"),
        (StepNode, NodeKind.STEP, "b"),
        (WorkflowNode, NodeKind.WORKFLOW, "inner"),
        (ParallelNode, NodeKind.PARALLEL, "both"),
        (ParallelNode, NodeKind.RACE, None),
        (BranchNode, NodeKind.BRANCH, None),
        (WhenNode, NodeKind.WHEN, "w"),
        (TapNode, NodeKind.TAP, "t"),
        (ForeachNode, NodeKind.FOREACH, "f"),
        (LoopNode, NodeKind.DO_WHILE, "dw"),
        (LoopNode, NodeKind.DO_UNTIL, "du"),
        (MapNode, NodeKind.MAP, "m"),
        (MapNode, NodeKind.MAP, "fn"),
        (SleepNode, NodeKind.SLEEP, "s"),
        (SleepNode, NodeKind.SLEEP_UNTIL, "u"),
    ]


def test_parts_are_found_by_their_ids() -> None:
    inner = Workflow("inner").then(a)
    workflow = Workflow("main").then(a).parallel(b, inner, id="both").do_until(c, always)

    assert [workflow.node_index(id) for id in ("a", "both", "b", "inner", "c")] == [0, 1, 1, 1, 2]
    assert workflow.node_index("x") is None
    assert isinstance(workflow.leaf("both"), ParallelNode)
    assert isinstance(workflow.leaf("inner"), WorkflowNode)
    assert isinstance(workflow.leaf("c"), StepNode)
    assert workflow.leaf("x") is None


def test_settings_of_nodes_are_kept() -> None:
    nodes = (
        Workflow("main")
        .foreach(a, concurrency=3)
        .do_while(b, always, max_iterations=4)
        .sleep("s", 1.5)
        .sleep_until("u", lambda _: NOON)
        .nodes
    )

    assert isinstance(nodes[0], ForeachNode)
    assert nodes[0].concurrency == 3
    assert isinstance(nodes[1], LoopNode)
    assert nodes[1].max_iterations == 4
    assert isinstance(nodes[2], SleepNode)
    assert nodes[2].duration == timedelta(seconds=1.5)
    assert isinstance(nodes[3], SleepNode)
    assert callable(nodes[3].until)


def test_a_constant_is_what_it_was_when_it_was_given() -> None:
    value = [1]
    source = constant(value)
    value.append(2)

    node = Workflow("main").map("m", {"x": source}).nodes[0]

    assert isinstance(node, MapNode)
    assert node.sources is not None
    assert node.sources["x"] == constant([1])


def test_a_map_can_be_a_function_with_types_and_a_context() -> None:
    def total(values: list[int], context: Context) -> int:
        return sum(values) + context.attempt

    node = Workflow("main").map("m", total).nodes[0]

    assert isinstance(node, MapNode)
    assert node.function is not None
    assert node.function.id == "m"
    assert node.function.takes_context
    with pytest.raises(ValueError, match="valid integer"):
        node.function.input.check(b'["a"]')


def test_types_may_be_left_out() -> None:
    typed = Workflow("main", input=int, output=str, state=dict[str, int], timeout=2)
    bare = Workflow("main")

    assert typed.input.decode(b"1") == 1
    assert typed.timeout == timedelta(seconds=2)
    assert not typed.output.is_any
    assert not typed.state.is_any
    assert (bare.input.is_any, bare.output.is_any, bare.state.is_any) == (True, True, True)
    assert bare.timeout is None


def accepts(made_of: Type) -> set[str]:
    def fits(data: bytes) -> bool:
        try:
            made_of.check(data)
        except ValueError:
            return False
        return True

    return {text for text in ("1", '"a"', "null") if fits(text.encode())}


def typed_condition(value: str) -> bool:
    return bool(value)


@pytest.mark.parametrize(
    ("before", "condition", "accepted"),
    [
        (lambda workflow: workflow, lambda value: value, {"1"}),
        (lambda workflow: workflow.then(b), lambda value: value, {'"a"'}),
        (lambda workflow: workflow.then(b), always, {"1", '"a"', "null"}),
        (lambda workflow: workflow.then(a), typed_condition, {'"a"'}),
        (lambda workflow: workflow.then(c), lambda value: value, {"1", '"a"', "null"}),
        (lambda workflow: workflow.sleep("z", 0).tap(b), lambda value: value, {"1"}),
        (lambda workflow: workflow.parallel(b), lambda value: value, {"1", '"a"', "null"}),
        (lambda workflow: workflow.when(always, b), lambda value: value, {"1", '"a"', "null"}),
        (lambda workflow: workflow.do_while(b, always), lambda value: value, {'"a"'}),
        (lambda workflow: workflow.map("m", b), lambda value: value, {'"a"'}),
        (
            lambda workflow: workflow.then(Workflow("i", output=str).then(a)),
            lambda value: value,
            {'"a"'},
        ),
    ],
)
def test_a_condition_gets_its_own_type_or_that_of_what_flows(
    before: Callable[[Workflow], Workflow], condition: Callable[[Any], bool], accepted: set[str]
) -> None:
    workflow = before(Workflow("main", input=int))

    node = workflow.branch((condition, a.named("x"))).nodes[-1]

    assert isinstance(node, BranchNode)
    assert accepts(node.conditions[0].input) == accepted


def test_a_loop_s_condition_gets_the_output_of_the_body() -> None:
    node = Workflow("main", input=int).do_until(b, lambda value: value == "3").nodes[0]

    assert isinstance(node, LoopNode)
    assert accepts(node.condition.input) == {'"a"'}


ONE, TWO, THREE = (Retry(max_attempts=number) for number in (1, 2, 3))


def retries(workflow: Workflow) -> dict[str, int]:
    """
    Attempts of every step, by address.
    """
    found = {}
    for id in ("a", "b", "c", "m"):
        part = workflow.leaf(id)
        node = part.function if isinstance(part, MapNode) else part
        if isinstance(node, StepNode):
            found[id] = node.retry.max_attempts
    for id in ("inner", "deep"):
        part = workflow.leaf(id)
        if isinstance(part, WorkflowNode):
            inside = retries(part.workflow)
            found |= {f"{id}.{address}": attempts for address, attempts in inside.items()}
    return found


def test_steps_without_a_retry_get_that_of_their_workflow() -> None:
    own = step(id="b", retry=ONE)(always)
    workflow = Workflow("main", retry=THREE).then(a, own).foreach(c).map("m", always)

    assert retries(workflow) == {"a": 3, "b": 1, "c": 3, "m": 3}


def test_nested_workflows_without_a_retry_get_that_around_them() -> None:
    deep = Workflow("deep").then(a).tap(b).map("m", always)
    inner = Workflow("inner").parallel(deep, a).do_while(step(id="c", retry=ONE)(always), always)

    assert retries(Workflow("main", retry=THREE).then(inner, a)) == {
        "a": 3,
        "inner.a": 3,
        "inner.c": 1,
        "inner.deep.a": 3,
        "inner.deep.b": 3,
        "inner.deep.m": 3,
    }
    assert retries(inner) == {"a": 1, "c": 1, "deep.a": 1, "deep.b": 1, "deep.m": 1}


def test_a_nested_workflow_keeps_its_own_retry() -> None:
    inner = Workflow("inner", retry=TWO).then(a, Workflow("deep").then(b))

    assert retries(Workflow("main", retry=THREE).then(inner)) == {"inner.a": 2, "inner.deep.b": 2}


def test_a_workflow_in_use_is_frozen() -> None:
    used, committed, read = Workflow("x").then(a), Workflow("x").then(a), Workflow("x").then(a)

    Workflow("main").then(used)
    committed.commit().commit()
    assert len(read.nodes) == 1

    for workflow in (used, committed, read):
        with pytest.raises(InvalidDefinition, match="'x': is committed or in use"):
            workflow.then(b)


def around_itself() -> Workflow:
    first = Workflow("main").then(a)
    return first.then(first.named("again"))


def around_each_other() -> Workflow:
    first, second = Workflow("first").then(a), Workflow("main").then(a)
    first.then(second)
    return second.then(first)


def main() -> Any:
    """
    A workflow to whose methods anything can be given.
    """
    return Workflow("main")


@pytest.mark.parametrize(
    ("build", "problem"),
    [
        (lambda: Workflow("1a"), "'1a' is no id"),
        (lambda: Workflow("main", timeout=0), "timeout: 0 leaves no time"),
        (lambda: Workflow("main", input="Missing"), "input: 'Missing' is no type for JSON"),
        (lambda: main().commit(), "has no nodes; add one"),
        (lambda: main().nodes, "has no nodes; add one"),
        (lambda: main().then(Workflow("empty")), "has no nodes; add one"),
        (lambda: main().then(always), "is no step; put @step above"),
        (lambda: main().then("a"), "'a' is no step"),
        (lambda: main().then(a, a), "has id 'a' twice"),
        (lambda: main().parallel(a, a), "has id 'a' twice"),
        (lambda: main().parallel(a, id="a"), "has id 'a' twice"),
        (lambda: main().then(a).sleep("a", 1), "has id 'a' twice"),
        (lambda: main().then(a).map("a", {}), "has id 'a' twice"),
        (lambda: main().then(a.named("a.b")), "'a.b' is no id"),
        (lambda: main().then(a.named("")), "'' is no id"),
        (lambda: main().then(a.named("é")), "'é' is no id"),
        (lambda: main().then(a.named("a\n")), "is no id"),
        (lambda: main().parallel(), "a parallel has no arms"),
        (lambda: main().race(), "a race has no arms"),
        (lambda: main().branch(), "a branch has no arms"),
        (lambda: main().branch(a), r"a branch takes \(condition, step\) pairs"),
        (lambda: main().branch((a, always)), "is no step"),
        (lambda: main().when(3, a), "a condition: is 3; give a function"),
        (lambda: main().when(lambda: True, a), "a condition: must take the value"),
        (lambda: main().when(lambda _, ctx: ctx, a), "must take the value, and nothing"),
        (lambda: main().foreach(a, concurrency=0), "foreach 'a' has concurrency 0"),
        (lambda: main().do_while(a, always, 0), "do_while 'a' has max_iterations 0"),
        (lambda: main().do_until(a, always, -1), "do_until 'a' has max_iterations -1"),
        (lambda: main().sleep("s", -1), "sleep 's': .* is negative"),
        (lambda: main().sleep("s", float("nan")), "sleep 's': nan is no number of sec"),
        (lambda: main().sleep_until("s", datetime(2026, 1, 1)), "has no time zone"),
        (lambda: main().sleep_until("s", 5), "sleep_until 's': is 5; give a function"),
        (
            lambda: main().then(a).map("m", {"x": from_step("y")}),
            "map 'm', 'x': 'y' is not before it; a is",
        ),
        (
            lambda: main().map("m", {"x": from_step("m")}),
            "map 'm', 'x': 'm' is not before it; nothing is",
        ),
        (
            lambda: main().parallel(a, id="p").map("m", {"x": from_step("p")}),
            "block 'p' keeps no output; read its arms",
        ),
        (lambda: main().map("m", {"x": 5}), "'x': 5 is no source; use from_step"),
        (lambda: main().map("m", 5), "map 'm': step 'm' is 5; give a function"),
        (around_itself, "contains itself; use a loop"),
        (around_each_other, "is committed or in use"),
    ],
)
def test_what_cannot_be_a_workflow_is_told_what_to_change(
    build: Callable[[], Any], problem: str
) -> None:
    with pytest.raises(InvalidDefinition, match=problem):
        build()


def test_sources_may_read_all_that_lies_before() -> None:
    inner = Workflow("inner").then(a)

    workflow = (
        Workflow("main")
        .then(a)
        .parallel(b, inner)
        .sleep("s", 0)
        .map("m", {})
        .map(
            "n",
            {"a": from_step("a"), "b": from_step("b"), "i": from_step("inner")}
            | {"s": from_step("s"), "m": from_step("m", "x.0")}
            | {"init": from_init("v"), "who": from_request_context("who")},
        )
    )

    assert workflow.node_index("n") == 4
