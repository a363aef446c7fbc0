"""
Replays of replays, and sources that stay as they were.
"""

import asyncio
import hashlib
from typing import Any

import pytest
from msgspec.structs import astuple

from dalsegno.store.contract import RunFilter
from dalsegno.workflow import Context, Workflow
from tests.unit.engine.bodies import Bodies, asks_and_adds, fails, trace
from tests.unit.engine.seen import Seen
from tests.unit.engine.stage import Stage, Stages, output


def everything(bodies: Bodies) -> Workflow:
    inner = Workflow("inner").then(*bodies.steps("xy"))
    return (
        Workflow("w")
        .then(bodies.step("a"))
        .parallel(*bodies.steps("pq"))
        .branch((lambda _: True, bodies.step("r")), (lambda _: False, bodies.step("s")))
        .map("m", trace)
        .then(inner)
        .do_until(bodies.step("l"), lambda text: text.endswith("ll"))
        .tap(bodies.step("t"))
        .map("items", lambda text: [text, text])
        .foreach(bodies.step("f"))
        .race(bodies.step("g"))
        .sleep("nap", 1)
        .then(bodies.step("z"))
    )


TARGETS = [
    *("a", "p", "r", "m", "inner", "inner.y", "l", "l[1]", "t", "items", "f", "f[1]", "g", "nap"),
    "z",
]


async def digest(stage: Stage, run_id: str) -> str:
    """
    Hash of all that the store has of a run.
    """
    text = hashlib.sha256()
    run = await stage.store.run(run_id)
    text.update(repr(run).encode())
    for event in await stage.store.events(run_id, after=0, limit=10_000):
        text.update(repr(astuple(event)).encode())
    records = await stage.store.steps(run_id, after_sequence=-1, after_address="", limit=10_000)
    for record in records:
        text.update(repr(astuple(record)).encode())
    return text.hexdigest()


