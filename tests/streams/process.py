"""
Servers in processes of their own, so that what they take can be measured, and taken from them.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from dalsegno.v1.run_service_pb2_grpc import RunServiceStub

# A client that takes in little ahead of its reader: what is not read stays with the server.
_NARROW = (
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 65536),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", 8 * 1024 * 1024),
)


@dataclass(frozen=True)
class Served:
    """
    A server process, and a client's way to it.
    """

    process: Process
    address: str
    channel: grpc.aio.Channel

    @property
    def runs(self) -> Any:
        return RunServiceStub(self.channel)

    def rss(self) -> int:
        """
        Bytes of memory the process takes now.
        """
        return self._status("VmRSS")

    def rss_peak(self) -> int:
        """
        Bytes of memory the process has taken at most.
        """
        return self._status("VmHWM")

    def _status(self, name: str) -> int:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        (line,) = [line for line in lines if line.startswith(f"{name}:")]
        return int(line.split()[1]) * 1024


@asynccontextmanager
async def server_process(
    db: Path, *, wrapped_in: Sequence[str] = (), **settings: Any
) -> AsyncIterator[Served]:
    """
    A server; it is killed at the end if it has not ended by then.

    Args:
        wrapped_in: A command that executes the one behind it, which is the server.
    """
    given = {"db": str(db), "listen": "127.0.0.1:0", "log_level": "warning", **settings}
    command = [*wrapped_in, sys.executable, "-m", "tests.streams.served", json.dumps(given)]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    try:
        assert process.stdout is not None
        address = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
        assert address, "the server did not start"
        async with grpc.aio.insecure_channel(address, _NARROW) as channel:
            yield Served(process, address, channel)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
