import pytest

from dalsegno.model.event import EventType
from dalsegno.model.payload import Payload, Ref
from dalsegno.model.record import NodeKind, StepStatus
from dalsegno.model.run import RunStatus


def test_a_run_is_finished_in_three_statuses_only() -> None:
    finished = {status for status in RunStatus if status.is_terminal}

    assert finished == {RunStatus.SUCCESS, RunStatus.FAILED, RunStatus.CANCELED}


def test_a_run_rests_when_nothing_goes_on_before_a_caller_acts() -> None:
    restless = {status for status in RunStatus if not status.is_at_rest}

    assert restless == {RunStatus.PENDING, RunStatus.RUNNING, RunStatus.WAITING}


def test_a_step_is_active_while_its_run_has_to_do_with_it() -> None:
    active = {status for status in StepStatus if status.is_active}

    assert active == {StepStatus.RUNNING, StepStatus.WAITING, StepStatus.SUSPENDED}


@pytest.mark.parametrize("type_", EventType)
def test_only_three_events_end_a_run_and_two_more_let_it_rest(type_: EventType) -> None:
    ends = {EventType.RUN_COMPLETED, EventType.RUN_FAILED, EventType.RUN_CANCELED}

    assert type_.ends_run is (type_ in ends)
    assert type_.rests_run is (type_ in ends | {EventType.RUN_SUSPENDED, EventType.RUN_PAUSED})


def test_two_kinds_of_node_are_loops() -> None:
    assert {kind for kind in NodeKind if kind.is_loop} == {NodeKind.DO_WHILE, NodeKind.DO_UNTIL}


def test_a_payload_stays_where_it_was_stored_first() -> None:
    new = Payload(b"1")

    stored = new.stored("run", 3)

    assert stored == Payload(b"1", Ref("run", 3))
    assert stored.stored("other", 9) is stored
