"""
Whether the history of one run can be true, given what its bodies wrote into the ledger.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dalsegno.model.event import Event, EventType
from dalsegno.model.record import NodeKind, Record, StepStatus
from dalsegno.model.run import Run
from tests.crash.findings import Broken, Findings
from tests.crash.ledger import Effect
from tests.unit.engine.audit import check_records, check_run

_WITH_BODY = (NodeKind.STEP, NodeKind.TAP)
# The server reads its wall clock once and then counts evenly; bodies read it each time.
_CLOCKS_US = 20_000


@dataclass(frozen=True, slots=True)
class History:
    """
    All there is of one run.

    Attributes:
        seen: When clients first saw that an address had completed, monotonic.
    """

    run: Run
    events: Sequence[Event]
    records: Sequence[Record]
    effects: Sequence[Effect]
    seen: Mapping[str, int]

    def check(self, findings: Findings) -> None:
        """
        Add whatever is wrong with it.
        """
        self._check_story(findings)
        self._check_effects(findings)
        self._check_attempts(findings)
        self._check_timers(findings)

    def _check_story(self, findings: Findings) -> None:
        try:
            check_run(self.run, self.events)
            check_records(self.events, self.records)
        except AssertionError as problem:
            findings.add(Broken.HISTORY, f"{self.run.run_id}: {problem}")

    def _check_effects(self, findings: Findings) -> None:
        """
        No body begins once its completion is stored, or seen, and none twice under one server.
        """
        completed = {
            event.address: event.time_us
            for event in self.events
            if event.type is EventType.STEP_COMPLETED
        }
        calls: Counter[tuple[str, int, int]] = Counter()
        for effect in self.effects:
            stored_us = completed.get(effect.address)
            seen_ns = self.seen.get(effect.address)
            is_late = stored_us is not None and effect.wall_us > stored_us + _CLOCKS_US
            is_late = is_late or (seen_ns is not None and effect.at_ns > seen_ns)
            findings.require(Broken.REPEATED, not is_late, f"{effect}, completed {stored_us}")
            calls[effect.address, effect.attempt, effect.server] += 1
        for call, times in calls.items():
            findings.require(Broken.DOUBLED, times == 1, f"{self.run.run_id}: {call}")

    def _check_attempts(self, findings: Findings) -> None:
        """
        Every attempt was announced before it was made, and they were made one after the other.
        """
        made: dict[str, list[Effect]] = defaultdict(list)
        for effect in self.effects:
            made[effect.address].append(effect)
        records = {record.address: record for record in self.records}
        for address, record in records.items():
            told = [attempt.number for attempt in record.attempts]
            calls = sorted(made.pop(address, ()), key=lambda effect: effect.at_ns)
            numbers = [effect.attempt for effect in calls]
            is_sound = numbers == sorted(numbers) and set(numbers) <= set(told)
            if record.status is StepStatus.SUCCESS and record.kind in _WITH_BODY:
                is_sound = is_sound and set(numbers) == set(told)
            findings.require(
                Broken.ATTEMPTS,
                is_sound,
                f"{self.run.run_id} {address}: {record.status}, told {told}, made {numbers}",
            )
        findings.require(Broken.ATTEMPTS, not made, f"{self.run.run_id}: no record of {list(made)}")

    def _check_timers(self, findings: Findings) -> None:
        """
        A timer is set once, and what it holds back does not begin before it is due.
        """
        due_us: dict[tuple[str, int], int] = {}
        for event in self.events:
            place = event.address, event.attempt or 0
            if event.type in (EventType.STEP_WAITING, EventType.STEP_RETRYING):
                assert event.due_us is not None
                story = f"{self.run.run_id} {place} was set anew at {event.sequence}"
                findings.require(Broken.TIMERS, place not in due_us, story)
                due_us[place] = event.due_us
            elif event.type is EventType.STEP_COMPLETED:
                self._check_due(findings, event, due_us.get((event.address, 0)))
            elif event.type is EventType.STEP_STARTED:
                self._check_due(findings, event, due_us.get((place[0], place[1] - 1)))
        for effect in self.effects:
            due = due_us.get((effect.address, effect.attempt - 1), 0)
            is_early = effect.wall_us + _CLOCKS_US < due
            findings.require(Broken.TIMERS, not is_early, f"{effect} before {due}")

    def _check_due(self, findings: Findings, event: Event, due_us: int | None) -> None:
        is_early = due_us is not None and event.time_us < due_us
        story = f"{self.run.run_id} {event.address} at {event.sequence}: {event.time_us} < {due_us}"
        findings.require(Broken.TIMERS, not is_early, story)
