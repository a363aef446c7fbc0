"""
A connection's thread, and how the event loop behaves while it waits for it.
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable

import pytest

from dalsegno.store.connection import Connection, connect


@pytest.fixture
async def connection() -> AsyncIterator[Connection]:
    async with connect("file:test?mode=memory") as connection:
        yield connection


@pytest.fixture
def lettings_go(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """
    For how many seconds the loop has let go, each time.
    """
    lettings_go: list[float] = []
    monkeypatch.setattr(time, "sleep", lettings_go.append)
    return lettings_go


async def keep_busy(seconds: float) -> None:
    """
    Take this much of the processor's time, in turns of the event loop.
    """
    end_s = time.thread_time() + seconds
    for _ in iter(lambda: time.thread_time() < end_s, False):
        await asyncio.sleep(0)


async def test_a_function_is_executed_on_the_connections_own_thread(
    connection: Connection,
) -> None:
    threads = {await connection.call(lambda _: threading.get_ident()) for _ in range(3)}

    assert len(threads) == 1
    assert threading.get_ident() not in threads


async def test_functions_are_executed_one_by_one_in_their_order(connection: Connection) -> None:
    await connection.call(lambda tx: tx.execute("CREATE TABLE t (x)").fetchall())

    def insert(x: int) -> Callable[[sqlite3.Connection], int]:
        return lambda tx: tx.execute("INSERT INTO t VALUES (?)", (x,)).rowcount

    await asyncio.gather(*(connection.call(insert(x)) for x in range(50)))

    rows = await connection.call(lambda tx: tx.execute("SELECT x FROM t").fetchall())
    assert rows == [(x,) for x in range(50)]
    assert connection.waiting == 0


async def test_what_a_function_raises_is_its_callers(connection: Connection) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await connection.call(lambda tx: tx.execute("SELECT x FROM nowhere"))

    assert connection.waiting == 0


async def test_a_function_is_executed_although_its_caller_is_canceled(
    connection: Connection,
) -> None:
    gate = threading.Event()
    held = asyncio.ensure_future(connection.call(lambda _: gate.wait()))
    canceled = asyncio.ensure_future(
        connection.call(lambda tx: tx.execute("CREATE TABLE t (x)").fetchall())
    )
    await asyncio.sleep(0)

    canceled.cancel()
    gate.set()
    await held

    assert await connection.call(lambda tx: tx.execute("SELECT x FROM t").fetchall()) == []


async def test_a_busy_loop_lets_go_while_a_call_is_under_way(
    connection: Connection, lettings_go: list[float]
) -> None:
    gate = threading.Event()
    call = asyncio.ensure_future(connection.call(lambda _: gate.wait()))

    # How often depends on what share of a processor the machine leaves us.
    while len(lettings_go) < 3:
        await keep_busy(0.01)
    gate.set()
    await call

    assert set(lettings_go) == {0.001}


async def test_an_idle_loop_waits_and_does_not_block(
    connection: Connection, lettings_go: list[float]
) -> None:
    gate = threading.Event()
    call = asyncio.ensure_future(connection.call(lambda _: gate.wait()))
    asyncio.get_running_loop().call_later(0.05, gate.set)

    await call

    assert lettings_go == []


async def test_a_busy_loop_that_waits_for_nobody_keeps_going(
    connection: Connection, lettings_go: list[float]
) -> None:
    await connection.call(lambda _: None)
    lettings_go.clear()  # that call may have taken long on a busy machine

    await keep_busy(0.02)

    assert lettings_go == []
