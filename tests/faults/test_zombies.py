"""
A server is stopped, taken for dead, and comes back: a zombie.

The goal: from the moment another server has taken a run over nothing that the zombie does is
written, it lets go of its runs, its callers are told, and it goes on as a server among others.
The method: stop a server with SIGSTOP in the middle of runs whose bodies sign what they make; take
away the lock file that keeps a second server from its database, and start that second server. Then
wake the first one, and look at who signed what.
"""

import asyncio
import logging
import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dalsegno.client import Client, DalsegnoError, RunEvent, RunStatus, errors, events
from tests.crash import ledger
from tests.crash.ledger import Ledger
from tests.crash.life import Life
from tests.e2e.service import Service
from tests.faults.signing import COPIES, COUNT

# As many rounds as there is time for; with ZOMBIE_ROUNDS that many.
ROUNDS = int(os.environ.get("ZOMBIE_ROUNDS", "20"))
SECONDS = 15 if "ZOMBIE_ROUNDS" not in os.environ else 60 * ROUNDS

RUNS = 10
LEASE_S = 3.0  # a busy machine may keep a server from renewing it for one or two
TOLD_S = 10.0  # by then every caller of a zombie has its answer

_log = logging.getLogger(__name__)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90 + 10 * ROUNDS)]


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("ZOMBIE_SEED", random.SystemRandom().randrange(10**6)))


@dataclass
class Seen:
    """
    What the callers of a server saw.

    Attributes:
        completed: By run and address, when its completion was shown, on the monotonic clock.
        refusals: Why calls were given up.
    """

    completed: dict[tuple[str, str], int] = field(default_factory=dict)
    refusals: list[DalsegnoError] = field(default_factory=list)


class Pair:
    """
    Two servers on one database, which is what the lock file is there to prevent.
    """

    def __init__(self, folder: Path, chance: random.Random, ledger_at: Path) -> None:
        self._database = folder / "runs.db"
        self._chance = chance
        self._given: dict[str, Any] = {
            "input_data": {"count": 0},
            "request_context": {ledger.CONTEXT_KEY: str(ledger_at)},
        }
        self.seen = Seen()
        self.events: dict[str, list[RunEvent]] = {}
        self._lives: list[Life] = []

    async def begin(self) -> Life:
        """
        Another server, whoever else has the database.
        """
        self._database.with_name("runs.db.lock").unlink(missing_ok=True)
        life = Life(self._database, workflows="tests.faults.signing", settings={"lease_s": LEASE_S})
        self._lives.append(life)
        await asyncio.to_thread(life.begin)
        assert not life.address.endswith(":0"), "it does not start"
        return life

    def end(self) -> None:
        for life in self._lives:
            life.kill()

    async def haunt(self, old: Life | Service, name: str, other: Life | None = None) -> Life:
        """
        Stop a server, let another take over, wake the old one; both go on. Returns the other.

        Args:
            other: One that lives already, and takes over when the old one's lease has run out. A
                new one does so at once, since it believes to have the database for itself.
        """
        run_ids = [f"{name}-{number}" for number in range(RUNS)]
        async with AsyncExitStack() as resources:
            client = await resources.enter_async_context(Client(old.address))
            calls = [asyncio.create_task(self._call(client, run_id)) for run_id in run_ids[::2]]
            calls += [asyncio.create_task(self._watch(client, run_id)) for run_id in run_ids[1::2]]
            await asyncio.sleep(0.05 + self._chance.random() * 0.4)
            await stop_between_commits(old, self._database)
            started = await self._started(run_ids)
            resources.callback(os.kill, pid(old), signal.SIGCONT)
            new = other or await self.begin()
            reader = await resources.enter_async_context(Client(new.address))
            if other is None:
                await asyncio.sleep(self._chance.random() * 0.5)
            else:
                await history(reader, started[0])
            os.kill(pid(old), signal.SIGCONT)
            for run_id in started:
                self.events[run_id] = await history(reader, run_id)
            _, waiting = await asyncio.wait(calls, timeout=TOLD_S)
            assert not waiting, "callers of the zombie were told nothing"
            await self._is_itself_again(client)
        return new

    async def _is_itself_again(self, client: Client) -> None:
        """
        Let the old server begin and end a run; one that it begins before it knows that it was
        taken for dead goes to the other.
        """
        while True:
            try:
                run = await client.run("signed", **self._given)
            except errors.Conflict:
                continue
            assert run.status is RunStatus.SUCCESS
            return

    async def _call(self, client: Client, run_id: str) -> None:
        try:
            run = await client.run("signed", run_id=run_id, **self._given)
            assert run.result["count"] == COUNT
        except DalsegnoError as error:
            self.seen.refusals.append(error)

    async def _watch(self, client: Client, run_id: str) -> None:
        try:
            async for event in client.run_stream("signed", run_id=run_id, **self._given):
                if isinstance(event, events.StepCompleted):
                    self.seen.completed[run_id, event.address] = time.monotonic_ns()
        except DalsegnoError as error:
            self.seen.refusals.append(error)

    async def _started(self, run_ids: list[str]) -> list[str]:
        """
        The runs that were stored before the server stopped.
        """
        with closing(sqlite3.connect(self._database)) as connection:
            stored = {run_id for (run_id,) in connection.execute("SELECT run_id FROM runs")}
        return [run_id for run_id in run_ids if run_id in stored]


