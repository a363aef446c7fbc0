"""
Real server processes, started cheaply: forked from one that has imported everything.
"""

import asyncio
import multiprocessing
from collections.abc import Mapping
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.conformance import serving
from tests.conformance.scenario import Definition

_START_S = 20.0  # a start takes a tenth of a second; this bounds a hang
_STOP_S = 10.0  # many times the grace a stopping server gives its step bodies

# The fork server is a program of its own: it has none of our threads, and gRPC only imported.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([serving.__name__])


class ServerFailed(Exception):
    """
    A server did not start, did not stop, or ended by itself; the message is its last word.
    """


class Server:
    """
    A running server.

    Attributes:
        address: Where it listens.
    """

    def __init__(self, folder: Path, process: BaseProcess, line: Connection, address: str) -> None:
        self._folder = folder
        self._process = process
        self._line = line
        self.address = address

    @classmethod
    async def start(cls, folder: Path, definitions: Mapping[str, Definition]) -> "Server":
        """
        Serve these definitions on the store in the folder.

        Raises:
            ServerFailed: It did not get so far.
        """
        ours, theirs = _PROCESSES.Pipe()
        process = _PROCESSES.Process(
            target=serving.main, args=(theirs, folder, dict(definitions)), daemon=True
        )
        process.start()
        theirs.close()
        server = cls(folder, process, ours, "")
        try:
            async with asyncio.timeout(_START_S):
                server.address = await asyncio.to_thread(ours.recv)
        except (EOFError, TimeoutError) as error:
            await server.kill()
            raise ServerFailed(f"the server did not start: {server.last_word()}") from error
        except BaseException:
            await server.kill()
            raise
        return server

    async def stop(self) -> None:
        """
        Let it stop by itself (SIGTERM).

        Raises:
            ServerFailed: It does not, or not as it should; it is gone nevertheless.
        """
        self._process.terminate()
        await asyncio.to_thread(self._process.join, _STOP_S)
        code = self._process.exitcode
        await self.kill()
        if code != 0:
            how = "did not stop" if code is None else f"stopped with exit code {code}"
            raise ServerFailed(f"the server {how}: {self.last_word()}")

    async def kill(self) -> None:
        """
        End it at once (SIGKILL).
        """
        self._process.kill()
        await asyncio.to_thread(self._process.join)
        self._line.close()

    def last_word(self) -> str:
        """
        Last line of its log.
        """
        log = self._folder / serving.LOG
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return lines[-1] if lines else "it has said nothing"
