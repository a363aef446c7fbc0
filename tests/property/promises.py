"""
What holds after every action, whatever it was (semantics.md §8).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from dalsegno.engine.commands import StepPage, Suspension
from dalsegno.model.event import Event, EventType
from dalsegno.model.record import Record, StepStatus
from dalsegno.model.run import Run, RunStatus
from tests.property.rows import RunRows
from tests.property.world import World
from tests.unit.engine.audit import check_records, check_run

_MANY = 100_000


class Promises:
    """
    Compares what is stored with what was, and with what the bodies and watchers have seen.

    Attributes:
        shown: The records that each run shows, by address, as of the last check.
        asked: The suspensions of each run.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._rows: Mapping[str, RunRows] = {}
        self._reused: dict[str, dict[str, Record]] = {}
        self.shown: dict[str, Mapping[str, Record]] = {}
        self.asked: dict[str, Sequence[Suspension]] = {}

    async def check(
        self, *, accepted: AbstractSet[str] = frozenset(), makes: AbstractSet[str] = frozenset()
    ) -> None:
        """
        Check all promises.

        Args:
            accepted: Runs that the last action was about, if it was accepted.
            makes: Runs that it may have made.
        """
        world = self._world
        before, self._rows = self._rows, world.rows.read()
        assert not world.ledger.wrong, "\n".join(world.ledger.wrong)
        assert not world.complaints, "\n".join(world.complaints)
        assert before.keys() <= self._rows.keys(), "a run has vanished"
        assert self._rows.keys() - before.keys() <= makes, "a run that nobody asked for"
        for run_id, now in self._rows.items():
            if run_id in before:
                self._check_rest(run_id, before[run_id], now, is_accepted=run_id in accepted)
            if run_id not in before or now.history != before[run_id].history:
                await self._check_moved(run_id)
        await self._check_watching()
        self._check_memory()

    @staticmethod
    def _check_rest(run_id: str, before: RunRows, now: RunRows, *, is_accepted: bool) -> None:
        """
        What rests does not move unless it is told to, and what has ended not even then.
        """
        assert now.requests == before.requests or is_accepted or not before.status.is_at_rest
        if now.history != before.history:
            assert not before.status.is_terminal, f"{run_id} changed after its end"
            assert is_accepted or not before.status.is_at_rest, f"{run_id} changed at rest"

    def forget(self, run_id: str) -> None:
        """
        A run was deleted.
        """
        assert run_id not in self._world.rows.read()
        self._rows = {at: rows for at, rows in self._rows.items() if at != run_id}
        for known in (self._world.runs, self.shown, self.asked):
            del known[run_id]

    # A run that has moved.

    async def _check_moved(self, run_id: str) -> None:
        store = self._world.store
        thread = self._world.thread
        run = thread.call(store.run(run_id))
        assert run is not None
        events = thread.call(store.events(run_id, after=0, limit=_MANY))
        steps = store.steps(run_id, after_sequence=-1, after_address="", limit=_MANY)
        records = thread.call(steps)
        check_run(run, events)
        check_records(events, records)
        self._check_entries(run_id, events)
        await self._check_view(run, events, records)

    def _check_entries(self, run_id: str, events: Sequence[Event]) -> None:
        """
        A body was entered once for each `step_started` at most, and each outcome had an entry.
        """
        entries = self._world.ledger.entries
        started = Counter(
            event.address
            for event in events
            if event.type is EventType.STEP_STARTED and event.attempt is not None
        )
        for (entered_in, address), count in entries.items():
            if entered_in == run_id:
                assert count <= started[address], f"{address} of {run_id} executed untold"

    async def _check_view(self, run: Run, events: Sequence[Event], own: Sequence[Record]) -> None:
        engine = self._world.engine
        whole = await engine.steps(run.run_id, page=None, limit=_MANY)
        shown = {record.address: record for record in whole.records}
        assert len(shown) == len(whole.records), "an address is shown twice"
        self._check_reused(run, shown)
        view = await engine.view(run.run_id, with_steps=False)
        self.shown[run.run_id] = shown
        self.asked[run.run_id] = view.suspensions
        if not run.status.is_at_rest:
            return  # it may have gone on since its records were read
        made = [each for each in whole.records if each.run_id == run.run_id]
        assert [each for each in made if each.status is not StepStatus.NOT_RUN] == list(own)
        assert whole.records == tuple(await self._by_threes(run.run_id))
        asked = tuple(suspension.address for suspension in view.suspensions)
        if run.status is RunStatus.SUSPENDED:
            assert asked, f"{run.run_id} is suspended and asks nothing"
            assert events[-1].addresses == asked
        assert not (asked and run.status.is_terminal)

    async def _by_threes(self, run_id: str) -> list[Record]:
        page = StepPage((), None)
        records: list[Record] = []
        while page.next is not None or not records:
            page = await self._world.engine.steps(run_id, page=page.next, limit=3)
            records.extend(page.records)
            if not page.records:
                break
        return records

    def _check_reused(self, run: Run, shown: Mapping[str, Record]) -> None:
        """
        A replay does not execute what it reuses, and shows the same for ever: nothing comes in
        later, and what is there is replaced by records of its own alone.
        """
        own = run.run_id
        reused = {at: record for at, record in shown.items() if record.run_id != own}
        for address in reused:
            assert not self._world.ledger.entries[own, address], f"{address} was reused, and ran"
        at_first = self._reused.setdefault(own, reused)
        for address, record in reused.items():
            assert at_first.get(address) == record, f"{own} shows a later {address}"
        assert not reused or run.lineage is not None

    # Who watches, and what is left in memory.

    async def _check_watching(self) -> None:
        for watching in self._world.watching:
            run = self._world.runs[watching.run_id]
            log = await self._world.engine.events(watching.run_id, after_sequence=0, limit=_MANY)
            watching.check(run, log)

    def _check_memory(self) -> None:
        engine = self._world.engine
        if self._world.rests:
            watched = {each.run_id for each in self._world.watching if not each.is_over}
            assert engine._feed._tails.keys() == watched
            assert not engine._locks._locks
