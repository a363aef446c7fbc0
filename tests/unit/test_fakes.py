"""
The stand-ins must obey the contracts of what they stand for.
"""

import asyncio
from pathlib import Path

from dalsegno.model.clock import SECOND_US
from dalsegno.store.sqlite import SqliteStore
from tests.fakes import NOON_US, JumpingClock, TroubledStore, counted_ids


async def test_time_jumps_to_the_earliest_sleeper_first() -> None:
    clock = JumpingClock()
    woken: list[tuple[int, int]] = []

    async def sleeper(seconds: int) -> None:
        await clock.sleep_until(NOON_US + seconds * SECOND_US)
        woken.append((seconds, clock.now_us() - NOON_US))

    await asyncio.gather(*(sleeper(seconds) for seconds in (3, 1, 2)))

    assert woken == [(1, SECOND_US), (2, 2 * SECOND_US), (3, 3 * SECOND_US)]


async def test_who_sleeps_until_the_past_is_not_kept() -> None:
    clock = JumpingClock()

    await clock.sleep_until(NOON_US)

    assert clock.now_us() == NOON_US


async def test_time_stands_still_while_something_goes_on() -> None:
    clock = JumpingClock()
    with clock.still():
        sleeping = asyncio.create_task(clock.sleep_until(NOON_US + 1))
        for _ in range(200):
            await asyncio.sleep(0)
        assert clock.now_us() == NOON_US
        assert not sleeping.done()
    await sleeping

    assert clock.now_us() == NOON_US + 1


async def test_time_moved_by_hand_wakes_who_is_due() -> None:
    clock = JumpingClock()
    with clock.still():
        soon = asyncio.create_task(clock.sleep_until(NOON_US + 5))
        later = asyncio.create_task(clock.sleep_until(NOON_US + 50))
        await asyncio.sleep(0)
        clock.advance(10)
        await soon
        assert not later.done()
        later.cancel()


async def test_a_sleeper_that_was_canceled_moves_no_time() -> None:
    clock = JumpingClock()
    gone = asyncio.create_task(clock.sleep_until(NOON_US + 5))
    await asyncio.sleep(0)
    gone.cancel()

    await clock.sleep_until(NOON_US + 2)

    assert clock.now_us() == NOON_US + 2


async def test_a_troubled_store_passes_calls_on_and_counts_them(tmp_path: Path) -> None:
    sqlite = await SqliteStore.open(tmp_path / "runs.db")
    store = TroubledStore(sqlite, JumpingClock())

    assert await store.as_store.run("nowhere") is None
    assert await store.as_store.next_due() is None
    await sqlite.close()

    assert store.calls == {"run": 1, "next_due": 1}


def test_ids_are_counted() -> None:
    new_id = counted_ids("run")

    assert [new_id(), new_id()] == ["run-1", "run-2"]
