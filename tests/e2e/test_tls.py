"""
TLS from end to end: the server's certificate, and clients that trust its authority.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from dalsegno.client import Client, Patience, Unavailable
from tests.e2e.service import Service, dalsegno

CERTIFICATE = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    files = ("-keyout", folder / "key.pem", "-out", folder / "cert.pem")
    names = ("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    subprocess.run(
        ["openssl", *CERTIFICATE.split(), *files, *names], check=True, capture_output=True
    )
    return folder


@pytest.fixture(scope="module")
def secure(authority: Path) -> Iterator[Service]:
    tls = ("--tls-cert", authority / "cert.pem", "--tls-key", authority / "key.pem")
    service = Service(authority / "runs.db", options=tuple(map(str, tls)))
    service.start()
    yield service
    assert service.stop() == 0


async def test_a_client_that_trusts_the_authority_is_served(
    secure: Service, authority: Path
) -> None:
    credentials = grpc.ssl_channel_credentials((authority / "cert.pem").read_bytes())

    async with Client(secure.address, credentials=credentials) as client:
        run = await client.run("echoes", input_data=[1])
        told = [event.type async for event in client.watch_run(run.run_id)]

    assert run.result == [1]
    assert told[-1] == "run_completed"


async def test_a_client_without_tls_is_not_served(secure: Service) -> None:
    async with Client(secure.address, patience=Patience(connect_s=0.0)) as client:
        with pytest.raises(Unavailable):
            await client.get_run("r-1")


def test_the_command_line_trusts_the_authority_it_is_given(
    secure: Service, authority: Path
) -> None:
    served = dalsegno("workflows", "--tls-ca", authority / "cert.pem", server=secure.address)
    stranger = dalsegno("workflows", "--tls", server=secure.address)

    assert (served.code, stranger.code) == (0, 7)
    assert "checkout" in served.out
