"""
What a body learns of its run, and of what came before it.
"""

from typing import Any

import pytest

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
from dalsegno.workflow.graph import Source
from tests.unit.engine.bodies import Bodies, asks_and_adds, fails
from tests.unit.engine.stage import Stages


def asks_for(*ids: str) -> Any:
    """
    Gives what is known of steps.
    """

    async def does(_: Any, ctx: Context) -> list[Any]:
        return [await ctx.result_of(id) for id in ids]

    return does


async def test_a_body_knows_where_it_is(stages: Stages) -> None:
    @step
    async def knows(_: Any, ctx: Context) -> Any:
        return {
            "address": ctx.address,
            "attempt": ctx.attempt,
            "init_data": ctx.init_data,
            "input": ctx.input,
            "key": ctx.idempotency_key,
            "lineage": ctx.lineage,
            "replay": ctx.is_replay,
            "request_context": dict(ctx.request_context),
            "run": ctx.run_id,
            "workflow": ctx.workflow_id,
        }

    inner = Workflow("inner").foreach(knows)
    stage = await stages.open(Workflow("w").map("m", lambda _: [1]).then(inner))

    run = await stage.run("w", {"run": "input"}, run_id="mine", request_context={"user": "ann"})

    assert run.result == [
        {
            "address": "inner.knows[0]",
            "attempt": 1,
            "init_data": {"run": "input"},
            "input": 1,
            "key": "mine/inner.knows[0]",
            "lineage": None,
            "replay": False,
            "request_context": {"user": "ann"},
            "run": "mine",
            "workflow": "w",
        }
    ]


async def test_a_body_of_a_replay_knows_its_lineage(stages: Stages, bodies: Bodies) -> None:
    lineages = []

    def knows(value: Any, ctx: Context) -> Any:
        lineages.append((ctx.is_replay, ctx.lineage))
        return value

    stage = await stages.open(Workflow("w").then(bodies.step("a"), bodies.step("b", knows)))
    source = await stage.run("w", "")
    replay = await stage.travel("b", source, input="other")

    assert lineages[0] == (False, None)
    is_replay, lineage = lineages[1]
    assert is_replay
    assert lineage is not None
    assert lineage == replay.view.run.lineage
    assert (lineage.source_run_id, lineage.step, lineage.overrides) == (
        source.run_id,
        "b",
        ("input_data",),
    )


async def test_the_idempotency_key_is_the_same_over_attempts_and_answers(
    stages: Stages, bodies: Bodies
) -> None:
    keys = []

    def tries(_: Any, ctx: Context) -> Any:
        keys.append(ctx.idempotency_key)
        if ctx.attempt == 1:
            raise ConnectionError
        return ctx.suspend()

    body = bodies.step("a", tries, retry=Retry(max_attempts=2))
    stage = await stages.open(Workflow("w").then(body, body.named("b")))
    run = await stage.run("w")
    run = await stage.resume(run, 1)
    run = await stage.resume(run, 1)
    replay = await stage.travel("b", run)

    assert len(keys) == 8
    assert len(set(keys[:3])) == 1
    assert len(set(keys[3:6])) == 1
    assert len({keys[0], keys[3], keys[6]}) == 3, "each address of each run has its own"
    assert replay.run_id in keys[6]


async def test_results_of_earlier_steps_can_be_read(stages: Stages, bodies: Bodies) -> None:
    workflow = Workflow("w").then(bodies.step("a"), bodies.step("b"))
    stage = await stages.open(workflow.then(bodies.step("c", asks_for("a", "b"))))

    assert (await stage.run("w", "")).result == ["a", "ab"]


async def test_what_has_no_output_yet_is_none(stages: Stages, bodies: Bodies) -> None:
    asking = bodies.step("c", asks_for("c", "d", "nowhere", "skipped", "broken", "p"))
    workflow = (
        Workflow("w")
        .when(lambda _: False, bodies.step("skipped"))
        .tap(bodies.step("broken", fails))
        .parallel(bodies.step("p", asks_and_adds), asking)
        .then(bodies.step("d"))
    )
    stage = await stages.open(workflow)

    run = await stage.run("w", "")

    assert run.status == "suspended"
    assert run.output("c") == [None] * 6


