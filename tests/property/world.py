"""
One engine after the other on one database, in a world whose time and turns are known.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from dalsegno.engine import Engine, EngineSettings
from dalsegno.engine.commands import Accepted
from dalsegno.model.errors import DalsegnoError
from dalsegno.model.run import Run
from dalsegno.store.contract import Append
from dalsegno.store.sqlite import SqliteStore
from tests.fakes import JumpingClock, counted_ids
from tests.property.bodies import Ledger
from tests.property.commands import Answer, Cancel, Command, Pause, Start, Travel
from tests.property.graphs import Flow
from tests.property.rows import Rows
from tests.property.stepped_store import SteppedStore, StoreThread
from tests.property.watching import Watching

T = TypeVar("T")

_QUIET = 100  # turns of the loop after which nothing that is ready is left
_STUCK = 4000  # turns without an append or a body; far more than any wait of the engine takes
_TURNS_MAX = 3  # of one wait for the store
_PATIENCE_S = 20  # for what goes on by turns alone: nothing here ever waits for real time


class World:
    """
    A server, its database, and whoever watches its runs.

    Attributes:
        runs: Each run as it is on disk, in the order they were made.
        complaints: What the engine logged as wrong, and errors that nobody awaited.
    """

    def __init__(self, flow: Flow, seed: int, thread: StoreThread) -> None:
        self.flow = flow
        self.clock = JumpingClock()
        self.ledger = Ledger(self.clock)
        self.runs: dict[str, Run] = {}
        self.complaints: list[str] = []
        self.watching: list[Watching] = []
        self._workflow = flow.workflow(self.ledger)
        self._new_id = counted_ids()
        self._turns = random.Random(seed)
        self.thread = thread
        self._progress = 0
        self._open = ExitStack()
        folder = Path(self._open.enter_context(TemporaryDirectory(prefix="walks-")))
        self.store = thread.call(SqliteStore.open(folder / "runs.db"))
        self._open.callback(lambda: thread.call(self.store.close()))
        self.rows = Rows(folder / "runs.db")
        self._open.callback(self.rows.close)
        self._listen()
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._runner.get_loop().set_exception_handler(self._unawaited)
        self._open.callback(self._end)
        self.do(self._start())

    def close(self) -> None:
        self._open.close()

    def do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """
        Await something in this world; its time stands still before and after.
        """

        async def within_patience() -> T:
            async with asyncio.timeout(_PATIENCE_S):
                return await coroutine

        return self._runner.run(within_patience())

    # Asking the engine.

    async def send(self, command: Command, request_id: str) -> Accepted | DalsegnoError:
        """
        What the engine answers, be it a refusal.
        """
        engine = self.engine
        send: Any = {
            Start: engine.run,
            Answer: engine.resume,
            Travel: engine.time_travel,
            Cancel: engine.cancel,
            Pause: engine.pause,
        }[type(command)]
        try:
            accepted: Accepted = await send(command.to_engine(request_id))
        except DalsegnoError as refusal:
            return refusal
        return accepted

    async def watch(self, run_id: str, after: int, *, follow: bool, is_slow: bool) -> None:
        """
        Begin to watch a run.
        """
        batches = await self.engine.watch(run_id, after_sequence=after, follow=follow, idle_s=3600)
        pace = self._turns if is_slow else None
        self.watching.append(Watching(run_id, after, follow, batches, pace))

    async def delete(self, run_id: str) -> None:
        """
        Delete a run that nobody watches.
        """
        for each in self.watching:
            if each.run_id == run_id:
                await each.leave()
        self.watching = [each for each in self.watching if each.run_id != run_id]
        await self.engine.delete(run_id)

    async def go_on(self, turns: int | None) -> None:
        """
        Let turns of the event loop go by; None: until every run rests.
        """
        if turns is None:
            await self._until(lambda: self.rests)
            turns = _QUIET
        for _ in range(turns):
            await asyncio.sleep(0)

    @property
    def rests(self) -> bool:
        """
        Whether every run rests, none is in memory, and all who watch have seen it.
        """
        if self.engine._supervisor._walks:
            return False
        if not all(run.status.is_at_rest for run in self.runs.values()):
            return False
        return all(each.has_all(self.runs[each.run_id]) for each in self.watching)

    async def _until(self, holds: Callable[[], bool]) -> None:
        idle = 0
        while not holds():
            before = self._progress + self.ledger.entries.total()
            await asyncio.sleep(0)
            has_moved = self._progress + self.ledger.entries.total() > before
            idle = 0 if has_moved else idle + 1
            if idle > _STUCK:
                raise AssertionError(self._stuck())

    def _stuck(self) -> str:
        status = {run_id: run.status.value for run_id, run in self.runs.items()}
        live = list(self.engine._supervisor._walks)
        watched = [each.run_id for each in self.watching if not each.is_over]
        return f"stuck: {status}, in memory: {live}, watched: {watched}, {self.complaints}"

    # Stopping and dying.

    async def stop(self, grace_s: float) -> None:
        """
        Stop the server as it is asked to, and start another one.
        """
        await self.engine.stop(grace_s)
        await self.go_on(_QUIET)
        for watching in self.watching:
            watching.check_ended_by_stop()
        self.watching.clear()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"a stopped server goes on with {left}"
        await self._start()

    async def die_during(
        self, command: Command, request_id: str, appends: int, *, is_kept: bool
    ) -> Accepted | DalsegnoError | None:
        """
        Send a command to a server that dies at a later append, if it comes to that, and start
        another one. Returns what was answered before; None if nothing was.
        """
        self._stepped.die_at(appends, is_kept=is_kept)
        sending = asyncio.create_task(self.send(command, request_id))
        await self._until(lambda: self._stepped.is_dead or (sending.done() and self.rests))
        self._stepped.die_at(None)
        if not self._stepped.is_dead:
            return sending.result()
        answer = sending.result() if sending.done() else None
        await self._bury()
        await self._start()
        return answer

    async def _bury(self) -> None:
        """
        End what a dead server left in this process.
        """
        self._stepped.is_dead = True
        self.watching.clear()
        for _ in range(_STUCK):
            left = asyncio.all_tasks() - {asyncio.current_task()}
            for task in left:
                task.cancel()
            if not left:
                break
            await asyncio.sleep(0)
        self.complaints.clear()

    async def _start(self) -> None:
        # As whoever opens the file does: the server before is dead.
        self.thread.call(self.store.expire_leases(2**62, spare=0))
        self._stepped = SteppedStore(
            self.store,
            self.thread,
            self.clock,
            lambda: self._turns.randint(0, _TURNS_MAX),
            self._written,
        )
        self.engine = Engine(
            self._stepped.as_store,
            [self._workflow],
            clock=self.clock,
            new_id=self._new_id,
            random=lambda: 0.0,
            settings=EngineSettings(),
        )
        await self.engine.start()

    def _written(self, append: Append) -> None:
        self._progress += 1
        self.runs[append.run.run_id] = append.run
        self.ledger.written(append)

    def _end(self) -> None:
        self.do(self._bury())
        self._runner.close()

    # Complaints.

    def _listen(self) -> None:
        log = logging.getLogger("dalsegno.engine")
        handler = logging.Handler(logging.WARNING)
        handler.emit = lambda record: self.complaints.append(  # type: ignore[method-assign] # one use
            logging.Formatter().format(record)
        )
        log.addHandler(handler)
        self._open.callback(log.removeHandler, handler)

    def _unawaited(self, _: asyncio.AbstractEventLoop, facts: dict[str, Any]) -> None:
        self.complaints.append(f"{facts.get('message')}: {facts.get('exception')!r}")
