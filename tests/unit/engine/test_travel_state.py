"""
The state a replay begins with: as it was just before the target started.
"""

from typing import Any

from dalsegno.workflow import Context, Workflow
from tests.unit.engine.bodies import Bodies, fails
from tests.unit.engine.stage import Stages


def notes(value: Any, ctx: Context) -> Any:
    """
    Appends its address to the state's list.
    """
    ctx.set_state({"by": [*ctx.state.get("by", []), ctx.address]})
    return value


def noting(bodies: Bodies, ids: str) -> Workflow:
    return Workflow("w").then(*(bodies.step(id, notes) for id in ids))


async def test_the_state_is_rewound_to_before_the_target(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(noting(bodies, "abcd"))
    source = await stage.run("w", "")
    assert source.state == {"by": ["a", "b", "c", "d"]}

    replay = await stage.travel("c", source, per_step=True)
    first = await stage.travel("a", source, per_step=True)

    assert replay.state == {"by": ["a", "b", "c"]}
    assert first.state == {"by": ["a"]}


async def test_a_first_target_gets_the_state_the_run_began_with(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(noting(bodies, "ab"))
    source = await stage.run("w", "", state={"by": ["caller"]})

    assert (await stage.travel("a", source)).state == {"by": ["caller", "a", "b"]}


async def test_a_state_that_is_given_replaces_it(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(noting(bodies, "abc"))
    source = await stage.run("w", "")

    given = await stage.travel("c", source, state={"by": ["given"]})
    empty = await stage.travel("c", source, state={})

    assert given.state == {"by": ["given", "c"]}
    assert empty.state == {"by": ["c"]}


async def test_the_state_is_rewound_through_a_chain_of_replays(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(noting(bodies, "abcd"))
    root = await stage.run("w", "")
    second = await stage.travel("c", root, state={"by": ["given"]})
    assert second.state == {"by": ["given", "c", "d"]}

    behind = await stage.travel("d", second)
    at = await stage.travel("c", second)
    before = await stage.travel("b", second)

    assert behind.state == {"by": ["given", "c", "d"]}
    assert at.state == {"by": ["given", "c", "d"]}
    assert before.state == {"by": ["a", "b", "c", "d"]}, "b was recorded by the root"


async def test_a_target_that_was_never_reached_gets_the_state_at_the_end(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(noting(bodies, "abcd"))
    bodies.will("c", fails)
    source = await stage.run("w", "")
    bodies.will("c", notes)

    replay = await stage.travel("d", source, input="x")

    assert replay.state == {"by": ["a", "b", "d"]}


async def test_a_loop_that_goes_on_has_the_state_before_the_iteration(
    stages: Stages, bodies: Bodies
) -> None:
    def notes_until(value: Any, ctx: Context) -> Any:
        if ctx.address == "l[2]" and not ctx.is_replay:
            return fails(value, ctx)
        notes(value, ctx)
        return value + 1

    loop = Workflow("w").do_until(bodies.step("l", notes_until), lambda value: value >= 4)
    stage = await stages.open(loop)
    source = await stage.run("w", 0)
    assert source.status == "failed"

    replay = await stage.travel("l", source)
    first = await stage.travel("l[1]", source)

    assert replay.state == {"by": ["l[0]", "l[1]", "l[2]", "l[3]"]}
    assert first.state == {"by": ["l[0]", "l[1]", "l[2]", "l[3]"]}


async def test_what_an_item_beside_the_target_set_before_it_started_is_kept(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").foreach(bodies.step("f", notes)))
    source = await stage.run("w", [1, 2, 3])

    replay = await stage.travel("f[1]", source)

    assert replay.state == {"by": ["f[0]", "f[1]"]}, "f[2] finished after f[1] had started"


async def test_a_state_set_inside_a_nested_workflow_is_rewound_too(
    stages: Stages, bodies: Bodies
) -> None:
    inner = Workflow("inner").then(bodies.step("x", notes), bodies.step("y", notes))
    stage = await stages.open(noting(bodies, "a").then(inner, bodies.step("b", notes)))
    source = await stage.run("w", "")

    inside = await stage.travel("inner.y", source)
    behind = await stage.travel("b", source, per_step=True)

    assert inside.state == {"by": ["a", "inner.x", "inner.y", "b"]}
    assert behind.state == {"by": ["a", "inner.x", "inner.y", "b"]}


async def test_a_blocks_state_is_that_before_its_first_arm(stages: Stages, bodies: Bodies) -> None:
    block = noting(bodies, "a").parallel(bodies.step("p", notes), id="both")
    stage = await stages.open(block.then(bodies.step("b", notes)))
    source = await stage.run("w", "")

    replay = await stage.travel("both", source)

    assert replay.state == {"by": ["a", "p", "b"]}


async def test_without_a_source_the_state_is_empty_or_given(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(noting(bodies, "ab"))

    empty = await stage.travel("b", workflow_id="w", input="")
    given = await stage.travel("b", workflow_id="w", input="", state={"by": [0]})

    assert (empty.state, given.state) == ({"by": ["b"]}, {"by": [0, "b"]})
