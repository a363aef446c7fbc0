"""
DBOS Transact on SQLite.

Async workflows: with many callers they end sooner than ones on threads. A time travel is a fork
from the last step. Forks are taken up from a queue that is looked at each second, and awaited by
looking each second; here both look every 10 ms, so that it is not waiting that is measured.
"""

import asyncio
import os
import sys
import uuid
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import sqlalchemy
from dbos import DBOS, SetWorkflowID

from bench.peers.service import Contender, Place, answer_all, check, rotated

_POLL_S = 0.01


class Dbos(Contender):
    def __init__(self, engine: sqlalchemy.Engine, db: Path) -> None:
        self._engine, self._db = engine, db
        self._queue = ""
        self.added = 0

    @property
    def calls(self) -> int:
        return self.added

    async def run(self, steps: int, text: str | None = None) -> str:
        run_id = uuid.uuid4().hex
        with SetWorkflowID(run_id):
            if text is None:
                check("value", await numbers(steps), steps)
            else:
                check("text", await texts(steps, text), rotated(text, steps))
        return run_id

    async def travel(self, run_id: str, steps: int) -> None:
        handle = await DBOS.fork_workflow_async(run_id, steps, queue_name=self._queue)
        check("value", await handle.get_result(polling_interval_sec=_POLL_S), steps)

    async def travels(self, run_id: str, steps: int, times: int) -> list[float]:
        # A queue for the time being: looking so often would disturb whatever else is measured.
        self._queue = uuid.uuid4().hex
        await DBOS.register_queue_async(self._queue, polling_interval_sec=_POLL_S)
        try:
            await self.travel(run_id, steps)  # by then the queue is looked at
            return await super().travels(run_id, steps, times)
        finally:
            await DBOS.delete_queue_async(self._queue)

    async def look(self, run_id: str) -> object:
        handle = await DBOS.retrieve_workflow_async(run_id)
        status = await handle.get_status()
        steps_shown = await DBOS.list_workflow_steps_async(run_id)
        return [status.status, status.input, status.output, steps_shown]

    def place(self) -> Place:
        return {"database": str(self._db), "writer": os.getpid()}

    async def facts(self) -> Mapping[str, object]:
        with self._engine.connect() as connection:
            pragmas = {
                name: connection.execute(sqlalchemy.text(f"PRAGMA {name}")).scalar()
                for name in ("journal_mode", "synchronous")
            }
        return {
            "version": version("dbos"),
            "settings": "SQLite system database as it is by default, async workflows",
            "travel": "fork_workflow, queue and result polled every 10 ms (1 s by default)",
            **pragmas,
        }


@DBOS.step()
async def add(value: int) -> int:
    contender.added += 1
    return value + 1


@DBOS.step()
async def rotate(text: str) -> str:
    return rotated(text, 1)


@DBOS.workflow()
async def numbers(steps: int) -> int:
    value = 0
    for _ in range(steps):
        value = await add(value)
    return value


@DBOS.workflow()
async def texts(steps: int, text: str) -> str:
    for _ in range(steps):
        text = await rotate(text)
    return text


if __name__ == "__main__":
    db = Path(sys.argv[1]) / "dbos.db"
    dbos = DBOS(
        config={
            "name": "bench",
            "system_database_url": f"sqlite:///{db}",
            "run_admin_server": False,
            "enable_otlp": False,
            "log_level": "ERROR",
        }
    )
    DBOS.launch()
    # Private, and only for PRAGMAs: what holds is what its own connections say.
    contender = Dbos(dbos._sys_db.engine, db)  # noqa: SLF001
    try:
        asyncio.run(answer_all(contender))
    finally:
        DBOS.destroy()
