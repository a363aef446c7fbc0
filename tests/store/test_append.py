"""
What the contract says of `append`, for every store.
"""

import asyncio
from collections.abc import Callable

import pytest

from dalsegno.model.errors import (
    Conflict,
    DalsegnoError,
    RequestIdReused,
    RunExists,
    RunNotFound,
)
from dalsegno.model.event import EventType
from dalsegno.model.payload import Ref
from dalsegno.model.run import RunStatus
from dalsegno.store.contract import Append, Definition, Store
from tests.store.conftest import OpenStore
from tests.store.samples import Pen, new_run, record, replay_of, request, text, told


async def seen(store: Store, run_id: str = "run") -> object:
    """
    All that a store knows of a run.
    """
    return (
        await store.run(run_id),
        await store.events(run_id, after=0, limit=1000),
        await store.steps(run_id, after_sequence=0, after_address="", limit=1000),
        await store.request("request"),
    )


async def test_what_an_append_brings_is_there_when_it_returns(store: Store) -> None:
    pen = Pen(store)

    await pen.write(
        told(EventType.RUN_STARTED, ""), told(), records=[record("charge")], request=request()
    )

    kept = await store.run("run")
    assert kept is not None
    assert kept.newest_sequence == 2
    assert [event.sequence for event in await store.events("run", after=0, limit=9)] == [1, 2]
    assert await store.record("run", "charge") == record("charge")
    assert await store.request("request") == request()


