"""
Lives of a server: each ends by SIGKILL, at some moment or at some failpoint.
"""

import asyncio
import random
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from dalsegno.model.failpoint import Failpoint
from tests.e2e.service import Service

LIFE_S_MAX = 2.0  # after the server has said that it is ready
_AT_FAILPOINT = 0.4  # share of lives that end at a failpoint
_HITS_MAX = 150  # of the one that kills; about a second of traffic
_GIVEN_UP = "its server died 11 times in a row"
_DAWDLING = ("publish.before=sleep:5", "answer.before=sleep:5", "commit.after=sleep:5")


@dataclass(slots=True)
class Killer:
    """
    Starts a server again and again at one address, and kills it.

    Attributes:
        kills: How often it was killed so far, and how often by a failpoint.
    """

    service: Service
    rng: random.Random
    kills: int = 0
    by_failpoint: int = 0
    _options: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._options = self.service.options

    async def kill(self) -> None:
        """
        One life.
        """
        armed = self._armed()
        self.service.options = (*self._options, "--set", f"failpoints={armed}")
        is_ready = await self._start(may_die="kill" in armed)
        if is_ready and "kill" in armed:
            await self._dies()
        elif is_ready:
            await asyncio.sleep(self.rng.uniform(0, LIFE_S_MAX))
        if is_ready:
            await asyncio.to_thread(self.service.kill)
        self.kills += 1

    async def stop(self) -> list[str]:
        """
        Let the server stop; what servers have logged that they should not have.

        That a run was given up may happen: lives are so short here that a run which is taken up
        late in eleven of them in a row gets no further.
        """
        code = 0
        with suppress(AssertionError):  # of errors in the log, which are looked at here
            code = await asyncio.to_thread(self.service.stop)
        errors = [line for line in self._log.splitlines() if "[error" in line]
        wrong = [line for line in errors if _GIVEN_UP not in line]
        return wrong if code == 0 else [*wrong, f"the server ended with {code}"]

    def end(self) -> None:
        """
        Leave no server behind.
        """
        if self.service.process is not None:
            self.service.kill()

    async def start(self) -> None:
        """
        Start a server that is not to die.
        """
        self.service.options = self._options
        await self._start(may_die=False)

    def _armed(self) -> str:
        if self.rng.random() < _AT_FAILPOINT:
            point = self.rng.choice(list(Failpoint))
            return f"{point}=kill@{self.rng.randint(1, _HITS_MAX)}"
        return self.rng.choice(_DAWDLING) if self.rng.random() < _AT_FAILPOINT else ""

    async def _start(self, *, may_die: bool) -> bool:
        """
        Start a server; False if it died before it was ready.
        """
        try:
            await asyncio.to_thread(self.service.start)
        except AssertionError:
            if not may_die or '{"error"' in self._log:
                raise
            self.by_failpoint += 1
            return False
        return True

    async def _dies(self) -> None:
        """
        Wait until the failpoint was hit, or until it is clear that it will not be.
        """
        process = self.service.process
        assert process is not None
        for _ in range(int(LIFE_S_MAX * 50)):
            if process.poll() is not None:
                assert process.returncode == -signal.SIGKILL, self._log
                self.by_failpoint += 1
                return
            await asyncio.sleep(0.02)

    @property
    def _log(self) -> str:
        """
        What servers have logged so far: errors only, so there should be nothing.
        """
        return self.service.db.with_suffix(".log").read_text()


def service(folder: Path, address: str) -> Service:
    """
    A server of the suite's workflows, which puts runs down soon.
    """
    return Service(
        folder / "runs.db",
        address=address,
        workflows="tests.crash.workflows",
        options=("--set", "wait_in_memory_s=0.5"),
    )
