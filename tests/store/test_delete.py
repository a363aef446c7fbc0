"""
What the contract says of `delete`, for every store.
"""

import asyncio

import pytest

from dalsegno.model.errors import Conflict, RunHasReplays, RunNotFound
from dalsegno.model.event import EventType
from dalsegno.model.run import RunStatus
from dalsegno.store.contract import RunCursor, RunFilter, Store
from tests.store.samples import NOON_US, Pen, new_run, record, replay_of, request, text, told


async def write_run(store: Store, run_id: str = "run") -> Pen:
    pen = Pen(store, new_run(run_id, status=RunStatus.FAILED))
    await pen.write(
        told(EventType.RUN_STARTED, ""),
        told(payload=text("a"), state=text("state")),
        records=[record("charge"), record("items[0]")],
        request=request(f"request of {run_id}", run_id),
    )
    return pen


async def test_of_a_deleted_run_nothing_is_left(store: Store) -> None:
    await write_run(store)

    await store.delete("run", epoch=1, after=2)

    assert await store.run("run") is None
    assert await store.events("run", after=0, limit=9) == []
    assert await store.steps("run", after_sequence=-1, after_address="", limit=9) == []
    assert await store.record("run", "charge") is None
    assert await store.request("request of run") is None
    assert await store.state_before("run", 9) is None
    assert await store.list_runs(RunFilter(), after=None, limit=9) == []


async def test_other_runs_stay_as_they_are(store: Store) -> None:
    for run_id in ("before", "run", "behind"):
        await write_run(store, run_id)
    kept = [await store.run(run_id) for run_id in ("before", "behind")]

    await store.delete("run", epoch=1, after=2)

    assert [await store.run(run_id) for run_id in ("before", "behind")] == kept
    for run_id in ("before", "behind"):
        assert len(await store.events(run_id, after=0, limit=9)) == 2
        assert len(await store.steps(run_id, after_sequence=-1, after_address="", limit=9)) == 2
        assert await store.request(f"request of {run_id}") is not None


async def test_the_id_of_a_deleted_run_is_free_again(store: Store) -> None:
    deleted = await write_run(store)
    await deleted.write(told())
    await store.delete("run", epoch=1, after=3)
    other = Pen(store, new_run("other"))
    await other.write(told(payload=text("of other")))

    again = await write_run(store)
    await again.write(told(), told())
    await other.write(told())

    assert len(await store.events("run", after=0, limit=9)) == 4
    assert len(await store.events("other", after=0, limit=9)) == 2


async def test_a_run_with_replays_is_not_deleted_before_them(store: Store) -> None:
    pen = await write_run(store)
    for run_id in ("replay-1", "replay-2"):
        await Pen(store, replay_of(pen.run, run_id)).write()

    with pytest.raises(RunHasReplays, match="replay-1, replay-2"):
        await store.delete("run", epoch=1, after=2)
    assert len(await store.events("run", after=0, limit=9)) == 2

    await store.delete("replay-1", epoch=1, after=0)
    await store.delete("replay-2", epoch=1, after=0)
    await store.delete("run", epoch=1, after=2)
    assert await store.run("run") is None


@pytest.mark.parametrize(("epoch", "after"), [(2, 2), (1, 1), (1, 3)])
async def test_a_run_that_has_changed_is_not_deleted(store: Store, epoch: int, after: int) -> None:
    await write_run(store)

    with pytest.raises(Conflict):
        await store.delete("run", epoch=epoch, after=after)

    assert len(await store.events("run", after=0, limit=9)) == 2
    assert await store.request("request of run") is not None


async def test_what_is_not_there_cannot_be_deleted(store: Store) -> None:
    with pytest.raises(RunNotFound):
        await store.delete("run", epoch=1, after=0)


async def test_a_deleted_run_takes_no_more_appends(store: Store) -> None:
    pen = await write_run(store)

    outcomes = await asyncio.gather(
        store.delete("run", epoch=1, after=2), pen.write(told()), return_exceptions=True
    )

    assert sorted(map(repr, map(type, outcomes))) in (
        sorted(map(repr, [type(None), RunNotFound])),
        sorted(map(repr, [Conflict, type(pen.append())])),
    )


async def test_a_tree_is_read_on_although_the_run_a_page_ended_with_is_deleted(
    store: Store,
) -> None:
    root = new_run("root", created_us=NOON_US)
    await Pen(store, root).write()
    for number in range(1, 4):
        await Pen(store, replay_of(root, f"run-{number}", created_us=NOON_US + number)).write()
    await store.delete("run-2", epoch=1, after=0)

    page = await store.tree("root", after=RunCursor(NOON_US + 2, "run-2"), limit=9)

    assert [run.run_id for run in page] == ["run-3"]
