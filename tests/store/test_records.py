"""
What the contract says of reading records and events, for every store.
"""

import asyncio

import pytest

from dalsegno.model.event import EventType
from dalsegno.model.record import Record, StepStatus
from dalsegno.store.contract import Store
from tests.store.samples import Pen, new_run, record, text, told


def addresses(found: object) -> list[str]:
    assert isinstance(found, list)
    return [each.address for each in found if isinstance(each, Record)]


async def test_records_are_found_by_address_as_far_as_there_are_any(store: Store) -> None:
    await Pen(store).write(records=[record("a"), record("inner.b"), record('c"')])
    await Pen(store, new_run("other")).write(records=[record("d")])

    assert await store.records("run", ["inner.b", "d", "a", 'c"', "a"]) == {
        "a": record("a"),
        "inner.b": record("inner.b"),
        'c"': record('c"'),
    }
    assert await store.records("run", []) == {}
    assert await store.records("unknown", ["a"]) == {}
    assert await store.record("run", "d") is None
    assert await store.record("unknown", "a") is None


async def test_many_addresses_may_be_asked_at_once(store: Store) -> None:
    names = [f"items[{index}]" for index in range(5000)]
    await Pen(store).write(records=[record(name) for name in names])

    assert list((await store.records("run", names)).keys() ^ set(names)) == []


LOOP = [
    "poll",
    *(f"poll[{index}]" for index in range(12)),
    "poll[3].charge",
    "poll[3].items[90]",
    "poll2[99]",
    "inner.poll[98]",
    "pol[97]",
    "poll[97].poll[1]",
]


@pytest.mark.parametrize("order", [1, -1])
async def test_iterations_come_by_rising_index_and_page_by_page(store: Store, order: int) -> None:
    await Pen(store).write(records=[record(address) for address in LOOP[::order]])
    await Pen(store, new_run("other")).write(records=[record("poll[50]")])

    everything = await store.iterations("run", "poll", first=0, limit=100)
    page = await store.iterations("run", "poll", first=9, limit=2)

    assert addresses(everything) == [f"poll[{index}]" for index in range(12)]
    assert addresses(page) == ["poll[9]", "poll[10]"]
    assert addresses(await store.iterations("run", "poll[3].items", first=1, limit=9)) == [
        "poll[3].items[90]"
    ]
    assert await store.iterations("run", "poll", first=12, limit=9) == []
    assert await store.iterations("unknown", "poll", first=0, limit=9) == []


async def test_the_last_iteration_is_the_highest_index(store: Store) -> None:
    await Pen(store).write(records=[record(address) for address in LOOP])

    assert await store.last_iteration("run", "poll") == 11
    assert await store.last_iteration("run", "inner.poll") == 98
    assert await store.last_iteration("run", "charge") is None
    assert await store.last_iteration("unknown", "poll") is None


async def test_active_records_come_in_order_and_only_in_the_statuses_asked_for(
    store: Store,
) -> None:
    pen = Pen(store)
    statuses = [*StepStatus, *StepStatus]
    await pen.write(
        records=[
            record(f"{status}-{number}", status=status, first_sequence=100 - number)
            for number, status in enumerate(statuses)
        ]
    )

    asked = [StepStatus.SUSPENDED, StepStatus.RUNNING, StepStatus.SUSPENDED]
    found = await store.active_records("run", asked)

    assert addresses(found) == ["suspended-10", "running-8", "suspended-2", "running-0"]
    assert addresses(await store.active_records("run", [StepStatus.WAITING])) == [
        "waiting-9",
        "waiting-1",
    ]
    assert await store.active_records("run", []) == []


async def test_a_record_that_ended_is_no_longer_active(store: Store) -> None:
    pen = Pen(store)
    await pen.write(records=[record("a", status=StepStatus.RUNNING)])

    await pen.write(records=[record("a", status=StepStatus.SUCCESS)])

    assert await store.active_records("run", list(StepStatus)) == []


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_steps_come_in_order_and_page_by_page(store: Store, limit: int) -> None:
    order = [(0, "given"), (0, "given2"), (1, "b"), (1, "b[0]"), (2, "a"), (10, "c")]
    await Pen(store).write(
        records=[record(address, first_sequence=sequence) for sequence, address in order[::-1]]
    )
    await Pen(store, new_run("other")).write(records=[record("d")])

    found: list[tuple[int, str]] = []
    sequence, address = -1, ""
    while page := await store.steps(
        "run", after_sequence=sequence, after_address=address, limit=limit
    ):
        assert len(page) == limit
        found += [(each.first_sequence, each.address) for each in page]
        sequence, address = found[-1]

    assert found == order


async def test_events_come_in_order_and_page_by_page(store: Store) -> None:
    pen, other = Pen(store), Pen(store, new_run("other"))
    for _ in range(5):
        await asyncio.gather(
            store.append(pen.append(told(), told())), store.append(other.append(told()))
        )

    pages = [await store.events("run", after=after, limit=4) for after in (0, 4, 8, 10, 99)]

    assert [[event.sequence for event in page] for page in pages] == [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
        [9, 10],
        [],
        [],
    ]
    assert await store.events("unknown", after=0, limit=9) == []


async def test_a_page_of_events_ends_with_the_one_that_fills_it(store: Store) -> None:
    ten = text("x" * 8)
    thirty = told(payload=ten, resume_data=ten, state=ten)
    pen = Pen(store)
    await store.append(pen.append(thirty, told(payload=ten), told(), thirty))

    async def page(bytes_max: int, after: int = 0) -> list[int]:
        found = await store.events("run", after=after, limit=9, bytes_max=bytes_max)
        return [event.sequence for event in found]

    assert await page(1) == [1]
    assert await page(30) == [1]
    assert await page(31) == [1, 2]
    assert await page(40) == [1, 2]
    assert await page(41) == [1, 2, 3, 4]
    assert await page(1, after=1) == [2]
    assert await page(1, after=2) == [3, 4]
    assert await page(1, after=4) == []


async def test_a_page_of_records_ends_with_the_one_that_fills_it(store: Store) -> None:
    ten = text("x" * 8)
    thirty = record("a", first_sequence=1, input=ten, output=ten, resume_data=ten)
    rest = [record(id, first_sequence=1, suspend_payload=ten) for id in "bcd"]
    await Pen(store).write(told(), records=[thirty, *rest])

    async def page(bytes_max: int, after: str = "") -> str:
        found = await store.steps(
            "run", after_sequence=1, after_address=after, limit=9, bytes_max=bytes_max
        )
        return "".join(each.address for each in found)

    assert await page(1) == await page(30) == "a"
    assert await page(31) == await page(40) == "ab"
    assert await page(41) == "abc"
    assert await page(1, after="a") == "b"
    assert await page(1, after="d") == ""


async def test_the_state_a_run_began_with_is_no_event(store: Store) -> None:
    await Pen(store).write(told(EventType.RUN_STARTED, ""))

    (event,) = await store.events("run", after=0, limit=9)

    assert event.type is EventType.RUN_STARTED
