"""
A SQLite connection on a thread of its own, which is handed whole functions.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar, cast

import aiosqlite

T = TypeVar("T")

# More than there are statements: each is prepared once per connection.
_CACHED_STATEMENTS = 256

# When a call has been under way for 12 ms, a busy event loop lets go for 1 ms, and then after every
# 3 ms. Measured with uvloop on two cores, 100 appends waiting and callbacks of 0.2 ms without end:
# without it none came through in 4 s, with it 3,000 a second, none of which took more than 0.06 s;
# with 12 ms in place of 3 a third as many. Letting go from 3 ms on gave 4,000, but took a fifth of
# the runs through gRPC with 16 callers, whose commits are done before 12 ms.
_PATIENCE_S = 0.012
_AGAIN_S = 0.003
_LET_GO_S = 0.001


class Connection(aiosqlite.Connection):
    """
    Executes functions instead of single statements on the connection's thread.

    aiosqlite's own methods hop to the thread and back for each statement and each fetch, which
    costs more than the statement does, and would leave a cursor open between two hops. Its base
    for them, `_execute`, takes any function: a subclass may use it, and that is less than to write
    and stop a thread of our own. The alternatives (a `factory` whose `execute` takes functions, a
    `progress` callback that does the work) say one thing and do another.

    Attributes:
        waiting: How many calls have not returned.
    """

    waiting = 0

    async def call(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """
        Execute one function on the thread; calls are executed one by one, in their order.

        A caller that is canceled gets no answer, but the function is executed all the same.
        """
        patience = _Patience(asyncio.get_running_loop())
        self.waiting += 1
        try:
            result = await self._execute(lambda: function(self._conn))  # type: ignore[no-untyped-call] # aiosqlite leaves it untyped
        finally:
            self.waiting -= 1
            patience.end()
        return cast("T", result)


class _Patience:
    """
    Keeps a busy event loop from starving the thread it waits for.

    sqlite3 gives up the interpreter's lock for every row, and the thread must win it back from the
    loop each time. A loop that often gives it up for a moment (at each poll, at each send) takes it
    again before the thread has woken, and each such moment restarts the 5 ms after which the thread
    might insist. A shorter `sys.setswitchinterval` helps only where the loop's turns are longer:
    with 0.1 ms, turns of 0.2 ms let 1,200 appends/s through, turns of 0.05 ms still 280. So the
    loop sleeps now and then, if it has been busy: an idle one is in nobody's way.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._watch(_PATIENCE_S)

    def end(self) -> None:
        self._timer.cancel()

    def _watch(self, for_s: float) -> None:
        self._since_s = time.monotonic()
        self._busy_s = time.thread_time()
        self._timer = self._loop.call_later(for_s, self._let_go)

    def _let_go(self) -> None:
        elapsed_s = time.monotonic() - self._since_s
        if time.thread_time() - self._busy_s > elapsed_s / 2:
            time.sleep(_LET_GO_S)
        self._watch(_AGAIN_S)


@asynccontextmanager
async def connect(uri: str) -> AsyncIterator[Connection]:
    """
    A connection in autocommit mode: transactions are begun and ended by statements.

    Raises:
        sqlite3.Error: The file cannot be opened.
    """

    def connector() -> sqlite3.Connection:
        return sqlite3.connect(
            uri, uri=True, isolation_level=None, cached_statements=_CACHED_STATEMENTS
        )

    connection = Connection(connector, iter_chunk_size=1)
    await connection
    try:
        yield connection
    finally:
        await connection.close()
