"""
Dal Segno as it is used: a server with its default settings, and callers in this process.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Mapping
from importlib.metadata import version
from pathlib import Path

from google.protobuf.json_format import MessageToDict

from bench.calls import Calls, connected
from bench.peers.service import Contender, Place, answer_all, check, rotated
from dalsegno.v1 import run_pb2, run_service_pb2

_WORKFLOWS = "bench.peers.workflows:all_workflows"
_STOP_S = 30.0


class ThroughGrpc(Contender):
    def __init__(self, calls: Calls, server_pid: int, db: Path) -> None:
        self._calls, self._server_pid, self._db = calls, server_pid, db

    @property
    def calls(self) -> None:
        return None  # the server knows

    async def run(self, steps: int, text: str | None = None) -> str:
        if text is None:
            run = await self._calls.run(f"numbers_{steps}")
            check("result", _result(run), steps)
        else:
            run = await self._calls.run(f"texts_{steps}", json.dumps(text).encode())
            check("result", _result(run), rotated(text, steps))
        return run.run_id

    async def travel(self, run_id: str, steps: int) -> None:
        check("result", _result(await self._calls.time_travel(run_id, f"s{steps - 1}")), steps)

    async def look(self, run_id: str) -> object:
        answer = await self._calls.runs.GetRun(run_service_pb2.GetRunRequest(run_id=run_id))
        return MessageToDict(answer.run)

    def place(self) -> Place:
        return {"database": str(self._db), "writer": self._server_pid}

    async def facts(self) -> Mapping[str, object]:
        return {
            "version": version("dalsegno"),
            "settings": "dalsegno serve, default settings; Run and TimeTravel, BASIC",
            "travel": "TimeTravel; a new run, the source is not written to",
            "journal_mode": None,  # as in process, but nobody outside can ask the connection
            "synchronous": None,
        }


def _result(run: run_pb2.Run) -> object:
    return json.loads(run.result.json)


@contextlib.asynccontextmanager
async def _serving(db: Path) -> AsyncIterator[tuple[str, int]]:
    """
    A server's address and process id.
    """
    dalsegno = Path(sys.executable).with_name("dalsegno")
    process = await asyncio.create_subprocess_exec(
        *(str(dalsegno), "serve", "--json", "--workflows", _WORKFLOWS, "--db", str(db)),
        *("--listen", "127.0.0.1:0", "--set", "log_level=error"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        ready = json.loads(await process.stdout.readline())
        yield ready["address"], process.pid
        process.terminate()
        await asyncio.wait_for(process.wait(), _STOP_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def main() -> None:
    db = Path(sys.argv[1]) / "server.db"
    async with _serving(db) as (address, pid), connected(address) as calls:
        await answer_all(ThroughGrpc(calls, pid, db))


if __name__ == "__main__":
    asyncio.run(main())