async def test_containers_and_arms_have_results_and_blocks_have_none(
    stages: Stages, bodies: Bodies
) -> None:
    inner = Workflow("inner").then(bodies.step("x"))
    workflow = (
        Workflow("w")
        .then(inner)
        .parallel(*bodies.steps("pq"), id="both")
        .map("items", lambda value: list(value.values()))
        .foreach(bodies.step("f"))
    )
    asking = bodies.step("c", asks_for("inner", "x", "p", "q", "both", "f"))
    stage = await stages.open(workflow.then(asking))

    run = await stage.run("w", "")

    assert run.result == ["x", None, "xp", "xq", None, ["xpf", "xqf"]]


async def test_inside_a_nested_workflow_ids_are_those_of_its_own(
    stages: Stages, bodies: Bodies
) -> None:
    inner = Workflow("inner").then(bodies.step("a"), bodies.step("x", asks_for("a", "z")))
    stage = await stages.open(Workflow("w").then(bodies.step("z"), bodies.step("a"), inner))

    assert (await stage.run("w", "")).result == ["zaa", None]


async def test_inside_an_iteration_results_are_those_of_the_same_iteration(
    stages: Stages, bodies: Bodies
) -> None:
    body = Workflow("body").then(bodies.step("a"), bodies.step("x", asks_for("a")))
    stage = await stages.open(Workflow("w").foreach(body))

    assert (await stage.run("w", ["1", "2"])).result == [["1a"], ["2a"]]


async def test_a_replay_reads_results_of_its_source_before_the_target_only(
    stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w").then(*bodies.steps("ab"))
    stage = await stages.open(workflow.then(bodies.step("c", asks_for("a", "b", "c"))))
    source = await stage.run("w", "")
    bodies.will("b", lambda *_: "changed")

    replay = await stage.travel("b", source)

    assert source.result == ["a", "ab", None]
    assert replay.result == ["a", "changed", None]


async def test_a_function_reads_results_from_its_thread(stages: Stages, bodies: Bodies) -> None:
    @step
    def reads(_: Any, ctx: Context) -> Any:
        return [ctx.blocking_result_of("a"), ctx.blocking_result_of("b")]

    stage = await stages.open(Workflow("w").then(bodies.step("a"), reads))

    assert (await stage.run("w", "")).result == ["a", None]


async def test_a_coroutine_may_not_block_for_a_result(stages: Stages, bodies: Bodies) -> None:
    def reads(_: Any, ctx: Context) -> Any:
        return ctx.blocking_result_of("a")

    stage = await stages.open(Workflow("w").then(bodies.step("a"), bodies.step("b", reads)))

    run = await stage.run("w", "")

    assert (run.status, run.error.type) == ("failed", "RuntimeError")


@pytest.mark.parametrize("is_replayed", [False, True])
async def test_a_map_builds_a_value_from_what_is_there(
    is_replayed: bool, stages: Stages, bodies: Bodies
) -> None:
    sources: dict[str, Source] = {
        "step": from_step("a"),
        "none": from_step("skipped"),
        "init": from_init("order.lines.1"),
        "missing": from_init("order.nothing"),
        "user": from_request_context("user"),
        "constant": constant([1, None]),
    }
    workflow = (
        Workflow("w")
        .then(bodies.step("a", lambda *_: "out"))
        .when(lambda _: False, bodies.step("skipped"))
        .map("m", sources)
    )
    stage = await stages.open(workflow)

    run = await stage.run("w", {"order": {"lines": [1, 2]}}, request_context={"user": "ann"})
    if is_replayed:
        run = await stage.travel("m", run)

    assert run.result == {
        "step": "out",
        "none": None,
        "init": 2,
        "missing": None,
        "user": "ann",
        "constant": [1, None],
    }
    assert run.records["m"].status == "success"
