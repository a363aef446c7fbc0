"""
What is told of an event loop that keeps everybody waiting.
"""

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dalsegno.engine.body import Bodies, Place
from dalsegno.watchdog import Watchdog

LAG_S = 0.04


async def body() -> None:
    await asyncio.sleep(0)
    block(6 * LAG_S)


def block(seconds: float) -> None:
    # Waits in a library, whose frames are the innermost, and looks what is known by then.
    threading.Event().wait(seconds)
    known.append(len(lines))


known: list[int] = []
lines: list[dict[str, Any]] = []


class Keep(logging.Handler):
    """
    Keeps what no other watchdog has told, such as that of a server that other tests share.
    """

    def __init__(self, others: set[int | None]) -> None:
        super().__init__()
        self._others = others

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread not in self._others:
            lines.append({**record.__dict__, "message": record.getMessage()})


def watchdogs() -> set[int | None]:
    return {thread.ident for thread in threading.enumerate() if thread.name == "watchdog"}


@pytest.fixture(autouse=True)
def _logged() -> Iterator[None]:
    logger = logging.getLogger("dalsegno.watchdog")
    keep = Keep(watchdogs())
    logger.addHandler(keep)
    known.clear()
    lines.clear()
    yield
    logger.removeHandler(keep)


class Named(Bodies):
    """
    Tasks are in the body that they are named after.
    """

    def of(self, task: asyncio.Task[Any]) -> Place | None:
        functions: dict[str, Callable[..., Any]] = {"body": body, "another": json.dumps}
        function = functions.get(task.get_name())
        return Place("r-1", "orders", "charge", function) if function is not None else None


def watched(lag_s: float = LAG_S) -> Watchdog:
    return Watchdog(Named(1), lag_s=lag_s)


async def until_told(text: str) -> dict[str, Any]:
    async with asyncio.timeout(5):
        while True:
            for line in lines:
                if text in line["message"]:
                    return line
            await asyncio.sleep(0.005)


def accusations() -> list[dict[str, Any]]:
    return [line for line in lines if "a body blocks" in line["message"]]


async def test_a_body_that_blocks_is_named_while_it_does() -> None:
    with watched():
        await asyncio.create_task(body(), name="body")

    assert known == [1]
    line = lines[0]
    assert "a body blocks the event loop" in line["message"]
    assert (line["run_id"], line["workflow_id"], line["address"]) == ("r-1", "orders", "charge")
    assert LAG_S * 1000 <= line["blocked_ms"] <= 4000
    number = block.__code__.co_firstlineno + 2
    assert line["at"] == f"{__file__}:{number} in block"


async def test_each_stall_is_told_once() -> None:
    with watched():
        for stall in (1, 2, 3):
            await asyncio.create_task(body(), name="body")
            assert len(accusations()) == stall
            await asyncio.sleep(0.001)


async def test_a_stall_that_is_no_bodys_is_told_with_its_line() -> None:
    async def other() -> None:
        block(4 * LAG_S)

    with watched():
        await asyncio.create_task(other(), name="other")
        line = await until_told("in a task that is in no body")

    assert (line["task"], line["functions"]) == ("other", 0)
    assert not accusations()


async def test_a_task_is_not_accused_of_what_its_body_does_not_do() -> None:
    """
    The method: keep the loop in a task of a body, but not in the body's own code.
    """
    with watched():
        await asyncio.create_task(body(), name="another")
        await until_told("in a task that is in no body")

    assert not accusations()


async def test_nobody_is_accused_of_much_work_that_others_do() -> None:
    """
    The method: many tasks in bodies that take a moment each, so that the loop is late but no one
    of them is to blame.
    """

    async def moment() -> None:
        end_s = time.monotonic() + 0.002
        while time.monotonic() < end_s:
            pass

    with watched(0.2):
        await asyncio.gather(
            *(asyncio.create_task(moment(), name="body") for _ in range(200)),
        )
        await until_told("answered late")

    assert not accusations()


async def test_lag_is_measured_and_told_at_most_once_in_a_while() -> None:
    with watched():
        for _ in range(3):
            block(5 * LAG_S)
            await asyncio.sleep(LAG_S)

    late = [line for line in lines if "answered late" in line["message"]]
    assert len(late) == 1
    assert 4 * LAG_S * 1000 <= late[0]["lag_ms"] <= 4000
    assert late[0]["times"] == 1


async def test_of_a_loop_that_answers_nothing_is_told() -> None:
    with watched(0.2):
        for _ in range(50):
            await asyncio.sleep(0.001)  # as long as the store lets go of a busy loop
            time.sleep(0.001)  # noqa: ASYNC251 - likewise

    assert not lines


async def test_the_thread_ends_with_the_block() -> None:
    before = watchdogs()

    with watched():
        assert len(watchdogs()) == len(before) + 1

    assert watchdogs() == before


async def test_the_end_of_the_block_waits_for_no_answer() -> None:
    begun = time.monotonic()

    with watched(40):
        block(0.05)  # a question is open by now, and nobody answers it any more

    assert time.monotonic() - begun < 5
