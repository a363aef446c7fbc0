"""
What a client sends with its calls, where, and over which connections.
"""

from dataclasses import replace

import grpc
import pytest

from dalsegno.client import Client
from tests.unit.client.conftest import QUICK
from tests.unit.client.scripted import ScriptedRuns, Wire, event, scripted_server

TLS = grpc.ssl_channel_credentials()


async def test_a_token_is_sent_with_every_call(runs: ScriptedRuns, wire: Wire) -> None:
    await runs.tell(event(1, "run_started"), event(2, "run_completed"))
    async with Client(f"127.0.0.1:{wire.port}", token="t0k3n", patience=QUICK) as client:
        for call in (
            client.run("w"),
            anext(client.watch_run("r-1")),
            anext(client.run_stream("w")),
        ):
            runs.metadata = {}
            await call
            assert runs.metadata["authorization"] == "Bearer t0k3n"
            assert runs.metadata["dalsegno-payload-form"] == "json"


async def test_without_a_token_nothing_is_sent_in_its_place(
    client: Client, runs: ScriptedRuns
) -> None:
    await client.run("w")

    assert "authorization" not in runs.metadata


@pytest.mark.parametrize(
    "target",
    [
        "example.com:7070",
        "10.0.0.7:7070",
        "127.0.0.1.example.com:7070",
        "localhost.example.com:7070",
        "[2001:db8::1]:7070",
        "dns:///127.0.0.1:7070",
    ],
)
def test_a_token_does_not_leave_the_machine_without_tls(target: str) -> None:
    with pytest.raises(ValueError, match=r"a token is not sent to .+ without TLS"):
        Client(target, token="t0k3n")

    Client(target, token="t0k3n", credentials=TLS)
    Client(target, token="t0k3n", allow_plaintext_token=True)
    Client(target)


@pytest.mark.parametrize("target", ["127.0.0.1:1", "localhost:1", "[::1]:1", "unix:/run/a.sock"])
def test_a_token_may_go_to_the_own_machine_in_plain_text(target: str) -> None:
    Client(target, token="t0k3n")


async def test_a_stream_goes_on_when_the_server_rotates_its_connection() -> None:
    """
    The method: a server that ends connections after 0.2 s, and cuts what is still open then. It
    tells the rest once the stream is back.
    """
    rotating = (("grpc.max_connection_age_ms", 200), ("grpc.max_connection_age_grace_ms", 50))
    patience = replace(QUICK, delay_s=0.01)
    async with scripted_server(rotating) as (runs, wire):
        await runs.tell(event(1, "run_started"), event(2, "step_started"))
        sequences = []
        async with Client(f"127.0.0.1:{wire.port}", patience=patience) as client:
            async for got in client.watch_run("r-1"):
                sequences.append(got.sequence)
                if got.sequence == 2:
                    async with runs.changed:
                        await runs.changed.wait_for(lambda: runs.open_streams == 0)
                    await runs.tell(event(3, "step_completed"), event(4, "run_completed"))

    assert sequences == [1, 2, 3, 4]
    assert wire.connections > 1
