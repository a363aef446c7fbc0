"""
A tap whose body is a workflow.
"""

import pytest

from dalsegno.workflow import Workflow
from tests.unit.engine.bodies import Bodies, Does, asks, fails
from tests.unit.engine.stage import Stages


async def test_a_tapped_workflow_runs_for_its_effect(stages: Stages, bodies: Bodies) -> None:
    inner = Workflow("inner").then(*bodies.steps("xy"))
    stage = await stages.open(Workflow("w").tap(inner).then(bodies.step("a")))

    run = await stage.run("w", "")

    assert run.result == "a"
    assert bodies.calls == ["inner.x", "inner.y", "a"]
    assert run.output("inner") == "xy"


@pytest.mark.parametrize("does", [fails, asks])
async def test_what_fails_or_asks_in_a_tapped_workflow_fails_only_that(
    does: Does, stages: Stages, bodies: Bodies
) -> None:
    inner = Workflow("inner").then(bodies.step("x", does))
    stage = await stages.open(Workflow("w").tap(inner).then(bodies.step("a")))

    run = await stage.run("w", "")

    assert run.result == "a"
    assert run.statuses == {"inner": "failed", "inner.x": "failed", "a": "success"}


async def test_a_replay_may_begin_inside_a_tapped_workflow(stages: Stages, bodies: Bodies) -> None:
    inner = Workflow("inner").then(*bodies.steps("xy"))
    stage = await stages.open(Workflow("w").tap(inner).then(bodies.step("a")))
    source = await stage.run("w", "")
    bodies.calls.clear()

    replay = await stage.travel("inner.y", source)

    assert replay.result == "a"
    assert bodies.calls == ["inner.y", "a"]
