"""
The machine's clock is set while a server runs, and while none does.

The goal: timers fire when they should by a clock that nobody sets, no run is lost or taken over,
and nothing hangs. The method: a preloaded library moves the server's wall clock to and fro while
runs sleep, back off, wait for answers and run out of time; bodies tell when they were called by
the monotonic clock, which all processes of a machine share.
"""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from dalsegno.client import Client, RunEvent, RunStatus, events
from tests.e2e.service import Service
from tests.faults import shims
from tests.faults.timing import BACKOFF_S, DEADLINE_S, NAP_S

HOUR_S, DAY_S = 3600.0, 86_400.0
OFF_S = 1.0  # what a timer may be off
PATIENCE_S = 20
SHARE = 0.1  # by how much of its time a wait may be shorter: small corrections are followed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@dataclass
class Machine:
    """
    A server on a machine whose clock can be set.
    """

    service: Service
    library: Path

    @property
    def _file(self) -> Path:
        return self.service.db.with_name("offset")

    def set(self, offset_s: float) -> None:
        """
        Move the clock to this much off the real one.
        """
        new = self._file.with_name("offset.new")
        new.write_text(str(round(offset_s * 1000)))
        new.rename(self._file)

    async def start(self) -> None:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("LD_PRELOAD", str(self.library))
            environment.setenv("CLOCK_FILE", str(self._file))
            await asyncio.to_thread(self.service.start)

    @property
    def log(self) -> str:
        return self.service.db.with_suffix(".log").read_text()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    options = ("--set", "log_level=warning", "--set", "wait_in_memory_s=1", "--set", "lease_s=4")
    service = Service(tmp_path / "runs.db", workflows="tests.faults.timing", options=options)
    yield Machine(service, shims.build("clock", tmp_path))
    if service.process is not None:
        service.kill()


@dataclass
class Lag:
    """
    How late timers of this process were, on a machine that has other things to do.
    """

    most_s: float = 0.0
    _ticks: list[float] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def measured(cls) -> AsyncIterator["Lag"]:
        lag = cls()
        watching = asyncio.create_task(lag._watch())
        yield lag
        watching.cancel()

    async def _watch(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.02)
            self.most_s = max(self.most_s, time.monotonic() - before)


async def jump(machine: Machine, chance: random.Random) -> None:
    """
    An hour back, a day to and fro, and then small steps every 100 ms.
    """
    for offset_s in (-HOUR_S, DAY_S, 0.0, -DAY_S, 0.0):
        await asyncio.sleep(0.5)
        machine.set(offset_s)
    offset_s = 0.0
    for _ in range(20):
        await asyncio.sleep(0.1)
        offset_s += chance.uniform(-0.3, 0.3)
        machine.set(offset_s)


def stamps(told: list[RunEvent]) -> list[float]:
    """
    When its bodies were called, and ended by force.
    """
    return [event.data for event in told if isinstance(event, events.StepOutput)]


def assert_waited(told: list[RunEvent], began: float, wait_s: float, lag_s: float) -> None:
    """
    Args:
        began: When the run was asked for. The time of a whole run counts from there, not from
            its first body.
    """
    called = stamps(told)
    if wait_s == DEADLINE_S:
        called[0] = began
    for before, after in pairwise(called):
        assert wait_s * (1 - SHARE) - 0.05 <= after - before <= wait_s + OFF_S + 2 * lag_s, told


async def test_timers_fire_in_time_however_the_clock_is_set(machine: Machine) -> None:
    seed = int(os.environ.get("CLOCK_SEED", random.SystemRandom().randrange(10**6)))
    waits_s = {"napping": NAP_S, "retrying": BACKOFF_S, "late": DEADLINE_S}
    await machine.start()

    async with Client(machine.service.address) as client, Lag.measured() as lag:

        async def live(workflow: str, wait_s: float) -> tuple[float, float, list[RunEvent]]:
            began = time.monotonic()
            told = [event async for event in client.run_stream(workflow, input_data=1)]
            return began, wait_s, told

        jumping = asyncio.create_task(jump(machine, random.Random(seed)))
        waits: list[asyncio.Task[tuple[float, float, list[RunEvent]]]] = []
        asked = await client.run("asking", input_data=1)
        while not jumping.done():
            waits += [asyncio.create_task(live(name, wait_s)) for name, wait_s in waits_s.items()]
            await asyncio.wait([jumping], timeout=0.4)
        await jumping
        answered = await client.resume(asked.run_id, resume_data=True)
        async with asyncio.timeout(PATIENCE_S):
            histories = await asyncio.gather(*waits)

    assert machine.service.stop() == 0
    assert answered.status is RunStatus.SUCCESS
    for began, wait_s, told in histories:
        assert [event.sequence for event in told] == list(range(1, len(told) + 1))
        assert not any(isinstance(event, events.RunRestarted) for event in told)
        assert isinstance(told[-1], events.RunCompleted | events.RunFailed)
        assert len(stamps(told)) == {NAP_S: 2, BACKOFF_S: 3, DEADLINE_S: 2}[wait_s]
        assert_waited(told, began, wait_s, lag.most_s)
    assert machine.log.count("has jumped") == 5
    assert "taken for dead" not in machine.log


async def test_a_clock_that_was_set_while_no_server_ran_is_believed(machine: Machine) -> None:
    """
    A sleep that is due by the new time ends at the start; one that has become longer can be
    canceled, and goes on when the clock is set forward again. Nothing else notices.
    """
    await machine.start()
    async with Client(machine.service.address) as client:
        for run_id in ("first", "second", "third"):
            await client.start_run("slumbering", run_id=run_id, input_data=1)

    machine.service.kill()
    machine.set(-HOUR_S)
    await machine.start()
    async with Client(machine.service.address) as client, Lag.measured() as lag:
        began = time.monotonic()
        told = [event async for event in client.run_stream("napping", input_data=1)]
        assert_waited(told, began, NAP_S, lag.most_s)
        assert {(await client.get_run(name)).status for name in ("first", "second", "third")} == {
            RunStatus.WAITING
        }
        assert (await client.cancel("third")).status is RunStatus.CANCELED

    machine.service.kill()
    machine.set(DAY_S)
    await machine.start()
    async with Client(machine.service.address) as client:
        for run_id in ("first", "second"):
            told = [event async for event in client.watch_run(run_id)]
            assert [event.sequence for event in told] == list(range(1, len(told) + 1))
            assert isinstance(told[-1], events.RunCompleted)
        third = [event async for event in client.watch_run("third")]
    assert [event.sequence for event in third] == list(range(1, len(third) + 1))
    assert third[0].time - third[-1].time > timedelta(minutes=30)
    assert machine.service.stop() == 0
