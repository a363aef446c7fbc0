"""
The ledger of effects: a process of its own, which outlives every server and answers a body only
when it has written down what the body said.

    python -m tests.crash.ledger SOCKET FILE
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from dalsegno.workflow import Context

CONTEXT_KEY = "ledger"  # of a run's request context: where its bodies find the ledger

_PATIENCE_S = 10  # with a ledger that starts
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Effect:
    """
    What a body said when it began.

    Attributes:
        at_ns: On the machine's monotonic clock, which all processes share.
        wall_us: On the wall clock, as the times of events.
        server: Process id of the server.
    """

    run_id: str
    address: str
    attempt: int
    key: str
    at_ns: int
    wall_us: int
    server: int

    @classmethod
    def of(cls, ctx: Context) -> "Effect":
        return cls(
            ctx.run_id,
            ctx.address,
            ctx.attempt,
            ctx.idempotency_key,
            time.monotonic_ns(),
            time.time_ns() // 1000,
            os.getpid(),
        )

    @property
    def line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"


async def note(ctx: Context) -> None:
    """
    Write down that this body has begun. Does nothing for a run without a ledger.
    """
    path = ctx.request_context.get(CONTEXT_KEY)
    if path is None:
        return
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(Effect.of(ctx).line)
    await reader.readexactly(1)
    writer.close()


def blocking_note(ctx: Context) -> None:
    """
    The same, for plain functions.
    """
    path = ctx.request_context.get(CONTEXT_KEY)
    if path is None:
        return
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(Effect.of(ctx).line)
        connection.recv(1)


@dataclass(frozen=True, slots=True)
class Ledger:
    """
    A ledger that is open.
    """

    socket: Path
    file: Path

    def effects(self) -> list[Effect]:
        """
        All that was written down so far, in that order.
        """
        return [Effect(**json.loads(line)) for line in self.file.read_text().splitlines()]


@contextmanager
def opened(folder: Path) -> Iterator[Ledger]:
    """
    A ledger in a folder, in a process that ends with the context.
    """
    ledger = Ledger(folder / "ledger.sock", folder / "ledger.jsonl")
    command = [sys.executable, "-m", "tests.crash.ledger", str(ledger.socket), str(ledger.file)]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"open\n"
            yield ledger
        finally:
            process.terminate()
            process.wait(_PATIENCE_S)


async def _serve(path: Path, file: Path) -> None:
    log = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        if line.endswith(b"\n"):  # else its server died in the middle of it: nothing was done yet
            os.write(log, line)
            writer.write(b"k")
        writer.close()

    server = await asyncio.start_unix_server(keep, path, backlog=1000)
    sys.stdout.write("open\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), Path(sys.argv[2])))