async def test_what_was_appended_is_there_after_opening_again(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store.put_definition(Definition("d1", "orders", b"{}"))
        pen = Pen(store)
        await pen.write(told(payload=text("a")), records=[record("charge")], request=request())
        before = await seen(store)

    async with open_store() as store:
        assert await seen(store) == before
        assert await store.definition("d1") == Definition("d1", "orders", b"{}")
        await Pen(store, pen.run, is_new=False).write(told())
        assert len(await store.events("run", after=0, limit=9)) == 2


async def test_appends_are_committed_in_the_order_of_the_calls(store: Store) -> None:
    pen = Pen(store)
    appends = [pen.append(told(payload=text(str(number)))) for number in range(600)]

    await asyncio.gather(*map(store.append, appends))

    events = await store.events("run", after=0, limit=1000)
    assert [event.payload.json for event in events if event.payload] == [
        f'"{number}"'.encode() for number in range(600)
    ]


async def test_of_many_writers_at_one_head_exactly_one_wins(store: Store) -> None:
    pen = Pen(store)
    await pen.write(told())
    rivals = [pen.rival().append(told(payload=text(str(number)))) for number in range(20)]

    outcomes = await asyncio.gather(*map(store.append, rivals), return_exceptions=True)

    assert outcomes == [None, *outcomes[1:]]
    assert all(isinstance(outcome, Conflict) for outcome in outcomes[1:])
    (_, kept) = await store.events("run", after=0, limit=9)
    assert kept.payload == text("0", Ref("run", 2))


async def test_who_takes_a_run_over_shuts_out_whoever_had_it(store: Store) -> None:
    pen = Pen(store)
    await pen.write(told())
    stale = pen.rival()

    await pen.write(epoch=2)

    with pytest.raises(Conflict):
        await stale.write(told())
    kept = await store.run("run")
    assert kept is not None
    assert kept.epoch == 2


async def test_an_older_epoch_is_refused_at_the_same_head(store: Store) -> None:
    pen = Pen(store, new_run(epoch=5))
    await pen.write(told())

    with pytest.raises(Conflict):
        await pen.write(told(), held_epoch=4)


def conflict(store: Store) -> Append:
    pen = Pen(store, new_run(newest_sequence=7), is_new=False)
    return pen.append(told(), records=[record("other")], request=request("new"))


def run_exists(store: Store) -> Append:
    return Pen(store).append(told(), records=[record("other")], request=request("new"))


def request_id_reused(store: Store) -> Append:
    return Pen(store, new_run("other")).append(told(), request=request("request", "other"))


def run_not_found(store: Store) -> Append:
    pen = Pen(store, new_run("other"), is_new=False)
    return pen.append(told(), request=request("new"))


def source_not_found(store: Store) -> Append:
    return Pen(store, replay_of(new_run("deleted"), "other")).append(told())


def payload_not_found(store: Store) -> Append:
    pen = Pen(store, new_run("other"))
    return pen.append(told(), told(payload=text("a", Ref("deleted", 1))), request=request("new"))


def requester_not_found(store: Store) -> Append:
    return Pen(store, new_run("other")).append(told(), request=request("new", "deleted"))


@pytest.mark.parametrize(
    ("make", "refusal"),
    [
        (conflict, Conflict),
        (run_exists, RunExists),
        (request_id_reused, RequestIdReused),
        (run_not_found, RunNotFound),
        (source_not_found, RunNotFound),
        (payload_not_found, RunNotFound),
        (requester_not_found, RunNotFound),
    ],
)
async def test_a_refused_append_writes_nothing_and_disturbs_no_other_of_its_batch(
    store: Store, make: Callable[[Store], Append], refusal: type[DalsegnoError]
) -> None:
    await Pen(store).write(told(), records=[record("charge")], request=request())
    before = await seen(store)
    earlier, later = Pen(store, new_run("earlier")), Pen(store, new_run("later"))

    outcomes = await asyncio.gather(
        store.append(earlier.append(told())),
        store.append(make(store)),
        store.append(later.append(told())),
        store.append(earlier.append(told())),
        return_exceptions=True,
    )

    assert [type(outcome) for outcome in outcomes] == [type(None), refusal, type(None), type(None)]
    assert await seen(store) == before
    assert await store.run("other") is None
    assert await store.request("new") is None
    assert len(await store.events("earlier", after=0, limit=9)) == 2
    assert len(await store.events("later", after=0, limit=9)) == 1


async def test_a_request_id_that_is_kept_is_told_before_any_other_refusal(store: Store) -> None:
    await Pen(store).write(told(), request=request())

    with pytest.raises(RequestIdReused):
        await store.append(Pen(store).append(told(), request=request()))


async def test_one_request_id_is_accepted_once_also_within_a_batch(store: Store) -> None:
    runs = [Pen(store, new_run(f"run-{number}")) for number in range(3)]

    outcomes = await asyncio.gather(
        *(store.append(pen.append(told(), request=request(run_id=pen.run.run_id))) for pen in runs),
        return_exceptions=True,
    )

    assert [type(outcome) for outcome in outcomes] == [
        type(None),
        RequestIdReused,
        RequestIdReused,
    ]
    assert await store.request("request") == request(run_id="run-0")
    assert await store.run("run-1") is None


async def test_of_two_that_create_one_run_at_once_the_first_wins(store: Store) -> None:
    first, second = Pen(store), Pen(store, new_run(workflow_id="other"))

    outcomes = await asyncio.gather(
        store.append(first.append(told())),
        store.append(second.append(told(), told())),
        store.append(first.append(told(), status=RunStatus.SUCCESS)),
        return_exceptions=True,
    )

    assert [type(outcome) for outcome in outcomes] == [type(None), RunExists, type(None)]
    kept = await store.run("run")
    assert kept is not None
    assert (kept.workflow_id, kept.status, kept.newest_sequence) == ("orders", "success", 2)


async def test_an_append_that_no_database_takes_fails_alone(store: Store) -> None:
    good, bad = Pen(store, new_run("good")), Pen(store, new_run("bad"))

    outcomes = await asyncio.gather(
        store.append(good.append(told())),
        store.append(bad.append(told(), records=[record("a", started_us=2**70)])),
        store.append(good.append(told())),
        return_exceptions=True,
    )

    assert [type(outcome) for outcome in outcomes] == [type(None), OverflowError, type(None)]
    assert await store.run("bad") is None
    assert len(await store.events("good", after=0, limit=9)) == 2


async def test_a_caller_that_is_canceled_leaves_the_others_as_they_were(store: Store) -> None:
    pen = Pen(store)
    await pen.write(told())
    other = Pen(store, new_run("other"))
    canceled = asyncio.ensure_future(store.append(pen.append(told())))
    waiting = asyncio.ensure_future(store.append(other.append(told())))
    await asyncio.sleep(0)

    canceled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await canceled

    await waiting
    await other.write(told())
    assert len(await store.events("other", after=0, limit=9)) == 2


async def test_a_known_definition_is_left_as_it_is(store: Store) -> None:
    await store.put_definition(Definition("d1", "orders", b'{"id":"orders"}'))
    await store.put_definition(Definition("d1", "other", b"{}"))

    assert await store.definition("d1") == Definition("d1", "orders", b'{"id":"orders"}')
    assert await store.definition("d2") is None
    assert await store.request("none") is None
    assert await store.run("none") is None
