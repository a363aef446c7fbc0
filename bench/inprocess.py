"""
The engine without gRPC, in a process of its own, on the loop and with the settings of a server.

    python -m bench.inprocess DB WORKFLOW

Says when it is ready. Then each line it is given, ``CALLERS SECONDS``, is answered with a rate as
JSON.
"""

import json
import logging
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

import uvloop
from uuid_utils import uuid7

from bench.processes import questions
from bench.rates import rate
from bench.workflows import workflow
from dalsegno.config import Settings
from dalsegno.engine import Engine
from dalsegno.engine.commands import StartRun
from dalsegno.model.clock import SystemClock
from dalsegno.model.run import RunStatus
from dalsegno.store.sqlite import SqliteStore


@asynccontextmanager
async def started(db: Path, workflow_id: str) -> AsyncIterator[Engine]:
    store = await SqliteStore.open(db)
    engine = Engine(
        store,
        [workflow(workflow_id)],
        clock=SystemClock(),
        new_id=lambda: str(uuid7()),
        random=random.random,
        settings=Settings().engine(),
    )
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop(0)
        await store.close()


async def run(engine: Engine, workflow_id: str) -> None:
    """
    What a handler of Run does, without messages.

    Raises:
        RuntimeError: It did not end well.
    """
    accepted = await engine.run(StartRun(workflow_id, input_data=b"0"))
    known = await engine.wait(accepted.run_id)
    view = await engine.view(accepted.run_id, with_steps=False, known=known)
    if view.run.status is not RunStatus.SUCCESS:
        raise RuntimeError(f"run {view.run.run_id} is {view.run.status}: {view.run.error}")


async def _main(db: Path, workflow_id: str) -> None:
    async with started(db, workflow_id) as engine:
        print("ready", flush=True)
        async for question in questions():
            callers, seconds = question.split()
            found = await rate(
                lambda: run(engine, workflow_id), callers=int(callers), seconds=float(seconds)
            )
            print(json.dumps(asdict(found)), flush=True)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    sys.setswitchinterval(0.0005)  # as `dalsegno.app` does
    uvloop.run(_main(Path(sys.argv[1]), sys.argv[2]))
