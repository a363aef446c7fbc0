"""
Runs and records as callers see them, page by page.
"""

from typing import Any

import pytest

from dalsegno.engine import EngineSettings, views
from dalsegno.engine.commands import RunFilter
from dalsegno.model.errors import InvalidPageToken, RunNotFound
from dalsegno.model.record import Record
from dalsegno.model.run import Run, RunStatus
from dalsegno.workflow import Workflow
from tests.fakes import NOON_US
from tests.unit.engine.bodies import Bodies, asks_and_adds, fails
from tests.unit.engine.seen import Seen
from tests.unit.engine.stage import Stage, Stages, output


async def step_pages(stage: Stage, run_id: str, limit: int) -> list[list[Record]]:
    pages = []
    token = None
    while True:
        page = await stage.engine.steps(run_id, page=token, limit=limit)
        pages.append(list(page.records))
        token = page.next
        if token is None:
            return pages


async def run_pages(stage: Stage, limit: int, **where: Any) -> list[list[Run]]:
    pages = []
    token = None
    while True:
        page = await stage.engine.list_runs(RunFilter(**where), page=token, limit=limit)
        pages.append(list(page.runs))
        token = page.next
        if token is None:
            return pages


async def replayed(stages: Stages, bodies: Bodies) -> tuple[Stage, Seen]:
    """
    A replay of a replay that shows records of three runs, a given one, and some not run.
    """
    stage = await stages.open(Workflow("w").then(*bodies.steps("acef")))
    root = await stage.run("w", "")
    inner = Workflow("inner").then(*bodies.steps("xy"))
    stage = await stages.open(
        Workflow("w")
        .then(*bodies.steps("abcd"))
        .parallel(*bodies.steps("pq"), inner)
        .then(*bodies.steps("ef"))
    )
    middle = await stage.travel("c", root, input="x", context={"a": output("A")})
    bodies.will("q", fails)
    replay = await stage.travel("q", middle)
    return stage, replay


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 7, 100])
async def test_pages_of_any_size_make_the_same_list(
    limit: int, stages: Stages, bodies: Bodies
) -> None:
    stage, replay = await replayed(stages, bodies)
    (whole,) = await step_pages(stage, replay.run_id, 1000)

    pages = await step_pages(stage, replay.run_id, limit)

    assert [record for page in pages for record in page] == whole
    assert all(len(page) == limit for page in pages[:-1])
    assert 1 <= len(pages[-1]) <= limit
    assert tuple(whole) == (await stage.engine.view(replay.run_id)).records


async def test_reused_records_come_first_and_name_their_run(stages: Stages, bodies: Bodies) -> None:
    _, replay = await replayed(stages, bodies)

    assert replay.own == ["q"]
    assert list(replay.records)[-1] == "q"
    assert replay.statuses == {
        "a": "success",
        "b": "not_run",
        "c": "success",
        "d": "success",
        "p": "success",
        "inner": "success",
        "inner.x": "success",
        "inner.y": "success",
        "q": "failed",
    }
    assert replay.records["a"].is_given


async def test_a_page_token_of_another_question_is_refused(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(*bodies.steps("abc")))
    one = await stage.run("w", "")
    other = await stage.run("w", "")
    steps = (await stage.engine.steps(one.run_id, page=None, limit=1)).next
    runs = (await stage.engine.list_runs(RunFilter(), page=None, limit=1)).next
    assert steps is not None
    assert runs is not None

    for run_id, token in (
        (other.run_id, steps),
        (one.run_id, runs),
        (one.run_id, "nonsense"),
        (one.run_id, ""),
        (one.run_id, steps[:-2]),
        (one.run_id, "é"),
    ):
        with pytest.raises(InvalidPageToken):
            await stage.engine.steps(run_id, page=token, limit=1)
    for where, token in ((RunFilter(workflow_id="w"), runs), (RunFilter(), steps)):
        with pytest.raises(InvalidPageToken):
            await stage.engine.list_runs(where, page=token, limit=1)
    with pytest.raises(InvalidPageToken):
        await stage.engine.lineage(one.run_id, page=runs, limit=1)


