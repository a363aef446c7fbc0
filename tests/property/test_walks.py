"""
Random programs on random workflows: whatever is asked of a run, what always holds does hold.

The goal: no order of starts, answers, travels, pauses, cancellations, deaths and recoveries breaks
a promise of semantics.md §8. The method: hypothesis draws a workflow, a seed (of the order in
which things happen at once) and actions; after each one everything is compared with what was
before, and with what the bodies and watchers have seen. Bodies are coroutines: plain functions
run on threads, whose order cannot be repeated; they have tests of their own.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import pytest
from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from dalsegno.engine.commands import Accepted
from dalsegno.model import jsontext
from dalsegno.model.errors import (
    DalsegnoError,
    RunActive,
    RunHasReplays,
    SequenceOutOfRange,
    TargetNotReached,
)
from dalsegno.model.record import Record, StepStatus
from dalsegno.model.run import Run
from tests.property.commands import Answer, Cancel, Command, Pause, Start, Travel
from tests.property.expected import check_answer, check_lineage, check_target
from tests.property.graphs import Flow, flows
from tests.property.programs import TURNS, VALUES, Programs
from tests.property.promises import Promises
from tests.property.stepped_store import StoreThread
from tests.property.world import World

IS_DEEP = settings.get_current_profile_name() == "deep"
PROFILE = settings.get_profile("deep" if IS_DEEP else "walks")

_RUNS_MAX = 8  # in one program: each is compared after every action
_ANSWERS_MAX = 60  # to one run, before it must be over


def drawn(draws: Callable[[Programs], st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """
    What is drawn from the runs there are when it is drawn.
    """
    return st.runner().flatmap(lambda machine: draws(machine.programs))


def has_runs(machine: "Walks") -> bool:
    return bool(machine.world.runs)


def has_room(machine: "Walks") -> bool:
    return len(machine.world.runs) < _RUNS_MAX


class Walks(RuleBasedStateMachine):
    """
    The actions. Ids of runs are run-1, run-3 and so on, in the order they are made.
    """

    thread: StoreThread

    @initialize(flow=flows(), seed=st.integers(0, 999), input=VALUES, turns=TURNS)
    def begin(self, flow: Flow, seed: int, input: Any, turns: int | None) -> None:
        self.world = World(flow, seed, self.thread)
        self.promises = Promises(self.world)
        self.programs = Programs(self.world, self.promises)
        self.requests = 0
        self.last: tuple[Command, str, Accepted] | None = None
        self.plain: set[str] = set()  # nothing was given to them that a travel does not get again
        self.start(Start(input), turns)

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.close()

    # Commands.

    @precondition(has_room)
    @rule(command=drawn(Programs.starts), turns=TURNS)
    def start(self, command: Start, turns: int | None) -> None:
        (answer,) = self._act([command], turns)
        assert isinstance(answer, Accepted)
        self.plain.add(answer.run_id)

    @precondition(has_runs)
    @precondition(has_room)
    @rule(command=drawn(Programs.travels), turns=TURNS)
    def travel(self, command: Travel, turns: int | None) -> None:
        self._travel(command, turns)

    @precondition(has_runs)
    @rule(command=drawn(Programs.answers), turns=TURNS)
    def answer(self, command: Answer, turns: int | None) -> None:
        self._act([command], turns)

    @precondition(has_runs)
    @rule(command=drawn(Programs.signals), turns=TURNS)
    def signal(self, command: Command, turns: int | None) -> None:
        self._act([command], turns)

    @precondition(has_runs)
    @precondition(has_room)
    @rule(first=drawn(Programs.any), second=drawn(Programs.any), turns=TURNS)
    def at_once(self, first: Command, second: Command, turns: int | None) -> None:
        self._act([first, second], turns)

    @precondition(lambda self: self.last is not None)
    @rule()
    def ask_again(self) -> None:
        """
        A repeated request gets the same answer, and nothing happens.
        """
        assert self.last is not None
        command, request_id, answer = self.last
        assert self.world.do(self.world.send(command, request_id)) == answer
        self._check()

    # The world.

    @rule(turns=TURNS)
    def go_on(self, turns: int | None) -> None:
        self.world.do(self.world.go_on(turns))
        self._check()

    @rule(data=st.data())
    def mend(self, data: st.DataObject) -> None:
        """
        The code of a step is changed: from now on it only adds its letter.
        """
        ids = [part.id for part in self.world.flow.parts()]
        if ids:
            self.world.ledger.mended.add(data.draw(st.sampled_from(ids), "step"))
            self.plain.clear()

    @rule(grace_s=st.sampled_from([0, 5]))
    def stop(self, grace_s: float) -> None:
        self.world.do(self.world.stop(grace_s))
        self.world.do(self.world.go_on(None))
        self._check()

    @precondition(has_runs)
    @precondition(has_room)
    @rule(command=drawn(Programs.any), appends=st.integers(1, 12), is_kept=st.booleans())
    def die(self, command: Command, appends: int, is_kept: bool) -> None:
        """
        The server dies at an append that comes after the command; another one takes over.
        """
        dying = self.world.die_during(command, self._request_id(), appends, is_kept=is_kept)
        answer = self.world.do(dying)
        self.world.do(self.world.go_on(None))
        may_make = set(self.world.runs) if isinstance(command, Start | Travel) else set()
        subject = {command.run} if isinstance(command, Answer | Cancel | Pause) else set()
        self._check(accepted=subject, makes=may_make)
        if isinstance(answer, Accepted):
            assert answer.run_id in self.world.runs, "what was acknowledged is gone"

    # Questions, and calls without answers.

    @precondition(has_runs)
    @rule(data=st.data(), follow=st.booleans(), is_slow=st.booleans())
    def watch(self, data: st.DataObject, follow: bool, is_slow: bool) -> None:
        run_id = data.draw(st.sampled_from(self.programs.runs), "run")
        before = self.world.runs[run_id]
        after = data.draw(st.integers(0, before.newest_sequence + 1), "after")
        try:
            self.world.do(self.world.watch(run_id, after, follow=follow, is_slow=is_slow))
        except SequenceOutOfRange as refusal:
            newest = int(refusal.facts["newest"])
            assert newest < after
            assert newest == before.newest_sequence or not before.status.is_at_rest
        else:
            assert after <= self.world.runs[run_id].newest_sequence
        self._check()

    @precondition(has_runs)
    @rule(run_id=drawn(lambda programs: st.sampled_from(programs.runs)))
    def restart(self, run_id: str) -> None:
        """
        A run that has ended is answered with; of any other nothing was lost.
        """
        run = self.world.runs[run_id]
        try:
            answer = self.world.do(self.world.engine.restart(run_id))
        except RunActive:
            assert not run.status.is_terminal
        else:
            assert self.world.runs[run_id].status.is_terminal
            assert answer == Accepted(run_id, self.world.runs[run_id].newest_sequence)
        self._check()

    @precondition(has_runs)
    @rule(run_id=drawn(lambda programs: st.sampled_from(programs.runs)))
    def delete(self, run_id: str) -> None:
        run = self.world.runs[run_id]
        try:
            self.world.do(self.world.delete(run_id))
        except RunHasReplays:
            assert self._replays_of(run_id)
        except RunActive:
            assert not run.status.is_at_rest
        else:
            assert not self._replays_of(run_id)
            self.promises.forget(run_id)
            self.plain.discard(run_id)
            if self.last is not None and self.last[2].run_id == run_id:
                self.last = None
        self._check()

    def _replays_of(self, run_id: str) -> list[str]:
        made_from = {
            each.run_id: each.lineage.source_run_id
            for each in self.world.runs.values()
            if each.lineage is not None
        }
        return [replay for replay, source in made_from.items() if source == run_id]

    # Travels that change nothing.

    def sources(self) -> list[str]:
        """
        Runs that succeeded, and whose steps would give the same results again.
        """
        flow = self.world.flow
        if flow.has_race or (flow.is_told_its_state and not flow.is_a_line):
            return []
        plain = [run_id for run_id in self.plain if self.world.runs[run_id].status == "success"]
        return sorted(plain)

    @precondition(lambda self: has_room(self) and bool(self.sources()))
    @rule(data=st.data())
    def retrace(self, data: st.DataObject) -> None:
        """
        A travel that changes nothing ends as its source did, with the same records.
        """
        self.go_on(None)
        source = data.draw(st.sampled_from(self.sources()), "run")
        before = self.promises.shown[source]
        step = data.draw(st.sampled_from(list(before)), "step")
        answer = self._travel(Travel(source, step), None)
        if isinstance(answer, DalsegnoError):
            assert isinstance(answer, TargetNotReached)
            assert before[step].status is StepStatus.SKIPPED
            return
        replay = answer.run_id
        self._answer_as_before(replay, before)
        assert _ending(self.world.runs[replay]) == _ending(self.world.runs[source])
        now = self.promises.shown[replay]
        assert {at: _facts(now[at]) for at in now if at in before} == {
            at: _facts(before[at]) for at in before if at in now
        }
        if self.world.flow.is_a_line:
            assert now.keys() == before.keys()

    def _answer_as_before(self, run_id: str, before: Mapping[str, Record]) -> None:
        """
        Give each step that asks again the answer that it was given in the source.
        """
        while asked := self.promises.asked[run_id]:
            address = asked[0].address
            given = before[address].resume_data
            assert given is not None
            self._act([Answer(run_id, jsontext.parse(given.json), step=address)], None)

    # What all actions need.

    def _travel(self, command: Travel, turns: int | None) -> Accepted | DalsegnoError:
        source = self.world.runs[command.run]
        was_shown = self.promises.shown[command.run]
        (answer,) = self._act([command], turns)
        if isinstance(answer, DalsegnoError):
            event(f"travel refused: {answer.reason}")
            return answer
        event("travel accepted")
        replay = self.world.runs[answer.run_id]
        check_lineage(command, replay, source)
        check_target(command, replay, self.promises.shown[replay.run_id], was_shown)
        if command.run in self.plain and command == Travel(command.run, command.step):
            self.plain.add(answer.run_id)
        return answer

    def _act(
        self, commands: Sequence[Command], turns: int | None
    ) -> list[Accepted | DalsegnoError]:
        """
        Send commands, all at once if there are several, and check everything.
        """
        about = [self.world.runs.get(getattr(command, "run", "")) for command in commands]
        asked = dict(self.promises.asked)
        ids = [self._request_id() for _ in commands]
        answers = self.world.do(self._send(commands, ids, turns))
        for command, answer, run in zip(commands, answers, about, strict=True):
            if len(commands) == 1:
                waits = asked.get(run.run_id, ()) if run is not None else ()
                check_answer(command, answer, run, waits, self.world.flow)
        taken = [
            (command, request_id, answer)
            for command, request_id, answer in zip(commands, ids, answers, strict=True)
            if isinstance(answer, Accepted)
        ]
        self.last = taken[-1] if taken else self.last
        made = {
            answer.run_id for command, _, answer in taken if isinstance(command, Start | Travel)
        }
        self._check(accepted={answer.run_id for _, _, answer in taken} - made, makes=made)
        return answers

    async def _send(
        self, commands: Sequence[Command], ids: Sequence[str], turns: int | None
    ) -> list[Accepted | DalsegnoError]:
        sending = [self.world.send(*each) for each in zip(commands, ids, strict=True)]
        answers = await asyncio.gather(*sending)
        await self.world.go_on(turns)
        return list(answers)

    def _check(
        self, *, accepted: AbstractSet[str] = frozenset(), makes: AbstractSet[str] = frozenset()
    ) -> None:
        self.world.do(self.promises.check(accepted=accepted, makes=makes))

    def _request_id(self) -> str:
        self.requests += 1
        return f"request-{self.requests}"


def _ending(run: Run) -> tuple[object, ...]:
    return run.status, run.result and run.result.json, run.error


def _facts(record: Record) -> tuple[object, ...]:
    texts = [payload and payload.json for payload in (record.input, record.output)]
    return (record.status, *texts, record.error)


@pytest.fixture
def store_thread() -> Iterator[StoreThread]:
    # What thousands of servers log would hide the one program that failed.
    log = logging.getLogger("dalsegno.store")
    level = log.level
    log.setLevel(logging.ERROR)
    with StoreThread() as thread:
        yield thread
    log.setLevel(level)


@pytest.mark.slow
@pytest.mark.timeout(0 if IS_DEEP else 120)
def test_whatever_is_asked_every_promise_is_kept(store_thread: StoreThread) -> None:
    class WalksOnAThread(Walks):
        thread = store_thread

    run_state_machine_as_test(WalksOnAThread, settings=PROFILE)
