"""
What every command that talks to a server has in common.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import grpc
import typer

from dalsegno.cli.exits import Exit
from dalsegno.cli.sentences import Unreachable
from dalsegno.cli.values import UsageError
from dalsegno.client import DEFAULT_TARGET, Client, Patience, Unavailable


@dataclass(frozen=True, slots=True)
class Common:
    """
    Which server a command talks to, and how it answers.
    """

    server: str
    is_json: bool
    tls: bool = False
    tls_ca: Path | None = None

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """
        A client that takes a server that never answered for one that is not there.

        Raises:
            Unreachable: Nobody answers.
        """
        # Once the server has answered its patience is as long as any client's: streams outlive
        # a restart of the server.
        patience = Patience(connect_s=0.0)
        client = Client(self.server, credentials=self._credentials(), patience=patience)
        async with client:
            try:
                yield client
            except Unavailable as error:
                if error.reason:
                    raise
                # gRPC tells the whole way it went; what stopped it comes last.
                raise Unreachable(self.server, error.message.rpartition(": ")[2]) from error

    def _credentials(self) -> grpc.ChannelCredentials | None:
        if self.tls_ca is None:
            return grpc.ssl_channel_credentials() if self.tls else None
        try:
            return grpc.ssl_channel_credentials(self.tls_ca.read_bytes())
        except OSError as error:
            raise UsageError(f"--tls-ca: cannot read {self.tls_ca}: {error.strerror}") from error


_Server = Annotated[
    str,
    typer.Option(envvar="DALSEGNO_SERVER", metavar="HOST:PORT", help="The server to talk to."),
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON, errors included.")]
_Tls = Annotated[bool, typer.Option("--tls", help="Talk TLS, and trust what this machine trusts.")]
_TlsCa = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Talk TLS, and trust the authorities in this PEM file."),
]
_KEYWORD = inspect.Parameter.KEYWORD_ONLY
_OPTIONS = [
    inspect.Parameter("server", _KEYWORD, default=DEFAULT_TARGET, annotation=_Server),
    inspect.Parameter("tls", _KEYWORD, default=False, annotation=_Tls),
    inspect.Parameter("tls_ca", _KEYWORD, default=None, annotation=_TlsCa),
    inspect.Parameter("json", _KEYWORD, default=False, annotation=_Json),
]


def talks(command: Callable[..., Coroutine[Any, Any, Exit]]) -> Callable[..., Exit]:
    """
    Make a command of a coroutine function that takes a `Common`: give it the options of one.
    """

    @wraps(command)
    def run(*, server: str, tls: bool, tls_ca: Path | None, json: bool, **own: Any) -> Exit:
        common = Common(server=server, is_json=json, tls=tls, tls_ca=tls_ca)
        return asyncio.run(command(common, **own))

    _, *own = inspect.signature(command).parameters.values()
    parameters = [*(item.replace(kind=_KEYWORD) for item in own), *_OPTIONS]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads it
    return run
