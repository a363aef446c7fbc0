"""
A SQLite connection on a thread of its own, which is handed whole functions.
"""

import sqlite3
from collections.abc import Callable
from typing import TypeVar, cast

import aiosqlite

T = TypeVar("T")

# More than there are statements: each is prepared once per connection.
_CACHED_STATEMENTS = 256


class Connection(aiosqlite.Connection):
    """
    Executes functions instead of single statements on the connection's thread.

    aiosqlite's own methods hop to the thread and back for each statement and each fetch, which
    costs more than the statement does, and would leave a cursor open between two hops. Its base
    for them, `_execute`, takes any function: a subclass may use it, and that is less than to write
    and stop a thread of our own. The alternatives (a `factory` whose `execute` takes functions, a
    `progress` callback that does the work) say one thing and do another.
    """

    waiting = 0
    """How many calls have not returned."""

    async def call(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """
        Execute one function on the thread; calls are executed one by one, in their order.

        A caller that is canceled gets no answer, but the function is executed all the same.
        """
        self.waiting += 1
        try:
            result = await self._execute(lambda: function(self._conn))  # type: ignore[no-untyped-call]
        finally:
            self.waiting -= 1
        return cast("T", result)


async def connect(uri: str) -> Connection:
    """
    A connection in autocommit mode: transactions are begun and ended by statements.

    Raises:
        sqlite3.Error: The file cannot be opened; no thread is left.
    """

    def connector() -> sqlite3.Connection:
        return sqlite3.connect(
            uri, uri=True, isolation_level=None, cached_statements=_CACHED_STATEMENTS
        )

    return cast("Connection", await Connection(connector, iter_chunk_size=1))
