"""
What the contract says of finding runs, for every store.
"""

import itertools
from collections.abc import Sequence

from msgspec.structs import replace

from dalsegno.model.run import Run, RunStatus
from dalsegno.store.contract import Ancestor, RunCursor, RunFilter, Store
from tests.store.samples import NOON_US, Pen, new_run, replay_of


def cursor(run: Run) -> RunCursor:
    return RunCursor(run.created_us, run.run_id)


def ids(runs: Sequence[Run | Ancestor]) -> list[str]:
    return [run.run_id for run in runs]


async def listed(store: Store, where: RunFilter, *, limit: int) -> list[str]:
    """
    All pages of a list.
    """
    found: list[str] = []
    after = None
    while page := await store.list_runs(where, after=after, limit=limit):
        assert len(page) <= limit
        found += ids(page)
        after = cursor(page[-1])
        if len(page) < limit:
            break
    return found


def forest() -> list[Run]:
    """
    Two trees of six runs each: both workflows, several statuses, pairs made at the same time.
    """
    runs: list[Run] = []
    statuses = itertools.cycle([RunStatus.SUCCESS, RunStatus.FAILED, RunStatus.RUNNING])
    for workflow in ("orders", "refunds"):
        root = new_run(f"{workflow}-0", workflow_id=workflow)
        runs.append(root)
        for number in range(1, 6):
            source = runs[-1] if number % 2 else root
            runs.append(replay_of(source, f"{workflow}-{number}", workflow_id=workflow))
    return [
        replace(run, created_us=NOON_US + number // 2, status=next(statuses))
        for number, run in enumerate(runs)
    ]


def matches(run: Run, where: RunFilter) -> bool:
    """
    What a filter means, said once more.
    """
    lineage = run.lineage
    return (
        where.workflow_id in (None, run.workflow_id)
        and (not where.statuses or run.status in where.statuses)
        and (where.created_from_us is None or run.created_us >= where.created_from_us)
        and (where.created_before_us is None or run.created_us < where.created_before_us)
        and where.source_run_id in (None, lineage.source_run_id if lineage else "")
        and where.root_run_id in (None, lineage.root_run_id if lineage else run.run_id)
    )


FILTERS = [
    RunFilter(workflow, statuses, *created, source, root)
    for workflow, statuses, created, source, root in itertools.product(
        (None, "orders", "unknown"),
        ((), (RunStatus.FAILED,), (RunStatus.RUNNING, RunStatus.SUCCESS, RunStatus.PAUSED)),
        ((None, None), (NOON_US + 1, None), (NOON_US + 1, NOON_US + 3), (None, NOON_US + 3)),
        (None, "orders-0", "unknown"),
        (None, "refunds-0", "orders-0", "orders-1"),
    )
]


async def test_a_list_shows_what_matches_newest_first_on_pages_of_any_size(store: Store) -> None:
    """
    The goal: every filter, alone or with others, shows the same on pages of any size.
    The method: compare all of them with what sorting and sieving in memory shows.
    """
    runs = forest()
    for run in runs:
        await Pen(store, run).write()
    runs.sort(key=lambda run: (run.created_us, run.run_id), reverse=True)

    for where, limit in zip(FILTERS, itertools.cycle([1, 2, 5, 100]), strict=False):
        expected = [run.run_id for run in runs if matches(run, where)]
        assert await listed(store, where, limit=limit) == expected, where


async def test_a_list_shows_runs_as_they_are_now(store: Store) -> None:
    pen = Pen(store)
    await pen.write()

    await pen.write(status=RunStatus.FAILED)

    failed = RunFilter(statuses=(RunStatus.FAILED,))
    (run,) = await store.list_runs(failed, after=None, limit=9)
    assert run == await store.run("run")
    running = RunFilter(statuses=(RunStatus.RUNNING,))
    assert await store.list_runs(running, after=None, limit=9) == []


async def test_a_tree_shows_sources_before_their_replays_whatever_the_clocks_said(
    store: Store,
) -> None:
    root = new_run("root")
    first = replay_of(root, "z-first", created_us=NOON_US - 5)
    second = replay_of(first, "a-second", created_us=NOON_US - 9)
    third = replay_of(root, "m-third", created_us=NOON_US)
    for run in (root, first, new_run("other"), second, third):
        await Pen(store, run).write()

    everything = await store.tree("root", after=None, limit=9)
    page = await store.tree("root", after=cursor(everything[1]), limit=1)

    assert ids(everything) == ["root", "z-first", "a-second", "m-third"]
    assert ids(page) == ["a-second"]
    assert await store.tree("root", after=cursor(everything[3]), limit=9) == []
    assert ids(await store.tree("other", after=None, limit=9)) == ["other"]
    assert await store.tree("unknown", after=None, limit=9) == []


async def test_a_travel_without_a_source_is_a_tree_of_its_own(store: Store) -> None:
    made_from_nothing = replay_of(new_run("run"), "run")
    assert made_from_nothing.lineage is not None
    lineage = replace(made_from_nothing.lineage, source_run_id=None, depth=0)
    await Pen(store, new_run("run", lineage=lineage)).write()

    (run,) = await store.tree("run", after=None, limit=9)

    assert run.lineage == lineage
    assert ids(await store.lineage_chain("run", limit=9)) == ["run"]


async def test_a_lineage_goes_from_the_run_to_the_root(store: Store) -> None:
    run = new_run("run-0")
    await Pen(store, run).write()
    for number in range(1, 60):
        await Pen(store, replay_of(run, f"sibling-{number}")).write()
        run = replay_of(run, f"run-{number}")
        await Pen(store, run).write()

    chain = await store.lineage_chain("run-59", limit=99)

    assert ids(chain) == [f"run-{number}" for number in range(59, -1, -1)]
    assert await store.lineage_chain("unknown", limit=9) == []


async def test_replays_are_the_direct_ones_oldest_first(store: Store) -> None:
    root = new_run("root")
    first = replay_of(root, "z-first", created_us=NOON_US + 1)
    for run in (
        root,
        first,
        replay_of(first, "deeper", created_us=NOON_US + 2),
        replay_of(root, "a-second", created_us=NOON_US + 3),
    ):
        await Pen(store, run).write()

    assert await store.replays("root", limit=9) == ["z-first", "a-second"]
    assert await store.replays("root", limit=1) == ["z-first"]
    assert await store.replays("deeper", limit=9) == []
    assert await store.replays("unknown", limit=9) == []


async def test_waiting_runs_are_due_earliest_first(store: Store) -> None:
    assert await store.next_due() is None
    pens = [
        Pen(store, new_run(f"run-{due}", status=RunStatus.WAITING, due_us=NOON_US + due))
        for due in (5, 3, 9)
    ]
    for pen in pens:
        await pen.write()
    await Pen(store, new_run("running", due_us=NOON_US)).write()
    await Pen(store, new_run("for-ever", status=RunStatus.WAITING)).write()

    assert await store.next_due() == NOON_US + 3
    assert await store.due_runs(NOON_US + 2, limit=9) == []
    assert await store.due_runs(NOON_US + 5, limit=9) == ["run-3", "run-5"]
    assert await store.due_runs(NOON_US + 9, limit=2) == ["run-3", "run-5"]

    await pens[1].write(status=RunStatus.RUNNING, due_us=None)
    assert await store.next_due() == NOON_US + 5


async def test_running_runs_of_an_owner_come_page_by_page(store: Store) -> None:
    pens = [Pen(store, new_run(f"run-{number}", owner=1)) for number in (3, 1, 2, 4)]
    for pen in pens:
        await pen.write()
    await pens[2].write(status=RunStatus.SUCCESS, owner=None)
    await Pen(store, new_run("others", owner=2)).write()
    await Pen(store, new_run("waits", status=RunStatus.PENDING)).write()

    assert await store.running_runs(1, after="", limit=2) == ["run-1", "run-3"]
    assert await store.running_runs(1, after="run-3", limit=2) == ["run-4"]
    assert await store.running_runs(2, after="", limit=2) == ["others"]


async def test_pending_runs_come_in_the_order_of_their_creation(store: Store) -> None:
    created = {"c": 1, "d": 3, "a": 2, "b": 3}
    pens = [
        Pen(store, new_run(it, status=RunStatus.PENDING, created_us=NOON_US + after))
        for it, after in created.items()
    ]
    for pen in pens:
        await pen.write()
    await Pen(store, new_run("runs", owner=1)).write()
    await pens[1].write(status=RunStatus.RUNNING, owner=1)

    assert await store.pending_runs(limit=9) == ["c", "a", "b"]
    assert await store.pending_runs(limit=2) == ["c", "a"]
    assert await store.pending_count() == 3
