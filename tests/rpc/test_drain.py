"""
Ending streams is told apart from callers who leave.
"""

import asyncio

import pytest

from dalsegno.model.errors import ShuttingDown
from dalsegno.rpc.drain import Drain
from dalsegno.rpc.ending import Ending


async def held(drain: Drain) -> int:
    """
    Wait to be ended; answers how many cancellations of the task are left then.
    """
    try:
        with Ending() as stream:
            drain.add(stream)
            await asyncio.sleep(60)
    except ShuttingDown:
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()
    return -1


async def test_what_is_ended_is_not_canceled_any_more() -> None:
    drain = Drain()
    task = asyncio.create_task(held(drain))
    await asyncio.sleep(0)

    drain.end()

    assert await task == 0


async def test_a_caller_who_leaves_is_not_told_of_the_end() -> None:
    drain = Drain()
    task = asyncio.create_task(held(drain))
    await asyncio.sleep(0)

    drain.end()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_has_left_is_not_ended() -> None:
    drain = Drain()
    with Ending() as stream:
        drain.add(stream)
    drain.remove(stream)

    drain.end()
    await asyncio.sleep(0)


async def test_ending_twice_ends_once() -> None:
    drain = Drain()
    task = asyncio.create_task(held(drain))
    await asyncio.sleep(0)

    drain.end()
    drain.end()

    assert await task == 0
