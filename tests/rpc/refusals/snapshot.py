"""
All that a server and its database know, to be compared.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc

from dalsegno.v1 import run_pb2
from tests.rpc.refusals.asking import call
from tests.rpc.serving import Served

_PAGE_SIZE = 7  # several pages of all that there is much of

_ALL = run_pb2.OutputOptions(
    view=run_pb2.RUN_VIEW_FULL, include_state=True, include_resume_labels=True
)

Rows = Mapping[str, list[tuple[Any, ...]]]


def rows(db: Path) -> Rows:
    """
    Every row of every table, by table, but for the leases: a server renews its own all the time.
    """
    with closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as connection:
        named = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
        tables = [name for (name,) in connection.execute(named) if name != "leases"]
        return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in tables}


async def shown(served: Served) -> Mapping[str, list[bytes]]:
    """
    What the server answers about every run: in lists, as a run with its state, its records and its
    events. A run that cannot be read is shown as what its callers are told.
    """
    runs = await _pages(served, "ListRuns", "runs")
    answers = {"": [_bytes(run) for run in runs]}
    for run in runs:
        answers[run.run_id] = [
            await _or_refused(_run(served, run.run_id)),
            await _or_refused(_bytes_of(served, "ListSteps", "steps", run.run_id)),
            await _or_refused(_bytes_of(served, "ListEvents", "events", run.run_id)),
        ]
    return answers


async def _run(served: Served, run_id: str) -> bytes:
    response = await call(served, "GetRun", {"run_id": run_id, "output": _ALL})
    return _bytes(response.run)


async def _bytes_of(served: Served, method: str, field: str, run_id: str) -> bytes:
    found = await _pages(served, method, field, run_id=run_id)
    return b"\n".join(map(_bytes, found))


async def _pages(served: Served, method: str, field: str, **fields: Any) -> list[Any]:
    found: list[Any] = []
    token = ""
    while True:
        asked = fields | {"page_size": _PAGE_SIZE, "page_token": token}
        response = await call(served, method, asked)
        found.extend(getattr(response, field))
        token = response.next_page_token
        if not token:
            return found


async def _or_refused(answer: Any) -> bytes:
    try:
        found: bytes = await answer
    except grpc.aio.AioRpcError as error:
        return f"{error.code()} {error.details()}".encode()
    return found


def _bytes(message: Any) -> bytes:
    data: bytes = message.SerializeToString(deterministic=True)
    return data
