"""
Short lives of servers: processes forked from one that has imported everything already.

What is left out of `dalsegno serve` is the command line, which takes half a second to start.
"""

import asyncio
import multiprocessing
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from dalsegno import app, config
from dalsegno.workflow.loading import load
from tests.addresses import lasting_address

# Threads and gRPC's core do not survive a fork: the one who forks has neither.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["__main__", __name__, "tests.crash.workflows"])

_PATIENCE_S = 20


@dataclass(slots=True)
class Life:
    """
    A server over one database, at one address over all of its lives.
    """

    db: Path
    workflows: str = "tests.crash.workflows"
    address: str = field(default_factory=lasting_address)
    settings: dict[str, Any] = field(default_factory=dict)
    _process: ForkServerProcess | None = field(default=None, repr=False)

    def begin(self, failpoints: str = "") -> None:
        """
        Start; returns when calls are answered.
        """
        assert self._process is None, "it lives"
        told, teller = _FORKS.Pipe(duplex=False)
        given = {"db": self.db, "listen": self.address, "failpoints": failpoints, **self.settings}
        self._process = _FORKS.Process(target=_live, args=(given, self.workflows, teller))
        self._process.start()
        teller.close()
        with suppress(EOFError):  # it died before it was ready
            assert told.poll(_PATIENCE_S), "it does not start"
            self.address = told.recv()
        told.close()

    async def dies(self) -> None:
        """
        Wait until it has died by itself, as a failpoint makes it.
        """
        assert self._process is not None
        while self._process.exitcode is None:  # noqa: ASYNC110 - an event would take a thread
            await asyncio.sleep(0.01)
        code = self._ended()
        assert code == -signal.SIGKILL, f"it ended with {code}"

    def kill(self) -> None:
        """
        End it as a power cut does, if it has not ended.
        """
        if self._process is not None:
            self._process.kill()
            self._ended()

    def stop(self) -> None:
        """
        Let it end in good order.
        """
        assert self._process is not None
        self._process.terminate()
        code = self._ended()
        assert code == 0, f"it ended with {code}"

    def _ended(self) -> int | None:
        assert self._process is not None
        self._process.join(_PATIENCE_S)
        code = self._process.exitcode
        if code is not None:
            self._process.close()
            self._process = None
        return code


def _live(given: dict[str, Any], workflows: str, teller: Connection) -> None:
    settings = config.load(log_level="error", stop_grace_s=0.2, **given)
    app.run(settings, load(workflows), on_ready=teller.send)
