"""
Readers that take nothing are told apart from slow ones, with one timer for all.
"""

import asyncio

import pytest

from dalsegno.model.errors import ReaderStalled
from dalsegno.rpc.ending import Ending
from dalsegno.rpc.stalls import Stalls

_WRITE_S = 0.4  # on a busy machine a quarter of it may take three


async def test_a_reader_that_takes_nothing_is_ended_and_a_slow_one_is_not() -> None:
    stalls = Stalls(_WRITE_S)

    async def stalled() -> None:
        with Ending() as stream:
            sending = stalls.begin(stream)
            try:
                await asyncio.Event().wait()
            finally:
                stalls.end(sending)

    async def slow() -> int:
        with Ending() as stream:
            sending = stalls.begin(stream)
            for _ in range(10):  # each within its time, all together far beyond it
                await asyncio.sleep(_WRITE_S / 4)
                sending.written += 1
            stalls.end(sending)
        return sending.written

    slowly = asyncio.create_task(slow())
    with pytest.raises(ReaderStalled):
        await asyncio.wait_for(stalled(), 5)

    assert await slowly == 10


async def test_there_is_one_timer_and_none_while_nothing_is_sent() -> None:
    stalls = Stalls(_WRITE_S)
    with Ending() as stream:
        sending = [stalls.begin(stream)]
        timer = stalls._timer
        sending += [stalls.begin(stream) for _ in range(100)]
        assert stalls._timer is timer
        for each in sending:
            stalls.end(each)
        assert timer is not None
        await asyncio.sleep(timer.when() - asyncio.get_running_loop().time() + 0.01)

    assert stalls._timer is None
