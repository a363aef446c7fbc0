"""
Dal Segno's engine and store in this process, without gRPC: on uvloop, as in our server.
"""

import json
import logging
import os
import random
import sqlite3
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import uvloop
from uuid_utils import uuid7

from bench.peers.service import Contender, Place, answer_all, check, rotated
from bench.peers.workflows import Counter, all_workflows
from dalsegno.engine import Engine, EngineSettings
from dalsegno.engine.commands import StartRun, TimeTravel
from dalsegno.model.clock import SystemClock
from dalsegno.store.sqlite import SqliteStore


class InProcess(Contender):
    def __init__(self, engine: Engine, store: SqliteStore, db: Path) -> None:
        self._engine, self._store, self._db = engine, store, db

    @property
    def calls(self) -> int:
        return Counter.calls

    async def run(self, steps: int, text: str | None = None) -> str:
        if text is None:
            started = StartRun(f"numbers_{steps}", input_data=b"0")
            expected: object = steps
        else:
            started = StartRun(f"texts_{steps}", input_data=json.dumps(text).encode())
            expected = rotated(text, steps)
        run_id = (await self._engine.run(started)).run_id
        check("result", await self._result(run_id), expected)
        return run_id

    async def travel(self, run_id: str, steps: int) -> None:
        replay = await self._engine.time_travel(TimeTravel(f"s{steps - 1}", run_id=run_id))
        check("result", await self._result(replay.run_id), steps)

    async def look(self, run_id: str) -> object:
        return repr(await self._engine.view(run_id))

    def place(self) -> Place:
        return {"database": str(self._db), "writer": os.getpid()}

    async def facts(self) -> Mapping[str, object]:
        return {
            "version": version("dalsegno"),
            "settings": "Engine and SqliteStore, uvloop",
            "travel": "time_travel; a new run, the source is not written to",
            # Private, and only for PRAGMAs: what holds is what the writing connection says.
            **await self._store._connection.call(_pragmas),  # noqa: SLF001
        }

    async def _result(self, run_id: str) -> object:
        run = await self._engine.wait(run_id)
        return run.result and json.loads(run.result.json)


def _pragmas(connection: sqlite3.Connection) -> Mapping[str, object]:
    return {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous")
    }


async def main() -> None:
    db = Path(sys.argv[1]) / "engine.db"
    store = await SqliteStore.open(db)
    engine = Engine(
        store,
        all_workflows(),
        clock=SystemClock(),
        new_id=lambda: str(uuid7()),
        random=random.random,
        settings=EngineSettings(),
    )
    await engine.start()
    try:
        await answer_all(InProcess(engine, store, db))
    finally:
        await engine.stop(0)
        await store.close()


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # opening a store may warn, and is no news here
    uvloop.run(main())
