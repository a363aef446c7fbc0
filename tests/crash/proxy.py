"""
A proxy that loses answers: the server has acted, and its caller never hears of it.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_GREETING_CHUNKS = 2  # of HTTP/2, before the first answer
_CHUNK_BYTES = 64 * 1024


class LossyProxy:
    """
    Passes requests on, and drops a share of what comes back, with the connection it came on.

    Attributes:
        address: Where it listens.
        passed, lost: Chunks of answers.
    """

    def __init__(self, server: str, share: float, rng: random.Random) -> None:
        self._server = server
        self._share = share
        self._rng = rng
        self._open: set[asyncio.Task[None]] = set()
        self.address = ""
        self.passed = 0
        self.lost = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["LossyProxy"]:
        listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        host, port = listener.sockets[0].getsockname()
        self.address = f"{host}:{port}"
        try:
            yield self
        finally:
            listener.close()
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        host, _, port = self._server.rpartition(":")
        try:
            answers, requests = await asyncio.open_connection(host, int(port))
            forth = asyncio.create_task(self._forth(reader, requests))
            try:
                await self._back(answers, writer)
            finally:
                forth.cancel()
                requests.close()
        except OSError:
            pass  # one of the two has gone: so does the other
        finally:
            writer.transport.abort()
            self._open.discard(task)

    async def _forth(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK_BYTES):
                writer.write(chunk)
                await writer.drain()
            writer.close()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """
        Return when the connection is over, or an answer is to be lost.
        """
        chunks = 0
        while chunk := await reader.read(_CHUNK_BYTES):
            chunks += 1
            if chunks > _GREETING_CHUNKS and self._rng.random() < self._share:
                self.lost += 1
                return
            self.passed += 1
            writer.write(chunk)
            await writer.drain()