async def test_travels_leave_their_source_byte_for_byte_as_it_was(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(everything(bodies))
    source = await stage.run("w", "")
    before = await digest(stage, source.run_id)

    for target in TARGETS:
        assert (await stage.travel(target, source)).result == source.result, target
        await stage.travel(target, source, state={"n": 1}, request_context={"k": 1})
    bodies.will("z", fails)
    await stage.travel("z", source, input="x")
    await stage.travel("inner.y", source, context={"inner.x": output("y")})

    assert await digest(stage, source.run_id) == before
    assert await stage.seen(source) == source


async def test_travels_leave_a_suspended_source_as_it_was(stages: Stages, bodies: Bodies) -> None:
    inner = Workflow("inner").then(*bodies.steps("x"), bodies.step("s", asks_and_adds))
    stage = await stages.open(
        Workflow("w").parallel(bodies.step("p"), inner).then(bodies.step("z"))
    )
    source = await stage.run("w", "")
    before = await digest(stage, source.run_id)

    for target in ("p", "inner", "inner.x", "inner.s"):
        replay = await stage.travel(target, source, resume_data="ok")
        assert replay.result == "(p|x<ok>)z", target
        assert (await stage.travel(target, source)).status == "suspended"

    assert await digest(stage, source.run_id) == before
    assert (await stage.resume(source, "own")).result == "(p|x<own>)z"


async def test_a_chain_of_replays_reads_through_all_of_it(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(*bodies.steps("abcd")))
    root = await stage.run("w", "")
    bodies.will("b", lambda text, _: f"{text}B")
    second = await stage.travel("b", root)
    bodies.will("c", lambda text, _: f"{text}C")
    third = await stage.travel("c", second)
    bodies.will("d", lambda text, _: f"{text}D")
    fourth = await stage.travel("d", third)

    assert [run.result for run in (root, second, third, fourth)] == [
        "abcd",
        "aBcd",
        "aBCd",
        "aBCD",
    ]
    owners = {at: record.run_id for at, record in fourth.records.items()}
    assert owners == {
        "a": root.run_id,
        "b": second.run_id,
        "c": third.run_id,
        "d": fourth.run_id,
    }
    assert fourth.view.run.lineage is not None
    assert (fourth.view.run.lineage.depth, fourth.view.run.lineage.root_run_id) == (3, root.run_id)
    assert fourth.view.run.lineage.source_run_id == third.run_id


async def test_a_replay_shows_nothing_of_its_source_behind_the_target(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(*bodies.steps("abcd")))
    root = await stage.run("w", "")
    bodies.will("b", fails)
    failed = await stage.travel("b", root)
    bodies.will_add("b")

    again = await stage.travel("b", failed)

    assert failed.statuses == {"a": "success", "b": "failed"}
    assert again.result == "abcd"
    assert again.records["a"].run_id == root.run_id


async def test_overrides_stay_in_the_replays_of_a_replay(stages: Stages, bodies: Bodies) -> None:
    async def asks(value: Any, ctx: Context) -> Any:
        return [value, await ctx.result_of("a"), await ctx.result_of("b"), ctx.state]

    stage = await stages.open(Workflow("w").then(*bodies.steps("abc"), bodies.step("d", asks)))
    root = await stage.run("w", "")
    first = await stage.travel(
        "c", root, context={"a": output("A"), "b": output("B")}, state={"n": 1}
    )

    second = await stage.travel("d", first)
    third = await stage.travel("d", second, context={"b": output("BB")})
    fourth = await stage.travel("d", third)

    assert second.result == ["Bc", "A", "B", {"n": 1}]
    assert third.result == ["Bc", "A", "BB", {"n": 1}]
    assert fourth.result == third.result
    assert second.reused == ["a", "b", "c"]
    assert {second.records[at].is_given for at in "ab"} == {True}


async def test_a_replay_made_without_a_source_is_a_source(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(*bodies.steps("abc")))
    first = await stage.travel("b", workflow_id="w", input="x", context={"a": output("y")})

    second = await stage.travel("c", first)

    assert (first.result, second.result) == ("xbc", "xbc")
    assert second.reused == ["a", "b"]
    assert second.view.run.lineage is not None
    assert (second.view.run.lineage.depth, second.view.run.lineage.root_run_id) == (1, first.run_id)


async def test_arms_are_reused_from_wherever_they_succeeded_last(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").parallel(*bodies.steps("pqr")).then(bodies.step("j")))
    bodies.will("q", fails)
    root = await stage.run("w", "")
    bodies.will("q", lambda *_: "Q")
    bodies.will("p", fails)
    second = await stage.travel("p", root)
    assert second.statuses == {"r": "success", "p": "failed", "q": "success"}
    bodies.will_add("p")
    bodies.calls.clear()

    third = await stage.travel("p", second)

    assert third.result == "(p|Q|r)j"
    assert bodies.calls == ["p", "j"]
    assert third.records["q"].run_id == second.run_id
    assert third.records["r"].run_id == root.run_id


async def test_iterations_are_reused_along_the_chain(stages: Stages, bodies: Bodies) -> None:
    loop = Workflow("w").do_until(bodies.step("l"), lambda text: len(text) >= 4)
    stage = await stages.open(loop)
    root = await stage.run("w", "")
    second = await stage.travel("l[1]", root, input="x")
    third = await stage.travel("l[3]", second)

    assert (second.result, third.result) == ("xlll", "xlll")
    assert third.reused == ["l[0]", "l[1]", "l[2]"]
    assert [third.records[f"l[{index}]"].run_id for index in range(4)] == [
        root.run_id,
        second.run_id,
        second.run_id,
        third.run_id,
    ]


async def test_items_are_reused_along_the_chain(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").foreach(bodies.step("f")).then(bodies.step("z")))
    root = await stage.run("w", ["1", "2", "3"])
    second = await stage.travel("f[0]", root, input="x")
    third = await stage.travel("f[2]", second, input="y")
    fourth = await stage.travel("z", third)

    assert third.result == "[xf|2f|yf]z"
    assert fourth.result == third.result
    assert third.reused == ["f[1]", "f[0]"]
    assert {at for at in fourth.reused if at.startswith("f")} == {"f", "f[0]", "f[1]", "f[2]"}


async def test_a_source_that_goes_on_does_not_change_what_its_replay_shows(
    stages: Stages, bodies: Bodies
) -> None:
    """
    The goal: the replay sees the source as it was when the replay was made.
    The method: the replay waits for an answer; then the source is answered and finishes.
    """
    inner = Workflow("inner").then(bodies.step("x"), bodies.step("s", asks_and_adds))
    workflow = Workflow("w").then(bodies.step("a")).parallel(bodies.step("p", asks_and_adds), inner)
    stage = await stages.open(workflow.then(bodies.step("j")))
    source = await stage.run("w", "")
    replay = await stage.travel("p", source)
    assert replay.suspended_at == ["p", "inner.s"]
    before = await stage.seen(replay)

    source = await stage.resume(source, "source", step="p")
    source = await stage.resume(source, "source")

    assert source.status == "success"
    assert await stage.seen(replay) == before
    replay = await stage.resume(replay, "replay", step="p")
    replay = await stage.resume(replay, "replay")
    assert replay.result == "(a<replay>|ax<replay>)j"


async def test_what_a_source_does_later_is_not_reused(stages: Stages, bodies: Bodies) -> None:
    """
    q was suspended when the replay was made; that it has succeeded since is not visible.
    """
    workflow = Workflow("w").parallel(
        bodies.step("p", asks_and_adds), bodies.step("q", asks_and_adds), bodies.step("r")
    )
    stage = await stages.open(workflow)
    source = await stage.run("w", "")
    replay = await stage.travel("p", source)
    await stage.resume(source, "later", step="q")

    replay = await stage.resume(replay, 1, step="p")
    again = await stage.travel("r", replay)

    assert replay.suspended_at == ["q"]
    assert again.statuses["q"] == "suspended"
    assert again.suspended_at == ["q"]


async def test_a_paused_source_that_goes_on_does_not_change_its_replay(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(*bodies.steps("abc")))
    source = await stage.run("w", "", per_step=True)
    replay = await stage.travel("b", source, input="x", per_step=True)
    before = await stage.seen(replay)

    await stage.resume(source)

    assert await stage.seen(replay) == before
    assert (await stage.resume(replay)).result == "xbc"
    assert (await stage.seen(source)).result == "abc"


async def test_a_record_that_changed_since_is_shown_as_it_was(
    stages: Stages, bodies: Bodies
) -> None:
    """
    A failed record before the target stays as it is; a suspended one before it stays suspended,
    though its source has answered it since.
    """
    stage = await stages.open(
        Workflow("w").then(bodies.step("s", asks_and_adds), *bodies.steps("bc"))
    )
    source = await stage.run("w", "")
    replay = await stage.travel("c", source, input="x")
    before = await stage.seen(replay)
    assert before.statuses == {"s": "suspended", "b": "not_run", "c": "success"}

    await stage.resume(source, "ok")

    after = await stage.seen(replay)
    assert after.statuses == before.statuses
    assert after.records["s"].output is None
    assert after.records["s"] == before.records["s"]


async def test_many_replays_of_one_source_at_once(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(*bodies.steps("abc")))
    source = await stage.run("w", "")

    replays: list[Seen] = await asyncio.gather(
        *(stage.travel("b", source, input=str(number)) for number in range(20))
    )

    assert [replay.result for replay in replays] == [f"{number}bc" for number in range(20)]
    where = RunFilter(source_run_id=source.run_id)
    page = await stage.engine.list_runs(where, page=None, limit=100)
    assert {run.run_id for run in page.runs} == {replay.run_id for replay in replays}


@pytest.mark.parametrize("target", ["b", "c"])
async def test_a_replay_is_the_same_on_another_server(
    target: str, stages: Stages, bodies: Bodies
) -> None:
    workflow = Workflow("w").then(*bodies.steps("abc"))
    stage = await stages.open(workflow)
    source = await stage.run("w", "")
    replay = await stage.travel(target, source, context={"a": output("A")})
    stage = await stages.open(workflow)

    assert await stage.seen(replay) == replay
    assert (await stage.travel(target, replay)).result == replay.result