async def test_a_long_view_is_cut_and_says_so(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(
        Workflow("w").then(*bodies.steps("abcd")), settings=EngineSettings(view_records_max=3)
    )
    run = await stage.run("w", "")

    view = await stage.engine.view(run.run_id)

    assert view.records is not None
    assert [record.address for record in view.records] == ["a", "b", "c"]
    assert view.is_truncated
    assert list(run.records) == ["a", "b", "c", "d"]


async def test_a_view_that_is_just_full_is_not_cut(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(
        Workflow("w").then(*bodies.steps("abc")), settings=EngineSettings(view_records_max=3)
    )
    run = await stage.run("w", "")

    assert not (await stage.engine.view(run.run_id)).is_truncated


async def test_a_view_without_steps_has_none(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a"), bodies.step("s", asks_and_adds)))
    run = await stage.run("w", "")

    view = await stage.engine.view(run.run_id, with_steps=False)

    assert view.records is None
    assert [each.address for each in view.suspensions] == ["s"]


async def test_records_are_shown_in_the_order_they_began(stages: Stages, bodies: Bodies) -> None:
    inner = Workflow("inner").then(*bodies.steps("xy"))
    workflow = Workflow("w").then(bodies.step("z")).parallel(inner, bodies.step("a"))
    stage = await stages.open(workflow.then(bodies.step("j")))

    run = await stage.run("w", "")

    sequences = [record.first_sequence for record in run.records.values()]
    assert sequences == sorted(sequences)
    assert next(iter(run.records)) == "z"
    assert list(run.records)[-1] == "j"


async def test_suspensions_are_shown_in_graph_order(stages: Stages, bodies: Bodies) -> None:
    inner = Workflow("inner").then(bodies.step("x"), bodies.step("y", asks_and_adds))
    workflow = Workflow("w").parallel(inner, bodies.step("p", asks_and_adds))
    stage = await stages.open(workflow)

    run = await stage.run("w", "")

    assert run.suspended_at == ["inner.y", "p"], "although p asked first"
    assert run.events[-1].addresses == ("inner.y", "p")


async def test_a_run_that_is_not_there_has_no_view(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a")))

    with pytest.raises(RunNotFound):
        await stage.engine.view("nowhere")
    with pytest.raises(RunNotFound):
        await stage.engine.steps("nowhere", page=None, limit=1)
    with pytest.raises(RunNotFound):
        await stage.engine.lineage("nowhere", page=None, limit=1)


async def test_runs_are_listed_newest_first_in_pages_of_any_size(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a")))
    for number in range(6):
        await stage.run("w", "", run_id=str(number))
        stage.clock.advance(1)
    (whole,) = await run_pages(stage, 100)

    for limit in (1, 2, 3, 4, 6):
        pages = await run_pages(stage, limit)
        assert [run for page in pages for run in page] == whole
        assert all(len(page) == limit for page in pages[:-1])
    assert [run.run_id for run in whole] == list("543210")


async def test_runs_are_found_by_what_they_are(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(
        Workflow("v").then(bodies.step("a", fails)), Workflow("w").then(*bodies.steps("xy"))
    )
    await stage.run("v", "", run_id="first")
    stage.clock.advance(10)
    source = await stage.run("w", "")
    replay = await stage.travel("y", source)
    second = await stage.travel("y", replay)

    async def found(**where: Any) -> set[str]:
        return {run.run_id for page in await run_pages(stage, 10, **where) for run in page}

    assert await found(workflow_id="v") == {"first"}
    assert await found(statuses=(RunStatus.FAILED,)) == {"first"}
    assert await found(statuses=(RunStatus.FAILED, RunStatus.SUCCESS), workflow_id="w") == {
        source.run_id,
        replay.run_id,
        second.run_id,
    }
    assert await found(source_run_id=source.run_id) == {replay.run_id}
    assert await found(root_run_id=source.run_id) >= {replay.run_id, second.run_id}
    assert await found(created_before_us=NOON_US + 10) == {"first"}
    assert await found(created_from_us=NOON_US + 10, workflow_id="v") == set()


async def test_a_lineage_is_the_whole_tree_sources_first(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(*bodies.steps("abc")))
    root = await stage.run("w", "")
    left = await stage.travel("b", root)
    right = await stage.travel("c", root)
    leaf = await stage.travel("c", left)
    other = await stage.run("w", "")

    for run in (root, left, right, leaf):
        page = await stage.engine.lineage(run.run_id, page=None, limit=10)
        ids = [each.run_id for each in page.runs]
        assert sorted(ids) == sorted([root.run_id, left.run_id, right.run_id, leaf.run_id])
        assert ids[0] == root.run_id
        assert ids.index(left.run_id) < ids.index(leaf.run_id)
    alone = await stage.engine.lineage(other.run_id, page=None, limit=10)
    assert [each.run_id for each in alone.runs] == [other.run_id]


async def test_a_lineage_comes_in_pages(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(*bodies.steps("ab")))
    root = await stage.run("w", "")
    for _ in range(4):
        await stage.travel("b", root)
    whole = (await stage.engine.lineage(root.run_id, page=None, limit=100)).runs

    found: list[Run] = []
    token = None
    while True:
        page = await stage.engine.lineage(root.run_id, page=token, limit=2)
        found.extend(page.runs)
        token = page.next
        if token is None:
            break

    assert found == list(whole)
    assert len(found) == 5


@pytest.mark.parametrize("bytes_max", [1, 20, 50])
async def test_pages_of_records_are_bounded_in_bytes(
    bytes_max: int, stages: Stages, bodies: Bodies, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, replay = await replayed(stages, bodies)
    (whole,) = await step_pages(stage, replay.run_id, 100)
    monkeypatch.setattr(views, "_BYTES", bytes_max)

    pages = await step_pages(stage, replay.run_id, 100)
    view = await stage.engine.view(replay.run_id)

    assert [record for page in pages for record in page] == whole
    assert all(sum(record.size for record in page[:-1]) < bytes_max for page in pages)
    assert len(pages) > 1
    assert view.records == tuple(pages[0])
    assert view.is_truncated
