"""
Leases: which servers are alive, and whose runs are anybody's.
"""

from dalsegno.model.run import RunStatus
from dalsegno.store.contract import Lease, LeaseEnd, Store
from tests.store.conftest import OpenStore
from tests.store.samples import NOON_US, Pen, new_run


async def runs_of(store: Store, *owners: int) -> list[Pen]:
    pens = [Pen(store, new_run(f"run-{owner}", owner=owner)) for owner in owners]
    for pen in pens:
        await pen.write()
    return pens


async def test_no_number_is_given_twice(store: Store) -> None:
    first = await store.take_lease(expires_us=NOON_US)
    await store.end_lease(first, LeaseEnd.RELEASED)
    await store.expire_leases(NOON_US, spare=0)
    second = await store.take_lease(expires_us=NOON_US)
    await store.end_lease(second, LeaseEnd.RELEASED)
    await store.expire_leases(NOON_US, spare=0)

    assert await store.take_lease(expires_us=NOON_US) > second > first


async def test_an_owner_is_known_while_it_owns_a_running_run(store: Store) -> None:
    owner = await store.take_lease(expires_us=NOON_US)
    assert await store.owners() == []
    (pen,) = await runs_of(store, owner)
    assert await store.owners() == [Lease(owner, NOON_US)]

    await pen.write(status=RunStatus.SUCCESS, owner=None)

    assert await store.owners() == []


async def test_a_lease_that_is_held_runs_longer(store: Store) -> None:
    owner = await store.take_lease(expires_us=NOON_US)
    await runs_of(store, owner)

    assert await store.renew_lease(owner, expires_us=NOON_US + 5)

    assert await store.owners() == [Lease(owner, NOON_US + 5)]


async def test_an_ended_lease_stays_ended_as_it_was(store: Store) -> None:
    released = await store.take_lease(expires_us=NOON_US)
    expired = await store.take_lease(expires_us=NOON_US)
    await runs_of(store, released, expired)
    await store.end_lease(released, LeaseEnd.RELEASED)
    await store.expire_leases(NOON_US, spare=0)

    assert not await store.renew_lease(released, expires_us=NOON_US + 5)
    assert not await store.renew_lease(expired, expires_us=NOON_US + 5)
    await store.end_lease(expired, LeaseEnd.RELEASED)

    assert await store.owners() == [
        Lease(released, NOON_US, LeaseEnd.RELEASED),
        Lease(expired, NOON_US, LeaseEnd.EXPIRED),
    ]


async def test_only_leases_that_have_run_out_expire_and_never_the_spared(store: Store) -> None:
    late, mine, alive = [await store.take_lease(expires_us=NOON_US + it) for it in (0, 0, 1)]
    await runs_of(store, late, mine, alive)

    await store.expire_leases(NOON_US, spare=mine)

    assert [lease.ended for lease in await store.owners()] == [LeaseEnd.EXPIRED, None, None]


async def test_an_owner_whose_lease_is_forgotten_counts_as_expired(store: Store) -> None:
    owner = await store.take_lease(expires_us=NOON_US)
    await store.end_lease(owner, LeaseEnd.RELEASED)
    await store.take_lease(expires_us=NOON_US)
    await store.expire_leases(NOON_US, spare=0)
    await runs_of(store, owner)

    assert await store.owners() == [Lease(owner, 0, LeaseEnd.EXPIRED)]


async def test_whoever_opens_a_file_next_finds_the_leases_of_the_dead_expired(
    open_store: OpenStore,
) -> None:
    async with open_store() as store:
        owner = await store.take_lease(expires_us=NOON_US * 2)
        released = await store.take_lease(expires_us=NOON_US * 2)
        await runs_of(store, owner, released)
        await store.end_lease(released, LeaseEnd.RELEASED)

    async with open_store() as store:
        ends = [lease.ended for lease in await store.owners()]

    assert ends == [LeaseEnd.EXPIRED, LeaseEnd.RELEASED]
