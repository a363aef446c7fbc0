"""
The limit of every stream: a grpc.aio server that sends ready messages, and nothing else.

    python -m bench.raw_stream FILE

FILE holds the messages, each behind its length in four bytes. A request says how many of them are
to be sent, in decimal.
"""

import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import grpc
import uvloop

from bench.processes import questions

METHOD = "/bench.Raw/Stream"
_LENGTH_BYTES = 4


def write(path: Path, messages: Sequence[bytes]) -> None:
    framed = (len(text).to_bytes(_LENGTH_BYTES, "big") + text for text in messages)
    path.write_bytes(b"".join(framed))


def _read(path: Path) -> Iterator[bytes]:
    text, at = path.read_bytes(), 0
    while at < len(text):
        begin = at + _LENGTH_BYTES
        at = begin + int.from_bytes(text[at:begin], "big")
        yield text[begin:at]


async def _serve(messages: Sequence[bytes]) -> None:
    async def stream(request: bytes, _: object) -> AsyncIterator[bytes]:
        for message in messages[: int(request)]:
            yield message

    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    _, service, method = METHOD.split("/")
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_stream_rpc_method_handler(stream)
    services = grpc.method_handlers_generic_handler(service, {method: handler})
    server.add_generic_rpc_handlers((services,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"127.0.0.1:{port}", flush=True)
    async for _ in questions():
        pass
    await server.stop(None)


if __name__ == "__main__":
    uvloop.run(_serve(list(_read(Path(sys.argv[1])))))
