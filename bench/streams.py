"""
Streams of one run's events, beside a raw stream of the very same messages.
"""

import time
from collections import defaultdict
from collections.abc import AsyncIterable
from dataclasses import asdict, dataclass
from pathlib import Path

import grpc

from bench import raw_stream
from bench.calls import METADATA, channel_to, connected
from bench.findings import Bar, Findings, Table
from bench.processes import Child, child
from bench.rates import median
from bench.server import serving
from dalsegno.v1 import payload_pb2, run_service_pb2

_WATCH = "/dalsegno.v1.RunService/WatchRun"
_RUN = "/dalsegno.v1.RunService/RunStream"


@dataclass(frozen=True, slots=True)
class Sizes:
    events: int = 10_000
    rounds: int = 7
    first_rounds: int = 60


@dataclass(frozen=True, slots=True)
class Stream:
    """
    Attributes:
        per_s: Messages as they arrived, from the request to the end.
        of_raw: That, as a part of the raw stream's of the same round.
        cpu_us: Processor time that the server took for a message.
        first_ms: From the request to the first message, of a stream of 22.
    """

    kind: str
    per_s: float
    of_raw: float
    cpu_us: float
    first_ms: float


@dataclass(frozen=True, slots=True)
class _Way:
    """
    One way to get the events.

    Attributes:
        long, short: Requests for many messages, and for a few.
    """

    kind: str
    server: Child
    channel: grpc.aio.Channel
    method: str
    long: bytes
    short: bytes

    def stream(self, request: bytes) -> AsyncIterable[bytes]:
        # Nothing is decoded here, so that it is the servers that are compared.
        call: grpc.aio.UnaryStreamMultiCallable[bytes, bytes]
        call = self.channel.unary_stream(self.method)
        return call(request, metadata=METADATA)


async def measure(folder: Path, sizes: Sizes = Sizes()) -> Findings:
    async with (
        serving(folder / "streams.db", ["telling", "sequence_10"]) as server,
        connected(server.said) as calls,
        channel_to(server.said) as channel,
    ):
        told = await calls.run("telling", str(sizes.events).encode())
        short = await calls.run("sequence_10")
        log = _Way("log", server, channel, _WATCH, _watch(told.run_id), _watch(short.run_id))
        live = _Way(
            "live", server, channel, _RUN, _run("telling", sizes.events), _run("sequence_10")
        )
        messages = [message async for message in log.stream(log.long)]
        raw_stream.write(folder / "messages", messages)
        count = str(len(messages)).encode()
        async with (
            child("bench.raw_stream", str(folder / "messages")) as raw,
            channel_to(raw.said) as raw_channel,
        ):
            limit = _Way("raw", raw, raw_channel, raw_stream.METHOD, count, b"22")
            return _findings(await _in_turns([log, live, limit], sizes))


async def _in_turns(ways: list[_Way], sizes: Sizes) -> list[Stream]:
    """
    Args:
        ways: The raw one last.
    """
    per_s, cpu_us, first_ms = (defaultdict[str, list[float]](list) for _ in range(3))
    for _ in range(sizes.rounds):
        for way in ways:
            cpu_s, begun = way.server.cpu_s, time.perf_counter()
            messages = [message async for message in way.stream(way.long)]
            per_s[way.kind].append(len(messages) / (time.perf_counter() - begun))
            cpu_us[way.kind].append((way.server.cpu_s - cpu_s) / len(messages) * 1e6)
    for _ in range(sizes.first_rounds):
        for way in ways:
            first_ms[way.kind].append(await _first_ms(way))
    raw_per_s = per_s[ways[-1].kind]
    of_raw = {
        kind: [mine / raw for mine, raw in zip(found, raw_per_s, strict=True)]
        for kind, found in per_s.items()
    }
    return [
        Stream(way.kind, *(median(found[way.kind]) for found in (per_s, of_raw, cpu_us, first_ms)))
        for way in ways
    ]


async def _first_ms(way: _Way) -> float:
    begun, found = time.perf_counter(), 0.0
    async for _ in way.stream(way.short):
        found = found or time.perf_counter() - begun
    return found * 1000


def _findings(streams: list[Stream]) -> Findings:
    rows = [
        (
            item.kind,
            f"{item.per_s:,.0f}",
            f"{item.of_raw:.2f}",
            f"{item.cpu_us:.0f}",
            f"{item.first_ms:.2f}",
        )
        for item in streams
    ]
    columns = ("stream", "events/s", "of raw", "server's CPU µs/event", "first event ms")
    bars = [
        Bar(f"{item.kind} stream, against a raw one", item.of_raw, 0.5, is_floor=True)
        for item in streams[:-1]
    ]
    title = "One stream of a run's events, against a raw one of the same messages"
    return Findings([asdict(item) for item in streams], [Table(title, columns, rows)], bars)


def _watch(run_id: str) -> bytes:
    return run_service_pb2.WatchRunRequest(run_id=run_id).SerializeToString()


def _run(workflow_id: str, input_: int = 0) -> bytes:
    return run_service_pb2.RunStreamRequest(
        workflow_id=workflow_id, input_data=payload_pb2.Payload(json=str(input_).encode())
    ).SerializeToString()