async def history(client: Client, run_id: str) -> list[RunEvent]:
    """
    All events of a run that comes to its end; on a busy machine it may change hands meanwhile.
    """
    while True:
        try:
            return [event async for event in client.watch_run(run_id)]
        except errors.Conflict:
            continue


def pid(server: Life | Service) -> int:
    process = server.process if isinstance(server, Service) else server._process
    assert process is not None
    assert process.pid is not None
    return process.pid


async def stop_between_commits(server: Life | Service, database: Path) -> None:
    """
    Stop a server, but not inside a transaction, which would keep everybody else from writing.
    """
    while True:
        os.kill(pid(server), signal.SIGSTOP)
        while not is_stopped(pid(server)):  # noqa: ASYNC110 - the kernel sets no event
            await asyncio.sleep(0)
        if is_free(database):
            return
        os.kill(pid(server), signal.SIGCONT)
        await asyncio.sleep(0.005)


def is_stopped(process: int) -> bool:
    """
    Whether the signal has reached every thread.
    """
    threads = Path(f"/proc/{process}/task").glob("*/stat")
    return all(thread.read_text().rpartition(")")[2].split()[0] == "T" for thread in threads)


def is_free(database: Path) -> bool:
    with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        connection.execute("ROLLBACK")
        return True


def signatures(told: list[RunEvent]) -> list[set[int]]:
    """
    Who signed what bodies told and made, from one takeover to the next.
    """
    segments: list[set[int]] = [set()]
    for event in told:
        match event:
            case events.RunRestarted():
                segments.append(set())
            case events.StepOutput():
                segments[-1].add(event.data["server"])
            case events.StepCompleted() if event.address not in COPIES:
                segments[-1].add(event.output["server"])
    return segments


def assert_sound(pair: Pair, book: Ledger, story: str) -> int:
    """
    One server at a time wrote each run, and all of it. Returns how many runs changed hands.
    """
    taken_over = 0
    for told in pair.events.values():
        assert [event.sequence for event in told] == list(range(1, len(told) + 1)), (story, told)
        assert isinstance(told[-1], events.RunCompleted), (story, told)
        assert told[-1].result["count"] == COUNT, (story, told)
        signed = signatures(told)
        assert all(len(each) <= 1 for each in signed), (story, told)
        taken_over += len(signed) > 1
    for effect in book.effects():
        seen_ns = pair.seen.completed.get((effect.run_id, effect.address))
        assert seen_ns is None or effect.at_ns < seen_ns, (story, effect)
    refused = {type(error) for error in pair.seen.refusals}
    assert refused <= {errors.Conflict, errors.Unavailable}, story
    return taken_over


async def test_a_zombie_writes_nothing_and_lets_go(tmp_path: Path, seed: int) -> None:
    rounds = 0
    with ledger.opened(tmp_path) as book:
        pair = Pair(tmp_path, random.Random(seed), book.socket)
        try:
            life = await pair.begin()
            ends = time.monotonic() + SECONDS
            while rounds < ROUNDS and time.monotonic() < ends:
                rounds += 1
                zombie = life
                life = await pair.haunt(zombie, f"round-{rounds}")
                zombie.kill()
        finally:
            pair.end()

        taken_over = assert_sound(pair, book, f"ZOMBIE_SEED={seed}")
    refused = len(pair.seen.refusals)
    _log.info("%d rounds, %d runs taken over, %d callers refused", rounds, taken_over, refused)
    assert taken_over > rounds


async def test_a_server_that_slept_through_its_lease_says_that_it_was_taken_for_dead(
    tmp_path: Path, seed: int
) -> None:
    """
    Here both servers live when the first one is stopped: the second waits for the lease to end.
    """
    options = ("--set", f"lease_s={LEASE_S}", "--set", "log_level=warning")
    old = Service(tmp_path / "runs.db", workflows="tests.faults.signing", options=options)
    log = old.db.with_suffix(".log")
    with ledger.opened(tmp_path) as book:
        pair = Pair(tmp_path, random.Random(seed), book.socket)
        await asyncio.to_thread(old.start)
        try:
            other = await pair.begin()  # takes the old one, which is well, for dead
            await until(lambda: "taken for dead" in log.read_text())
            before = log.read_text().count("taken for dead")  # a busy machine makes servers late
            await pair.haunt(old, "slept", other)
            await until(lambda: log.read_text().count("taken for dead") > before)
        finally:
            old.kill()
            pair.end()

        assert assert_sound(pair, book, f"ZOMBIE_SEED={seed}") > 0


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(TOLD_S):
        while not holds():  # noqa: ASYNC110 - it is about another process
            await asyncio.sleep(0.02)
