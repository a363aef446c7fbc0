"""
Background work: begun anew whatever it fails of, and a server that says so when it cannot be done.
"""

import asyncio
import errno
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
import pytest_asyncio

from dalsegno.engine.background import Background
from dalsegno.model.clock import SystemClock
from dalsegno.model.errors import StoreUnavailable


class Trouble(BaseException):
    """
    What no handler of ours names.
    """


class Work:
    """
    Fails as often as it is told to, and then says that it was done.
    """

    def __init__(self, *failures: BaseException) -> None:
        self._failures: Iterator[BaseException] = iter(failures)
        self.is_done = asyncio.Event()
        self.calls = 0

    async def __call__(self) -> None:
        self.calls += 1
        for failure in self._failures:
            raise failure
        self.is_done.set()


async def never() -> None:
    await asyncio.Event().wait()


Keep = Callable[..., tuple[Background, list[bool]]]


@pytest_asyncio.fixture
async def keep() -> AsyncIterator[Keep]:
    """
    Begins some work; returns who keeps it, and what it says of its health.
    """
    kept: list[Background] = []

    def begin(
        work: Callable[[], Awaitable[None]],
        wait: Callable[[], Awaitable[None]] = never,
        patience_s: float = 60,
    ) -> tuple[Background, list[bool]]:
        told: list[bool] = []
        background = Background(SystemClock(), patience_s=patience_s)
        background.tell_health = told.append
        background.keep("the work", work, wait)
        kept.append(background)
        return background, told

    yield begin
    for background in kept:
        await background.stop()


@pytest.mark.parametrize(
    "failure",
    [
        ValueError("a bug"),
        StoreUnavailable("it is away"),
        MemoryError(),
        OSError(errno.EMFILE, "too many open files"),
        asyncio.CancelledError(),
        Trouble(),
    ],
    ids=lambda failure: type(failure).__name__,
)
async def test_work_is_begun_anew_whatever_it_failed_of(keep: Keep, failure: BaseException) -> None:
    work = Work(failure, failure)

    _, told = keep(work)

    await asyncio.wait_for(work.is_done.wait(), 5)
    assert work.calls == 3
    assert told == []


async def test_work_is_begun_anew_if_its_waiting_failed(keep: Keep) -> None:
    work, waited = Work(), Work(ValueError("a bug"))

    async def wait() -> None:
        await waited()
        await never()

    keep(work, wait)

    await asyncio.wait_for(waited.is_done.wait(), 5)
    assert work.calls == 2


async def test_a_server_whose_work_fails_for_long_is_ill_until_it_goes_well(keep: Keep) -> None:
    work = Work(*[StoreUnavailable("it is away")] * 2)

    _, told = keep(work, patience_s=0)

    await asyncio.wait_for(work.is_done.wait(), 5)
    assert told == [False, True]


async def test_a_server_is_ill_until_all_of_its_work_goes_well(keep: Keep) -> None:
    release = asyncio.Event()
    one, other = Work(ValueError("a")), Work(ValueError("b"))

    async def late() -> None:
        if other.calls:
            await release.wait()
        await other()

    background, told = keep(one, patience_s=0)
    background.keep("more work", late, never)

    await asyncio.wait_for(one.is_done.wait(), 5)
    assert told == [False]
    release.set()
    await asyncio.wait_for(other.is_done.wait(), 5)
    assert told == [False, True]


async def test_work_survives_the_collection_of_garbage(keep: Keep) -> None:
    rounds = Work()
    rest = asyncio.Event()

    async def wait() -> None:
        await rest.wait()
        rest.clear()

    keep(rounds, wait)
    for number in range(1, 20):
        await asyncio.wait_for(rounds.is_done.wait(), 5)
        assert rounds.calls == number
        rounds.is_done.clear()
        gc.collect()
        rest.set()


async def test_work_ends_when_it_is_stopped(keep: Keep) -> None:
    work = Work()
    background, _ = keep(work)
    await asyncio.wait_for(work.is_done.wait(), 5)

    await asyncio.wait_for(background.stop(), 5)

    assert work.calls == 1
