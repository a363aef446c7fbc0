"""
Group commit, with a commit that the test holds in its hands.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from dalsegno.model.errors import Conflict, StoreUnavailable
from dalsegno.model.payload import Payload
from dalsegno.store import journal as journal_module
from dalsegno.store.contract import Append
from dalsegno.store.journal import Journal
from tests.store.samples import new_run, told


class Disk:
    """
    Commits a batch when the test lets it.

    Attributes:
        batches: Ids of the runs appended to, batch by batch.
        refusals: What is answered for a run.
        failure: What the next commit raises.
    """

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.refusals: dict[str, Exception] = {}
        self.failure: BaseException | None = None
        self.free = asyncio.Event()
        self.free.set()

    async def commit(self, appends: Sequence[Append]) -> Sequence[Exception | None]:
        self.batches.append([append.run.run_id for append in appends])
        await self.free.wait()
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        return [self.refusals.get(append.run.run_id) for append in appends]


@asynccontextmanager
async def a_journal(disk: Disk) -> AsyncIterator[Journal]:
    journal = Journal(disk.commit)
    try:
        yield journal
    finally:
        disk.free.set()
        await journal.close()


def an_append(run_id: str, size: int = 1) -> Append:
    return Append(new_run(run_id), 1, 0, events=[told(payload=Payload(b"1" * size))])


def begin(journal: Journal, *run_ids: str) -> list["asyncio.Future[None]"]:
    return [asyncio.ensure_future(journal.append(an_append(run_id))) for run_id in run_ids]


async def turns(count: int = 10) -> None:
    """
    Let whatever can go on do so.
    """
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_gathers_during_a_commit_is_the_next_batch() -> None:
    disk = Disk()
    async with a_journal(disk) as journal:
        disk.free.clear()
        first = begin(journal, "a")
        await turns()
        others = begin(journal, "b", "c", "d")
        await turns()

        assert not first[0].done()
        disk.free.set()
        await asyncio.gather(*first, *others)

    assert disk.batches == [["a"], ["b", "c", "d"]]


async def test_nobody_is_told_before_the_commit() -> None:
    disk = Disk()
    async with a_journal(disk) as journal:
        disk.free.clear()
        waiting = begin(journal, "a", "b")
        await turns()

        assert [each.done() for each in waiting] == [False, False]


async def test_callers_are_told_in_their_order() -> None:
    disk = Disk()
    told_: list[str] = []
    async with a_journal(disk) as journal:

        async def write(run_id: str) -> None:
            await journal.append(an_append(run_id))
            told_.append(run_id)

        await asyncio.gather(*(write(run_id) for run_id in "abcdef"))

    assert told_ == list("abcdef")


async def test_a_batch_is_bounded_in_appends_and_in_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(journal_module, "_BATCH_APPENDS_MAX", 3)
    monkeypatch.setattr(journal_module, "_BATCH_BYTES_MAX", 100)
    disk = Disk()
    async with a_journal(disk) as journal:
        sizes = {"a": 1, "b": 1, "c": 1, "d": 60, "e": 60, "f": 500, "g": 1}
        await asyncio.gather(*(journal.append(an_append(*each)) for each in sizes.items()))

    assert disk.batches == [["a", "b", "c"], ["d"], ["e"], ["f"], ["g"]]


async def test_a_refusal_is_its_callers_alone() -> None:
    disk = Disk()
    disk.refusals["b"] = Conflict("b")
    async with a_journal(disk) as journal:
        outcomes = await asyncio.gather(*begin(journal, "a", "b", "c"), return_exceptions=True)

    assert outcomes == [None, disk.refusals["b"], None]


async def test_a_failure_is_the_whole_batchs_and_the_next_one_goes_on() -> None:
    disk = Disk()
    disk.failure = StoreUnavailable("disk full")
    async with a_journal(disk) as journal:
        outcomes = await asyncio.gather(*begin(journal, "a", "b"), return_exceptions=True)
        await journal.append(an_append("c"))

    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable, StoreUnavailable]
    assert disk.batches == [["a", "b"], ["c"]]


@pytest.mark.parametrize("is_under_way", [True, False])
async def test_a_caller_that_is_canceled_takes_nothing_back(*, is_under_way: bool) -> None:
    disk = Disk()
    async with a_journal(disk) as journal:
        disk.free.clear()
        canceled, other = begin(journal, "a", "b")
        if is_under_way:
            await turns()
        else:
            await asyncio.sleep(0)
        canceled.cancel()
        await turns()
        assert canceled.cancelled()

        disk.free.set()
        await other
        await journal.append(an_append("c"))

    assert disk.batches == [["a", "b"], ["c"]]


@pytest.mark.parametrize("failure", [None, StoreUnavailable("disk full")])
async def test_a_caller_that_is_canceled_needs_no_answer(failure: Exception | None) -> None:
    disk = Disk()
    async with a_journal(disk) as journal:
        disk.free.clear()
        disk.failure = failure
        disk.refusals["a"] = Conflict("a")
        canceled, _ = waiting = begin(journal, "a", "b")
        await turns()
        canceled.cancel()
        disk.free.set()
        await asyncio.gather(*waiting, return_exceptions=True)

        await journal.append(an_append("c"))

    assert disk.batches == [["a", "b"], ["c"]]


async def test_closing_commits_what_was_handed_over_and_takes_no_more() -> None:
    disk = Disk()
    async with a_journal(disk) as journal:
        disk.free.clear()
        first = begin(journal, "a")
        await turns()
        last = begin(journal, "b")
        await turns()
        closing = asyncio.ensure_future(journal.close())
        await turns()
        with pytest.raises(StoreUnavailable):
            await journal.append(an_append("c"))
        assert not closing.done()

        disk.free.set()
        await asyncio.gather(closing, *first, *last)

    assert disk.batches == [["a"], ["b"]]


async def test_nobody_waits_for_a_writer_that_has_died() -> None:
    disk = Disk()
    journal = Journal(disk.commit)
    disk.free.clear()
    first = begin(journal, "a")
    await turns()
    second = begin(journal, "b")
    await turns()

    journal._task.cancel()

    outcomes = await asyncio.gather(*first, *second, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable, StoreUnavailable]
    assert journal._task.cancelled()
    with pytest.raises(StoreUnavailable):
        await journal.append(an_append("c"))
    await journal.close()
