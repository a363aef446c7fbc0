"""
Puts a server together, runs it, and stops it.
"""

import asyncio
import logging
import random
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from uuid_utils import uuid7

from dalsegno.config import Settings, StartError, is_loopback, split_address
from dalsegno.engine import Engine
from dalsegno.model import failpoint
from dalsegno.model.clock import SystemClock
from dalsegno.model.errors import DalsegnoError
from dalsegno.rpc.server import RpcServer
from dalsegno.store.sqlite import SqliteStore, StoreOpenError
from dalsegno.telemetry import configure_logging
from dalsegno.watchdog import Watchdog
from dalsegno.workflow import Workflow

__all__ = ["StartError", "run", "serve"]

_log = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)

# For so long a thread may keep the interpreter from the event loop; it has to be won again after
# every look at the network. With two functions that compute, calls took 16 ms (p99) in place of
# 240 at Python's 5 ms, with sixteen 170 ms in place of 1,400. Functions that compute lose up to
# 10 % to it, servers without any nothing.
_SWITCH_S = 0.0005


def run(
    settings: Settings,
    workflows: Sequence[Workflow],
    *,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """
    Be a server until a signal asks to stop. Sets up logging; see `serve` for the rest.
    """
    configure_logging(settings)
    sys.setswitchinterval(_SWITCH_S)
    serving = serve(settings, workflows, on_ready=on_ready)
    try:
        import uvloop  # noqa: PLC0415 - faster by a quarter where there is one
    except ImportError:
        asyncio.run(serving)
    else:
        uvloop.run(serving)


async def serve(
    settings: Settings,
    workflows: Sequence[Workflow],
    *,
    on_ready: Callable[[str], None] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """
    Serve until *stop* is set, or SIGTERM or SIGINT comes; then finish in good order.

    In good order: health says NOT_SERVING, streams end with UNAVAILABLE, bodies and calls get
    their grace, the store is closed. A second signal ends the process at once, which loses
    nothing either: whatever was acknowledged is on disk.

    Once calls are answered, *on_ready* is called with HOST:PORT.

    Raises:
        StartError: It cannot start; nothing was executed.
    """
    _refuse_open_door(settings)
    stop = stop or asyncio.Event()
    store = await _open_store(settings)
    failpoint.arm(settings.failpoints)
    try:
        engine = Engine(
            store,
            workflows,
            clock=SystemClock(),
            new_id=lambda: str(uuid7()),
            random=random.random,
            settings=settings.engine(),
        )
        server = RpcServer(engine, settings)
        # Before the engine starts: a server that cannot be reached must not go on with runs.
        address = _bind(server, settings)
        lag_s = settings.loop_lag_ms / 1000
        with _stopping_on_signals(stop), Watchdog(engine.bodies, lag_s=lag_s):
            await _start_engine(engine)
            await _serve_until(stop, engine, server, settings, lambda: _ready(address, on_ready))
    finally:
        await store.close()
    _log.info("stopped")


async def _serve_until(
    stop: asyncio.Event,
    engine: Engine,
    server: RpcServer,
    settings: Settings,
    ready: Callable[[], None],
) -> None:
    grace_s = delay_s = 0.0  # unless we are asked to stop: then something is wrong
    try:
        await server.start()
        ready()
        await stop.wait()
        grace_s, delay_s = settings.stop_grace_s, settings.drain_s
        _log.info("stopping")
    finally:
        await server.drain(delay_s)
        await engine.stop(grace_s)
        await server.stop(grace_s)


def _ready(address: str, on_ready: Callable[[str], None] | None) -> None:
    _log.info("serving", extra={"address": address})
    if on_ready is not None:
        on_ready(address)


def _refuse_open_door(settings: Settings) -> None:
    host, _ = split_address(settings.listen)
    if not (is_loopback(host) or settings.has_tls or settings.insecure):
        raise StartError(
            f"others can reach {settings.listen}, and would be served without TLS: give tls_cert "
            "and tls_key, or insecure if everybody there may do everything"
        )


async def _open_store(settings: Settings) -> SqliteStore:
    try:
        return await SqliteStore.open(
            settings.db, integrity=settings.integrity_check, backup_dir=settings.backup_dir
        )
    except StoreOpenError as error:
        raise StartError(str(error)) from error


async def _start_engine(engine: Engine) -> None:
    try:
        await engine.start()
    except DalsegnoError as error:
        raise StartError(str(error)) from error


def _bind(server: RpcServer, settings: Settings) -> str:
    try:
        return server.bind()
    except OSError as error:
        raise StartError(f"cannot read {error.filename}: {error.strerror}") from error
    except RuntimeError as error:
        raise StartError(_why_not_bound(settings) or str(error)) from error


def _why_not_bound(settings: Settings) -> str | None:
    """
    Why gRPC could not listen, which it does not tell.
    """
    problem = _problem_with(*split_address(settings.listen))
    if problem is not None:
        return f"cannot listen on {settings.listen}: {problem}"
    if settings.has_tls:
        pair = f"{settings.tls_cert} and {settings.tls_key}"
        return f"{pair} are not a certificate and its key, in PEM"
    return None


def _problem_with(host: str, port: int) -> str | None:
    """
    What the system says to listening on an address; None if it has nothing against it.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(address)
    except OSError as error:
        return error.strerror
    return None


@contextmanager
def _stopping_on_signals(stop: asyncio.Event) -> Iterator[None]:
    """
    Let the first signal set *stop*, and the second end the process.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def begin() -> None:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        stop.set()

    for number in _SIGNALS:
        loop.add_signal_handler(number, begin)
    try:
        yield
    finally:
        for number, handler in before.items():
            with suppress(ValueError):  # the loop has closed what it needs for that
                loop.remove_signal_handler(number)
            signal.signal(number, handler)
