"""
Programs of this folder as processes of their own, and what the system tells of them.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

_START_S = 120.0  # bounds a hang; a start takes a second or two, with a large database ten
_ANSWER_S = 300.0
_STOP_S = 60.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Child:
    """
    A process that has said it is ready.

    Attributes:
        said: Its first line; of a server, its address.
    """

    said: str
    process: asyncio.subprocess.Process

    async def ask(self, line: str) -> str:
        """
        Say a line and wait for the answer, a line, too.

        Raises:
            RuntimeError: It has ended.
        """
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        return await _line(self.process, _ANSWER_S)

    @property
    def cpu_s(self) -> float:
        """
        Processor time of all its threads so far.
        """
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    @property
    def memory_bytes(self) -> int:
        """
        Its resident set, with what it shares. Not its part of that (Pss), which gets less when
        another program of Python's starts.
        """
        return self._number("status", "VmRSS:") * 1024

    @property
    def memory_peak_bytes(self) -> int:
        """
        The largest that has been so far.
        """
        return self._number("status", "VmHWM:") * 1024

    @property
    def written_bytes(self) -> int:
        """
        What it has handed to files so far, whether or not it is on a disk yet.
        """
        return self._number("io", "wchar:")

    def _number(self, file: str, name: str) -> int:
        rows = self._proc(file).splitlines()
        return next(int(row.split()[1]) for row in rows if row.startswith(name))

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self.process.pid}/{name}").read_text()


@contextlib.asynccontextmanager
async def child(module: str, *arguments: str) -> AsyncIterator[Child]:
    """
    ``python -m module`` from its first line until the block is left, when it is told to end.

    Raises:
        RuntimeError: It did not start, or did not end by itself.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Child(await _line(process, _START_S), process)
        process.send_signal(signal.SIGTERM)
        if code := await asyncio.wait_for(process.wait(), _STOP_S):
            raise RuntimeError(f"{module} stopped with exit code {code}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _line(process: asyncio.subprocess.Process, within_s: float) -> str:
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), within_s)
    if not line:
        raise RuntimeError("a process has ended too early; its last words are above")
    return line.decode().strip()


async def questions() -> AsyncIterator[str]:
    """
    In a child: the lines it is asked, until it is told to end.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    loop.add_signal_handler(signal.SIGTERM, reader.feed_eof)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield line.decode()
