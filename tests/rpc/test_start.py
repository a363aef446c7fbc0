"""
A server starts, or says in one sentence why it cannot.
"""

import asyncio
from pathlib import Path

import grpc
import pytest

from dalsegno.app import serve
from dalsegno.config import Settings, StartError
from dalsegno.v1 import run_pb2
from dalsegno.v1 import run_service_pb2 as pb
from dalsegno.v1.run_service_pb2_grpc import RunServiceStub
from tests.rpc.serving import serving
from tests.rpc.workflows import WORKFLOWS

CERTIFICATES = Path(__file__).parent / "certificates"


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


async def refusal_to_start(settings: Settings) -> str:
    with pytest.raises(StartError) as caught:
        await serve(settings, WORKFLOWS)
    return str(caught.value)


async def test_a_second_server_on_the_same_port_is_refused(db: Path, tmp_path: Path) -> None:
    async with serving(db, WORKFLOWS) as server:
        other = Settings(db=tmp_path / "other.db", listen=server.address)
        problem = await refusal_to_start(other)
        run = await server.run("echo", b"1")

    assert problem == f"cannot listen on {server.address}: Address already in use"
    assert run.status == run_pb2.RUN_STATUS_SUCCESS


async def test_a_second_server_on_the_same_database_is_refused(db: Path) -> None:
    async with serving(db, WORKFLOWS) as server:
        problem = await refusal_to_start(Settings(db=db, listen="127.0.0.1:0"))
        run = await server.run("echo", b"1")

    assert str(db) in problem
    assert run.status == run_pb2.RUN_STATUS_SUCCESS


async def test_a_server_that_could_not_start_leaves_nothing_behind(db: Path) -> None:
    problem = await refusal_to_start(Settings(db=db, listen="192.0.2.1:0", insecure=True))
    assert problem.startswith("cannot listen on 192.0.2.1:0: ")

    async with serving(db, WORKFLOWS) as server:
        assert (await server.run("echo", b"1")).status == run_pb2.RUN_STATUS_SUCCESS


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.org:0"])
async def test_others_are_not_served_without_tls_unless_it_is_said(db: Path, listen: str) -> None:
    problem = await refusal_to_start(Settings(db=db, listen=listen))

    assert "without TLS" in problem
    assert not any(db.parent.iterdir())


async def test_everybody_is_served_if_it_is_said(db: Path) -> None:
    async with serving(db, WORKFLOWS, listen="0.0.0.0:0", insecure=True) as server:
        assert (await server.run("echo", b"1")).status == run_pb2.RUN_STATUS_SUCCESS


async def test_a_database_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    text = tmp_path / "text.db"
    text.write_text("this is no database, and long enough to be looked at as one" * 20)

    problem = await refusal_to_start(Settings(db=text, listen="127.0.0.1:0"))

    assert str(text) in problem


def spoil(db: Path) -> None:
    with db.open("r+b") as file:
        file.seek(db.stat().st_size // 4096 // 2 * 4096)
        file.write(b"\xa5" * 64)


async def test_a_damaged_database_is_served_only_if_nobody_is_to_look(db: Path) -> None:
    async with serving(db, WORKFLOWS) as server:
        for _ in range(30):
            await server.run("echo", b'"' + b"x" * 3000 + b'"')
    await asyncio.to_thread(spoil, db)

    problem = await refusal_to_start(Settings(db=db, listen="127.0.0.1:0"))

    assert problem.startswith(f"{db} is damaged (")
    async with serving(db, WORKFLOWS, integrity_check="off") as server:
        assert (await server.run("echo", b"1")).status == run_pb2.RUN_STATUS_SUCCESS


async def test_a_certificate_that_cannot_be_read_is_a_sentence(db: Path, tmp_path: Path) -> None:
    settings = Settings(
        db=db, listen="127.0.0.1:0", tls_cert=tmp_path / "no.pem", tls_key=tmp_path / "no.key"
    )

    assert await refusal_to_start(settings) == (
        f"cannot read {tmp_path / 'no.key'}: No such file or directory"
    )


async def test_a_certificate_that_is_none_is_a_sentence(db: Path, tmp_path: Path) -> None:
    pem = tmp_path / "wrong.pem"
    pem.write_text("no certificate")

    problem = await refusal_to_start(
        Settings(db=db, listen="127.0.0.1:0", tls_cert=pem, tls_key=pem)
    )

    assert problem == f"{pem} and {pem} are not a certificate and its key, in PEM"


async def test_clients_are_served_over_tls(db: Path) -> None:
    certificate = CERTIFICATES / "localhost.pem"
    tls = {"tls_cert": certificate, "tls_key": CERTIFICATES / "localhost.key"}
    trusted = grpc.ssl_channel_credentials(certificate.read_bytes())

    async with serving(db, WORKFLOWS, listen="0.0.0.0:0", **tls) as server:
        address = server.address.replace("0.0.0.0", "localhost")
        async with grpc.aio.secure_channel(address, trusted) as channel:
            stub = RunServiceStub(channel)
            answer = await stub.Run(pb.RunRequest(workflow_id="echo"), timeout=10)

    assert answer.run.status == run_pb2.RUN_STATUS_SUCCESS
