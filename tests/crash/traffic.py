"""
Traffic: callers who start runs, answer, pause, cancel and replay them, whatever the server does.
"""

import asyncio
import random
from dataclasses import dataclass
from typing import Any

from dalsegno.client import Client, DalsegnoError, Run, RunStatus
from dalsegno.client.errors import RunFinished
from tests.crash.ledger import CONTEXT_KEY
from tests.crash.told import Answer, Start, Told, digest
from tests.crash.workflows import RESULTS, TARGETS

# Shares of runs to which something is done besides.
_TWICE = 0.2
_AT_ONCE = 0.3
_PAUSED = 0.1
_CANCELED = 0.03
_REPLAYED = 0.3
_REPLAYED_EARLY = 0.1


@dataclass(slots=True)
class Caller:
    """
    One who drives run after run to its end.

    Attributes:
        ledger: Where bodies find it.
        ending: Set when nothing new is to be begun.
    """

    client: Client
    name: str
    ledger: str
    told: Told
    rng: random.Random
    ending: asyncio.Event
    number: int = 0

    async def call(self) -> None:
        """
        Drive runs until the traffic is to end.
        """
        while not self.ending.is_set():
            try:
                await self._drive_one()
            except DalsegnoError as error:
                self.told.complaints.append(f"{self.name}: {error!r}")

    async def _drive_one(self) -> None:
        workflow_id = self.rng.choice(list(RESULTS))
        value = self.rng.randrange(1000)
        result = RESULTS[workflow_id](value)
        run_id = self._new_id()
        self.told.active.add(run_id)
        try:
            await self._start(Start(run_id, workflow_id, result), value)
            await self._disturb(run_id)
            run = await self._to_the_end(run_id)
            if run.status is RunStatus.SUCCESS and self._chances(_REPLAYED):
                await self._replay(run)
        finally:
            self.told.active.discard(run_id)

    async def _start(self, start: Start, value: int) -> None:
        request_id = f"start-{start.run_id}"
        context = {CONTEXT_KEY: self.ledger}

        async def ask() -> Run:
            return await self.client.start_run(
                start.workflow_id,
                input_data=value,
                run_id=start.run_id,
                request_id=request_id,
                request_context=context,
            )

        async def ask_and_wait() -> Run:
            return await self.client.run(
                start.workflow_id,
                input_data=value,
                run_id=start.run_id,
                request_id=request_id,
                request_context=context,
            )

        if self.rng.random() < _AT_ONCE:
            self._rests(await ask_and_wait())
        else:
            times = 2 if self.rng.random() < _TWICE else 1
            runs = await asyncio.gather(*(ask() for _ in range(times)))
            self._same(runs, start.run_id)
        self.told.started(start, "start")

    async def _disturb(self, run_id: str) -> None:
        """
        Pause or cancel some runs somewhere on their way.
        """
        chance = self.rng.random()
        if chance > _PAUSED + _CANCELED:
            return
        await asyncio.sleep(self.rng.uniform(0, 1.5))
        try:
            if chance < _CANCELED:
                await self.client.cancel(run_id, request_id=f"cancel-{run_id}")
                self.told.canceled.add(run_id)
                self.told.counts["cancel"] += 1
            else:
                await self.client.pause(run_id, request_id=f"pause-{run_id}")
                self.told.counts["pause"] += 1
        except RunFinished:
            pass

    async def _to_the_end(self, run_id: str) -> Run:
        """
        Wait for a run, and answer whatever it asks, until it has ended.
        """
        number = 0
        while True:
            run = await self.client.wait_run(run_id)
            self._rests(run)
            if run.status.is_terminal:
                return run
            number += 1
            if run.status is RunStatus.SUSPENDED and self._chances(_REPLAYED_EARLY):
                await self._replay(run)
            await self._go_on(run, f"resume-{run_id}-{number}")

    async def _go_on(self, run: Run, request_id: str) -> None:
        times = 2 if self.rng.random() < _TWICE else 1
        asked: dict[str, Any] = {}  # a paused run just goes on
        if run.status is RunStatus.SUSPENDED:
            asked = {"step": run.suspensions[0].address, "resume_data": True}
        resume = self.client.resume
        runs = await asyncio.gather(
            *(resume(run.run_id, request_id=request_id, **asked) for _ in range(times))
        )
        self._same(runs, run.run_id)
        if asked:
            self.told.answered(Answer(run.run_id, asked["step"]))
        for answered in runs:
            self._rests(answered)

    async def _replay(self, source: Run) -> None:
        """
        Travel to some step of a run, and drive the replay to its end.
        """
        start = self.told.starts[source.run_id]
        reached = [step for step in TARGETS[source.workflow_id] if step in source.steps]
        replay_id = self._new_id()
        if source.status.is_terminal:
            self.told.sources[source.run_id] = await fingerprint(self.client, source.run_id)
        self.told.active.add(replay_id)
        try:
            replay = await self.client.time_travel(
                source.run_id,
                self.rng.choice(reached),
                new_run_id=replay_id,
                request_id=f"travel-{replay_id}",
            )
            self.told.started(
                Start(replay_id, start.workflow_id, start.result, source.run_id), "travel"
            )
            self._rests(replay)
            await self._to_the_end(replay_id)
        finally:
            self.told.active.discard(replay_id)

    def _chances(self, share: float) -> bool:
        return self.rng.random() < share and not self.ending.is_set()

    def _new_id(self) -> str:
        self.number += 1
        return f"{self.name}-{self.number}"

    def _same(self, runs: list[Run], run_id: str) -> None:
        if any(run.run_id != run_id for run in runs):
            self.told.complaints.append(f"{run_id}: repeated, it was {runs}")

    def _rests(self, run: Run) -> None:
        if not run.status.is_at_rest:
            self.told.complaints.append(f"{run.run_id}: answered at rest, as {run.status}")
        if run.status.is_terminal:
            self.told.ended[run.run_id] = run


async def fingerprint(client: Client, run_id: str) -> bytes:
    """
    Digest of all that can be seen of a run.
    """
    run = await client.get_run(run_id)
    steps = [step async for step in client.list_steps(run_id)]
    told = [event async for event in client.list_events(run_id)]
    return digest((run, steps, told))
