"""
Relations that hold for any workflow whose steps do the same for the same input: however it is
executed, in one go or not, it ends the same.
"""

import random
import shutil
from pathlib import Path

import pytest

from dalsegno.model.record import NodeKind
from dalsegno.workflow import Workflow
from tests.unit.engine.bodies import Bodies
from tests.unit.engine.random_graphs import RandomGraphs
from tests.unit.engine.seen import Seen
from tests.unit.engine.stage import Stage, Stages

pytestmark = pytest.mark.parametrize("seed", range(100, 108))


class Case:
    """
    A workflow, its run without any trouble, and what is chosen at random.
    """

    def __init__(self, seed: int, bodies: Bodies) -> None:
        self.bodies = bodies
        self.graphs = RandomGraphs(seed, bodies)
        self.workflow: Workflow = self.graphs.workflow()
        self._random = random.Random(seed)

    async def start(self, stages: Stages) -> Stage:
        stage = await stages.open(self.workflow)
        self.whole = await stage.run("w", "")
        assert self.whole.status == "success"
        return stage

    def some(self, addresses: list[str], count: int) -> list[str]:
        return self._random.sample(addresses, min(count, len(addresses)))

    @property
    def targets(self) -> list[str]:
        return [at for at, status in self.whole.statuses.items() if status == "success"]

    @property
    def steps(self) -> list[str]:
        """
        Addresses of bodies that may fail or ask.
        """
        records = self.whole.records
        return [
            at for at, record in records.items() if record.kind is NodeKind.STEP and record.attempts
        ]

    def assert_same(self, run: Seen, what: str) -> None:
        whole = self.whole
        assert run.status == "success", what
        assert run.result == whole.result, what
        assert run.statuses.items() == whole.statuses.items(), what
        for address, record in run.records.items():
            other = whole.records[address]
            assert (record.output and record.output.json) == (other.output and other.output.json)
            assert (record.input and record.input.json) == (other.input and other.input.json)


@pytest.fixture
def case(seed: int, bodies: Bodies) -> Case:
    return Case(seed, bodies)


async def test_a_travel_to_anywhere_ends_as_its_source(case: Case, stages: Stages) -> None:
    stage = await case.start(stages)
    replay = case.whole

    for target in case.some(case.targets, 6):
        case.bodies.calls.clear()
        replay = await stage.travel(target, replay)
        case.assert_same(replay, f"travel to {target}")
        assert not set(replay.reused) & set(case.bodies.calls)


async def test_a_run_that_stops_everywhere_ends_as_one_that_does_not(
    case: Case, stages: Stages
) -> None:
    stage = await case.start(stages)

    run = await stage.run("w", "", per_step=True)
    while run.status == "paused":
        run = await stage.resume(run, per_step=True)

    case.assert_same(run, "step by step")


async def test_a_failed_run_travelled_to_its_failure_ends_as_one_that_did_not_fail(
    case: Case, stages: Stages
) -> None:
    stage = await case.start(stages)

    for address in case.some(case.steps, 3):
        case.graphs.trouble[address] = "fail"
        failed = await stage.run("w", "")
        assert failed.status == "failed"
        case.graphs.trouble.clear()
        case.assert_same(await stage.travel(address, failed), f"{address} had failed")


async def test_a_run_that_asks_ends_as_one_that_does_not(case: Case, stages: Stages) -> None:
    stage = await case.start(stages)

    for address in case.some(case.steps, 2):
        case.graphs.trouble[address] = "ask"
        asking = await stage.run("w", "")
        assert asking.suspended_at == [address]
        replay = await stage.travel(address, asking, resume_data="ok")
        case.assert_same(replay, f"travel answers {address}")
        case.assert_same(await stage.resume(asking, "ok"), f"{address} asked")
        case.graphs.trouble.clear()


async def test_a_replay_whose_server_dies_ends_as_one_whose_server_does_not(
    case: Case, stages: Stages, tmp_path: Path
) -> None:
    stage = await case.start(stages)
    cuts: list[Path] = []

    def copy(_: object) -> None:
        cuts.append(tmp_path / f"cut-{len(cuts)}")
        cuts[-1].mkdir()
        for file in tmp_path.glob("runs.db*"):
            shutil.copy(file, cuts[-1] / file.name)

    stage.store.on_append = copy
    replay = await stage.travel(case.some(case.targets, 1)[0], case.whole)

    for cut in cuts[:3]:
        async with Stages(cut / "runs.db") as after:
            stage = await after.open(case.workflow)
            run = await stage.at_rest(replay.run_id)
            case.assert_same(run, cut.name)
            assert run.reused == replay.reused
