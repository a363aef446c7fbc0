"""
Replays of replays of replays: what they cost and show does not depend on how many there are. Calls
and rows are counted, never time.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from dalsegno.store.contract import Ancestor
from dalsegno.workflow import Workflow
from tests.unit.engine.bodies import Bodies
from tests.unit.engine.stage import Stage, Stages
from tests.unit.engine.test_travel_cost import cost

SHORT, LONG = 5, 100


async def replays(stage: Stage, target: str, source: str, number: int) -> list[str]:
    """
    A run, a replay of it, a replay of that, and so on.
    """
    chain = [source]
    for _ in range(number):
        chain.append(await stage.begin_travel(target, chain[-1]))
        await stage.engine.wait(chain[-1])
    return chain


@pytest.fixture
def ancestors(monkeypatch: pytest.MonkeyPatch) -> Callable[[Stage], list[Ancestor]]:
    """
    Collects what is read of lineages from now on.
    """

    def watch(stage: Stage) -> list[Ancestor]:
        read: list[Ancestor] = []
        lineage_chain: Callable[..., Awaitable[Sequence[Ancestor]]] = stage.store.lineage_chain

        async def watched(*args: Any, **kwargs: Any) -> Sequence[Ancestor]:
            found = await lineage_chain(*args, **kwargs)
            read.extend(found)
            return found

        monkeypatch.setattr(stage.store, "lineage_chain", watched, raising=False)
        return read

    return watch


async def test_a_travel_costs_the_same_however_long_the_lineage_is(
    stages: Stages, bodies: Bodies, ancestors: Callable[[Stage], list[Ancestor]]
) -> None:
    stage = await stages.open(Workflow("w").then(*bodies.steps("abcd")), is_audited=False)
    root = await stage.run("w", "")
    chain = await replays(stage, "d", root.run_id, LONG)
    read = ancestors(stage)

    costs = []
    for depth in (SHORT, LONG):
        read.clear()
        costs.append((await cost(stage, stage.begin_travel("d", chain[depth])))[1])
        assert len(read) <= 4

    assert costs[0] == costs[1]


async def test_a_lineage_is_read_in_few_queries_after_a_restart(
    stages: Stages, bodies: Bodies, ancestors: Callable[[Stage], list[Ancestor]]
) -> None:
    workflow = Workflow("w").then(*bodies.steps("abcd"))
    stage = await stages.open(workflow, is_audited=False)
    root = await stage.run("w", "")
    chain = await replays(stage, "d", root.run_id, LONG)
    stage = await stages.open(workflow, is_audited=False)
    read = ancestors(stage)

    _, first = await cost(stage, stage.begin_travel("d", chain[-1]))
    known = len(read)
    _, second = await cost(stage, stage.begin_travel("d", chain[-1]))

    assert first.calls["lineage_chain"] == 2
    assert known == LONG
    assert second.calls["lineage_chain"] == 1
    assert len(read) - known <= 4


async def test_a_view_asks_no_run_of_a_lineage_that_shows_nothing(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(*bodies.steps("abcd")), is_audited=False)
    root = await stage.run("w", "")
    chain = await replays(stage, "c", root.run_id, LONG)
    asked = []
    for depth in (SHORT, LONG):
        before = stage.store.calls.copy()
        view = await stage.engine.view(chain[depth])
        asked.append((stage.store.calls - before)["steps"])
        assert view.records is not None
        assert [(each.address, each.run_id) for each in view.records] == [
            ("a", chain[0]),
            ("b", chain[0]),
            ("c", chain[depth]),
            ("d", chain[depth]),
        ]

    assert asked == [2, 2]


TARGETS: dict[str, dict[str, str]] = {
    "p": {"q": "root", "r": "root", "l[0]": "own"},
    "q": {"p": "root", "r": "root", "l[0]": "own"},
    "inner.y": {"p": "root", "inner.x": "root", "l[0]": "own"},
    "l[1]": {"p": "root", "inner.y": "root", "l[0]": "root", "l[1]": "own"},
    "f[1]": {"p": "root", "l[1]": "root", "f[0]": "root", "f[1]": "own"},
}


@pytest.mark.parametrize("target", TARGETS)
async def test_long_lineages_show_what_short_ones_show(
    target: str, stages: Stages, bodies: Bodies
) -> None:
    inner = Workflow("inner").then(*bodies.steps("xy"))
    stage = await stages.open(
        Workflow("w")
        .parallel(*bodies.steps("pqr"), inner)
        .map("text", lambda _: "")
        .do_until(bodies.step("l"), lambda text: len(text) >= 2)
        .map("items", lambda text: [text, text])
        .foreach(bodies.step("f"))
        .map("end", lambda items: items),
        is_audited=False,
    )
    root = await stage.run("w", "")
    chain = await replays(stage, target, root.run_id, 20)

    for run_id in (chain[1], chain[-1]):
        seen = await stage.seen(run_id)
        names = {root.run_id: "root", run_id: "own"}
        shown = {address: names[record.run_id] for address, record in seen.records.items()}
        assert shown.items() >= TARGETS[target].items()
        assert shown.keys() == root.records.keys()
        assert seen.result == root.result


async def test_a_run_that_got_the_id_of_a_deleted_one_is_not_taken_for_it(
    stages: Stages, bodies: Bodies
) -> None:
    """
    The goal: what is remembered of a lineage is of runs that are still there.
    The method: delete a lineage, and make another by the same names that was entered elsewhere.
    """
    stage = await stages.open(Workflow("w").then(*bodies.steps("abcd")))
    root = (await stage.run("w", "")).run_id
    await stage.travel("d", root, new_run_id="middle")
    await stage.travel("d", "middle", new_run_id="last")
    await stage.travel("d", "last", new_run_id="over")
    for run_id in ("over", "last", "middle"):
        await stage.engine.delete(run_id)
    stage.clock.advance(1)

    await stage.travel("b", root, new_run_id="middle")
    await stage.travel("d", "middle", new_run_id="last")
    over = await stage.travel("d", "last", new_run_id="over")

    owners = {address: record.run_id for address, record in over.records.items()}
    assert owners == {"a": root, "b": "middle", "c": "middle", "d": "over"}
