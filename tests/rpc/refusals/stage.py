"""
A server with one run in every state, all of which stays as it is while nothing but refusals happen.

Each run has a telling id: `finished`, `suspended`, `running` … so that a case of a refusal is data.
"""

import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.rpc.refusals import snapshot
from tests.rpc.refusals.asking import Fields, call, text
from tests.rpc.refusals.workflows import NOW, RECORDED
from tests.rpc.serving import Served, serving
from tests.rpc.workflows import GATES

PAYLOAD_BYTES_MAX = 1000

QUICK = {"stop_grace_s": 0.0}  # bodies at a gate would never end

ONE = text('{"v": 1}')

# Requests that were answered once, and may be repeated: RPC, and fields.
ANSWERED: Mapping[str, tuple[str, Fields]] = {
    "q-run": ("Run", {"run_id": "finished", "workflow_id": "math", "input_data": ONE}),
    "q-resume": ("Resume", {"run_id": "answered", "resume_data": ONE}),
    "q-travel": ("TimeTravel", {"run_id": "source", "step": "double", "new_run_id": "replay"}),
    "q-cancel": ("Cancel", {"run_id": "canceled", "reason": "enough"}),
    "q-cancel-live": ("Cancel", {"run_id": "canceled-live"}),
    "q-pause": ("Pause", {"run_id": "halted"}),
    "q-pause-paused": ("Pause", {"run_id": "paused"}),
    "q-go-on": ("Resume", {"run_id": "gone-on"}),
}

# What somebody did to the database while no server had it open.
_DAMAGE: Mapping[str, str] = {
    "bad-status": "UPDATE records SET status = 'fine' WHERE run = :run AND address = 'add'",
    "bad-kind": "UPDATE records SET kind = 'thing' WHERE run = :run AND address = 'add'",
    "bad-detail": "UPDATE records SET detail = '{' WHERE run = :run AND address = 'add'",
    "bad-output": """UPDATE events SET payload = CAST('{"v":' AS BLOB)
        WHERE run = :run AND type = 'step_completed' AND address = 'add'""",
    "bad-event": "UPDATE events SET type = 'step_danced' WHERE run = :run AND sequence = 2",
    "gap": "DELETE FROM events WHERE run = :run AND sequence = 2",
}


@dataclass
class Stage:
    """
    The server and its database, and how they were last seen.
    """

    served: Served
    db: Path
    rows: snapshot.Rows
    shown: Mapping[str, list[bytes]]

    def assert_rows_unchanged(self) -> None:
        before, self.rows = self.rows, snapshot.rows(self.db)
        assert self.rows == before

    async def assert_unchanged(self) -> None:
        """
        Nothing was written since the last look, and every question is answered as it was.
        """
        before, self.shown = self.shown, await snapshot.shown(self.served)
        assert self.shown == before
        self.assert_rows_unchanged()


@asynccontextmanager
async def staging(db: Path) -> AsyncIterator[Stage]:
    async with serving(db, RECORDED, **QUICK) as served:
        await _play_before(served)
    _damage(db)
    async with serving(db, NOW, payload_bytes_max=PAYLOAD_BYTES_MAX, **QUICK) as served:
        await _play_now(served)
        yield Stage(served, db, snapshot.rows(db), await snapshot.shown(served))


async def _play_before(served: Served) -> None:
    await served.run("changed", b"[1]", run_id="changed")
    await served.run("grown", b"1", run_id="grown")
    await served.run("orphan", b"1", run_id="orphan")
    for run_id in _DAMAGE:
        await served.run("math", b'{"v": 1}', run_id=run_id)


def _damage(db: Path) -> None:
    with closing(sqlite3.connect(db)) as connection, connection:
        for run_id, statement in _DAMAGE.items():
            found = connection.execute("SELECT key FROM runs WHERE run_id = ?", (run_id,))
            done = connection.execute(statement, {"run": found.fetchone()[0]})
            assert done.rowcount == 1


async def _play_now(served: Served) -> None:
    for run_id, workflow_id, given in (
        ("source", "math", b'{"v": 1}'),
        ("failed", "failing", b"1"),
        ("suspended", "asking", b"1"),
        ("suspended-twice", "asking_twice", b"1"),
        ("suspended-inside", "asking_inside", b"1"),
        ("canceled", "asking", b"1"),
        ("answered", "asking", b"1"),
        ("each", "each", b'[{"v": 1}, {"v": 2}]'),
        ("looped", "looping", b"1"),
        ("joined", "joining", b"1"),
        ("chosen", "choosing", b"1"),
        ("chosen-inside", "choosing_inside", b"1"),
        ("minded", "minding", b"1"),
        ("deleted", "math", b'{"v": 1}'),
    ):
        await served.run(workflow_id, given, run_id=run_id)
    await served.run("math", b'{"v": 1}', run_id="paused", per_step=True)
    await served.run("math", b'{"v": 1}', run_id="gone-on", per_step=True)
    for run_id, workflow_id in (
        ("running", "gated"),
        ("half", "half"),
        ("halted", "gated"),
        ("canceled-live", "gated"),
        ("waiting", "sleeping"),
    ):
        await begin(served, workflow_id, run_id)
    await until(served, "waiting", "run_waiting")
    for request_id in ANSWERED:
        await repeat(served, request_id)
    GATES.open("halted")
    await until(served, "halted", "run_paused")
    await call(served, "DeleteRun", {"run_id": "deleted"})


async def begin(served: Served, workflow_id: str, run_id: str) -> None:
    """
    Start a run whose input is its own id, and go on when its body waits at the gate of that name.
    """
    given = text(f'"{run_id}"')
    fields = {"run_id": run_id, "workflow_id": workflow_id, "input_data": given}
    await call(served, "StartRun", fields)
    if workflow_id != "sleeping":
        await GATES.entered(run_id)


async def until(served: Served, run_id: str, event: str) -> None:
    """
    Watch until the run has told of something.
    """
    watching = call(served, "WatchRun", {"run_id": run_id, "follow": True})
    async for response in watching:
        if response.event.WhichOneof("body") == event:
            break
    watching.cancel()


async def repeat(served: Served, request_id: str) -> Any:
    """
    Send one of the requests that are known, for the first time or again.
    """
    method, fields = ANSWERED[request_id]
    return await call(served, method, {**fields, "request_id": request_id})
