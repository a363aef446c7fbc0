"""
Many wait for the same time, with one timer.
"""

import asyncio

from dalsegno.engine.silence import Silence


def futures(count: int) -> list[asyncio.Future[bool]]:
    loop = asyncio.get_running_loop()
    return [loop.create_future() for _ in range(count)]


async def test_those_for_whom_nothing_happens_are_told_in_time_and_in_order() -> None:
    line = Silence().line(0.01)
    told: list[asyncio.Future[bool]] = []
    waiting = futures(100)
    begun_s = asyncio.get_running_loop().time()
    for each in waiting:
        line.add(each)
        each.add_done_callback(told.append)

    assert not any(await asyncio.gather(*waiting))
    assert asyncio.get_running_loop().time() >= begun_s + 0.01
    assert told == waiting


async def test_there_is_one_timer_for_all_who_wait_equally_long() -> None:
    silence = Silence()
    line = silence.line(30)
    waiting = futures(100)
    line.add(waiting[0])
    timer = line._timer
    for each in waiting[1:]:
        line.add(each)

    assert silence.line(30) is line
    assert line._timer is timer
    assert timer is not None
    timer.cancel()


async def test_who_is_removed_or_has_heard_something_is_left_alone() -> None:
    line = Silence().line(0.001)
    removed, heard, last = futures(3)
    for each in (removed, heard, last):
        line.add(each)
    line.remove(removed)
    line.remove(removed)
    heard.set_result(True)

    assert await last is False
    assert not removed.done()
    assert heard.result()


async def test_without_anybody_there_is_no_timer() -> None:
    line = Silence().line(0.001)
    (waiting,) = futures(1)
    line.add(waiting)
    line.remove(waiting)
    other = Silence().line(0.01)
    other.add(waiting)

    assert await waiting is False
    assert line._timer is None
    assert other._timer is None
