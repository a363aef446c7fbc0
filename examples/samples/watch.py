"""
Attach to a run that is on its way, lose the connection, and miss nothing.

    python -m examples.samples.watch
"""

import asyncio

from dalsegno.client import Client
from examples.samples.shared import ADDRESS, compact


class Wire:
    """
    TCP between client and server that can be cut, as networks are.

    Attributes:
        address: Where the client finds it.
        connections: How many it has accepted.
    """

    address = ""
    connections = 0

    def __init__(self) -> None:
        self._open: set[asyncio.StreamWriter] = set()

    async def listen(self) -> asyncio.Server:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        self.address = f"{host}:{port}"
        return server

    def cut(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        answers, questions = await asyncio.open_connection(*ADDRESS.rsplit(":", 1))
        await asyncio.gather(self._pump(reader, questions), self._pump(answers, writer))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        self._open.add(sink)
        try:
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            pass  # cut
        finally:
            self._open.discard(sink)
            sink.close()


async def main() -> None:
    async with Client(ADDRESS) as client:
        run = await client.start_run("countdown", input_data={"from": 20})
        print('run countdown {"from":20}')
        async for event in client.watch_run(run.run_id):
            if event.sequence == 5:
                break  # which cancels the call; the run goes on
        print("left after event 5")

        sequences = await watch_through_a_cut(run.run_id, after=5)
        last = sequences[-1]
        is_dense = sequences == list(range(6, last + 1))
        print(f"events: {len(sequences)}, from 6 to {last}")
        print(f"without gap or repetition: {'yes' if is_dense else 'no'}")
        run = await client.get_run(run.run_id)
        print(f"result: {compact(run.result)}")


async def watch_through_a_cut(run_id: str, *, after: int) -> list[int]:
    """
    The sequences of all events after the one given.
    """
    wire = Wire()
    sequences = []
    async with await wire.listen(), Client(wire.address) as client:
        async for event in client.watch_run(run_id, after_sequence=after):
            sequences.append(event.sequence)
            if event.sequence == 30:
                wire.cut()
                print("connection cut after event 30")
        print(f"connected again: {'yes' if wire.connections > 1 else 'no'}")
    return sequences


asyncio.run(main())
