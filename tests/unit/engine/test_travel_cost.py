"""
What a travel or a resumption costs: the same, however long the run is. Calls are counted, never
time.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from dalsegno.engine.commands import RunFilter
from dalsegno.model.payload import Payload
from dalsegno.store.contract import Append
from dalsegno.workflow import Context, Workflow
from tests.unit.engine.bodies import Bodies, fails
from tests.unit.engine.stage import Stage, Stages, output

SHORT, LONG = 10, 1000


# What the server asks its store now and then, whatever happens.
BACKGROUND = {"renew_lease", "expire_leases", "owners", "running_runs"}


@dataclass(frozen=True)
class Cost:
    """
    What happened until a run rested.

    Attributes:
        calls: Of the store, by method.
        new_bytes: Of payloads that were not stored already.
    """

    calls: dict[str, int]
    events: int
    records: int
    new_bytes: int


async def cost(stage: Stage, command: Awaitable[Any]) -> tuple[str, Cost]:
    """
    Give a command, and see what it costs until its run rests.
    """
    before, known = stage.store.calls.copy(), len(stage.store.appends)
    accepted = await command
    run_id: str = getattr(accepted, "run_id", accepted)
    await stage.engine.wait(run_id)
    appends = stage.store.appends[known:]
    calls = stage.store.calls - before
    return run_id, Cost(
        calls={name: number for name, number in calls.items() if name not in BACKGROUND},
        events=sum(len(append.events) for append in appends),
        records=sum(len(append.records) for append in appends),
        new_bytes=sum(len(each.json) for append in appends for each in _new_payloads(append)),
    )


def _new_payloads(append: Append) -> list[Payload]:
    run = append.run
    found = [run.input, run.result, run.state, run.request_context] if append.creates else []
    for event in append.events:
        found += [event.payload, event.resume_data, event.state]
    for record in append.records:
        found += [record.input, record.output, record.resume_data]
    return [each for each in found if each is not None and each.at is None]


def asks_at_first(value: Any, ctx: Context) -> Any:
    return value if ctx.is_replay else ctx.suspend()


async def costs_in_a_sequence(stage: Stage, bodies: Bodies, size: int) -> dict[str, Cost]:
    text, before = "x" * 100, f"s{size - 1}"
    bodies.will("last", asks_at_first)
    source = await stage.start(f"of{size}", text)
    await stage.engine.wait(source)

    costs = {}
    _, costs["of a suspended run"] = await cost(
        stage, stage.begin_travel("last", source, resume_data=text)
    )
    _, costs["resumption"] = await cost(stage, stage.answer(source, text))
    replay, costs["of a finished run"] = await cost(stage, stage.begin_travel("last", source))
    _, costs["of a replay"] = await cost(stage, stage.begin_travel("last", replay))
    _, costs["with input"] = await cost(stage, stage.begin_travel("last", source, input=text))
    _, costs["by context"] = await cost(
        stage, stage.begin_travel("last", source, context={before: output(text)})
    )
    bodies.will("last", fails)
    failed, costs["that fails"] = await cost(stage, stage.begin_travel("last", source))
    bodies.will_add("last")
    _, costs["of a failed run"] = await cost(stage, stage.begin_travel("last", failed))
    return costs


async def test_travels_and_resumptions_cost_the_same_in_a_long_sequence(
    stages: Stages, bodies: Bodies
) -> None:
    def of(size: int) -> Workflow:
        same = bodies.step("same", lambda value, _: value)
        workflow = Workflow(f"of{size}")
        for number in range(size):
            workflow.then(same.named(f"s{number}"))
        return workflow.then(*(bodies.step(id) for id in ("last", "end")))

    stage = await stages.open(of(SHORT), of(LONG), is_audited=False)

    short = await costs_in_a_sequence(stage, bodies, SHORT)
    long = await costs_in_a_sequence(stage, bodies, LONG)

    assert long == short
    assert {each.calls["append"] for each in short.values()} == {2, 3}
    assert all(each.new_bytes < 2000 for each in short.values())


Command = Callable[[Stage, str, int], Awaitable[Any]]

COMMANDS: dict[str, Command] = {
    "travel behind": lambda stage, source, _: stage.begin_travel("last", source),
    "last iteration": lambda stage, source, size: stage.begin_travel(f"l[{size - 1}]", source),
    "goes on": lambda stage, source, _: stage.begin_travel("l", source),
    "resumption": lambda stage, source, _: stage.answer(source, 10_000),
}


@pytest.mark.parametrize("kind", COMMANDS)
async def test_travels_cost_the_same_behind_and_inside_a_long_loop(
    kind: str, stages: Stages, bodies: Bodies
) -> None:
    size = 0

    def counts(value: Any, ctx: Context) -> Any:
        if value == size - 1 and not ctx.is_replay:
            if kind == "goes on":
                return fails(value, ctx)
            if kind == "resumption":
                return ctx.suspend()
        return value + 1

    loop = Workflow("w").do_until(bodies.step("l", counts), lambda value: value >= size)
    stage = await stages.open(loop.then(bodies.step("last")), is_audited=False)
    costs = []
    for size in (SHORT, 200):
        source = await stage.start("w", 0)
        await stage.engine.wait(source)
        costs.append((await cost(stage, COMMANDS[kind](stage, source, size)))[1])

    assert costs[0].calls == costs[1].calls
    assert costs[0].events == costs[1].events


async def test_a_travel_asks_the_store_nothing_twice(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(*bodies.steps("abc")))
    source = await stage.run("w", "")

    _, travel = await cost(stage, stage.begin_travel("c", source))

    del travel.calls["append"]
    # The source; its records of the target and of the step before; the state it had then. To wait
    # for the replay is one more look at a run, if it rests before.
    assert travel.calls in [{"run": runs, "record": 2, "state_before": 1} for runs in (1, 2)]


async def test_shown_replays_share_their_history(stages: Stages, bodies: Bodies) -> None:
    """
    A replay owns what it executed and nothing else, however much it shows.
    """
    stage = await stages.open(Workflow("w").then(*bodies.steps("abcdefgh")))
    source = await stage.run("w", "")
    for _ in range(3):
        await stage.travel("h", source)

    runs = (await stage.engine.list_runs(RunFilter(), page=None, limit=10)).runs
    owned = {
        run.run_id: len(
            await stage.store.steps(run.run_id, after_sequence=-1, after_address="", limit=100)
        )
        for run in runs
    }

    assert sorted(owned.values()) == [1, 1, 1, 8]
