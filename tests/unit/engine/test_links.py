"""
Histories over lineages that no test could make run by run.
"""

from dalsegno.engine.history import History
from dalsegno.engine.links import Link, link
from dalsegno.model.lineage import Lineage
from dalsegno.model.shape import GraphShape
from dalsegno.store.contract import Ancestor
from dalsegno.workflow import Workflow
from tests.unit.engine.bodies import Bodies
from tests.unit.engine.stage import Stages

# More than Python lets calls nest.
DEPTH = 2000


def lineage(shape: GraphShape, *targets: str) -> Link:
    """
    A long lineage whose replays were entered at these targets in turn.
    """
    found = link(Ancestor("run-0", "hash", 0, is_final=True, lineage=None), shape, None)
    for depth in range(1, DEPTH):
        at = targets[depth % len(targets)]
        replay = Lineage(found.run_id, at, "run-0", depth, (), at)
        ancestor = Ancestor(f"run-{depth}", "hash", depth, is_final=True, lineage=replay)
        found = link(ancestor, shape, found)
    return found


async def test_no_lineage_is_too_long(stages: Stages, bodies: Bodies) -> None:
    workflow = (
        Workflow("w")
        .then(bodies.step("a"))
        .parallel(*bodies.steps("pq"))
        .do_until(bodies.step("l"), lambda _: True)
        .then(*bodies.steps("yz"))
    ).commit()
    shape = GraphShape.parse(workflow.definition_json())
    stage = await stages.open(workflow)

    for targets in (("p",), ("p", "q"), ("l[1]", "l[2]"), ("y", "z")):
        history = History(stage.store.as_store, lineage(shape, *targets), {})
        for address in ("a", "q", "l[0]"):
            assert await history.record(address) is None
        assert await history.iterations("l") == {}


async def test_replays_that_are_alike_are_passed_at_once(stages: Stages, bodies: Bodies) -> None:
    workflow = Workflow("w").then(*bodies.steps("ayz")).commit()
    shape = GraphShape.parse(workflow.definition_json())
    stage = await stages.open(workflow)
    newest = lineage(shape, "z")

    assert newest.last_alike.run_id == "run-1"
    assert await History(stage.store.as_store, newest, {}).last_iteration("a") is None
    assert stage.store.calls["last_iteration"] == 1
