"""
Runs, their records and suspensions, as callers see them.
"""

import dataclasses
from typing import Any

import pytest
from google.protobuf.message import Message as ProtoMessage
from msgspec.structs import fields, replace

from dalsegno.engine.commands import Restarted, RunView, Suspension
from dalsegno.model.errors import RunActive
from dalsegno.model.lineage import Lineage
from dalsegno.model.payload import Payload
from dalsegno.model.record import Attempt, Error, NodeKind, Record, StepStatus
from dalsegno.model.run import Run, RunStatus, Tracing
from dalsegno.v1 import run_pb2 as pb
from dalsegno.v1.error_reason_pb2 import ERROR_REASON_RUN_ACTIVE
from dalsegno.v1.payload_pb2 import Payload as Message
from dalsegno.v1.run_service_pb2 import RestartFailure
from dalsegno.wire import enums
from dalsegno.wire.lineage import lineage_run_to_proto, lineage_to_proto
from dalsegno.wire.payload import Form
from dalsegno.wire.record import error_to_proto, record_to_proto
from dalsegno.wire.run import restarted_to_proto, run_to_proto

MIB = 1024 * 1024
DATA = Payload(b'{"v":1}')
ERROR = Error("ValueError", "no")
LINEAGE = Lineage("r-0", "b", "r-root", 2, ("context", "input_data"), "b")
TRACING = Tracing("a" * 32, "b" * 16, ("tag",), (("key", "value"),), ("user",))
RECORD = Record(
    run_id="r-1",
    address="inner.items[7]",
    kind=NodeKind.STEP,
    status=StepStatus.FAILED,
    first_sequence=3,
    started_us=10,
    input=DATA,
    output=DATA,
    error=ERROR,
    attempts=(Attempt(1, 10, 11, ERROR), Attempt(2, 12)),
    ended_us=13,
    suspend_payload=DATA,
    suspend_label="boss",
    suspended_us=14,
    resume_data=DATA,
    resumed_us=15,
    due_us=16,
)
RUN = Run(
    run_id="r-1",
    workflow_id="w",
    definition_hash="h",
    status=RunStatus.FAILED,
    created_us=1,
    input=DATA,
    request_context=DATA,
    initial_state=DATA,
    state=DATA,
    newest_sequence=9,
    started_us=2,
    ended_us=3,
    result=DATA,
    error=ERROR,
    lineage=LINEAGE,
    definition_changed=True,
    due_us=4,
    tracing=TRACING,
)
SUSPENSION = Suspension("a", "boss", DATA, 5, DATA)
EVERYTHING = pb.OutputOptions(include_state=True, include_resume_labels=True)


def shown(
    view: RunView, output: pb.OutputOptions = EVERYTHING, *, bytes_max: int = 4 * MIB
) -> pb.Run:
    return run_to_proto(view, output, form=Form.JSON, bytes_max=bytes_max)


def unset(message: ProtoMessage) -> set[str]:
    return set(message.DESCRIPTOR.fields_by_name) - {
        field.name for field, _ in message.ListFields()
    }


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (enums.RUN_STATUS, pb.RunStatus),
        (enums.STEP_STATUS, pb.StepStatus),
        (enums.NODE_KIND, pb.NodeKind),
    ],
)
def test_every_value_of_an_enum_has_its_counterpart(ours: dict[str, str], theirs: object) -> None:
    names = set(theirs.keys())  # type: ignore[attr-defined] # an EnumTypeWrapper

    assert set(ours.values()) == {name for name in names if not name.endswith("_UNSPECIFIED")}


def test_a_run_is_shown_with_everything() -> None:
    run = shown(RunView(RUN, (RECORD,), (SUSPENSION,), is_truncated=True))

    assert not unset(run)
    assert run.status == pb.RUN_STATUS_FAILED
    assert run.state == run.input == Message(json=DATA.json)
    assert run.create_time.ToMicroseconds() == 1
    assert run.lineage == lineage_to_proto(LINEAGE)
    assert list(run.steps) == ["inner.items[7]"]
    assert run.labels == {"boss": "a"}
    assert not unset(run.suspensions[0])


def test_a_run_shows_its_trace_and_what_the_caller_said_of_it() -> None:
    said = shown(RunView(RUN, (), ()))
    silent = shown(RunView(replace(RUN, tracing=Tracing("a" * 32)), (), ()))
    none = shown(RunView(replace(RUN, tracing=None), (), ()))

    assert not unset(said.tracing)
    assert said.tracing.metadata == {"key": "value"}
    assert (silent.trace_id, silent.HasField("tracing")) == ("a" * 32, False)
    assert {"trace_id", "tracing"} <= unset(none)


def test_state_and_labels_are_shown_only_if_asked_for() -> None:
    run = shown(RunView(RUN, (), (SUSPENSION,)), pb.OutputOptions())

    assert {"state", "labels"} <= unset(run)


def test_a_label_that_two_suspensions_share_names_neither() -> None:
    changes: list[dict[str, Any]] = [{}, {"address": "b"}, {"label": "other"}]
    twice = tuple(dataclasses.replace(SUSPENSION, **change) for change in changes)

    assert shown(RunView(RUN, (), twice)).labels == {"other": "a"}


def test_a_pending_run_has_neither_times_nor_result() -> None:
    pending = replace(
        RUN,
        status=RunStatus.PENDING,
        started_us=None,
        ended_us=None,
        due_us=None,
        result=None,
        error=None,
        lineage=None,
    )

    run = shown(RunView(pending, None, ()))

    assert {"start_time", "end_time", "due_time", "result", "error", "lineage"} <= unset(run)


def test_a_record_is_shown_with_everything() -> None:
    record = record_to_proto(replace(RECORD, is_given=True), run_id="r-2", form=Form.JSON)

    assert unset(record) == {"start_time", "end_time"}
    assert record.step_id == "items"
    assert record.iteration == 7
    assert record.reused_from_run_id == "r-1"
    assert [attempt.number for attempt in record.attempts] == [1, 2]
    assert not record.attempts[1].HasField("end_time")


def test_no_field_of_a_record_is_forgotten() -> None:
    """
    The goal: a new field is shown, or left out on purpose.
    The method: change each field of a record; what is shown must change too.
    """
    plain = Record("r-1", "a", NodeKind.MAP, StepStatus.WAITING, first_sequence=0, started_us=9)
    hidden = {"is_bailed", "last_sequence"}

    for field in fields(Record):
        other: dict[str, Any] = {field.name: getattr(RECORD, field.name) or True}
        changed = replace(plain, **other)
        same = record_to_proto(changed, run_id="r-0", form=Form.JSON) == record_to_proto(
            plain, run_id="r-0", form=Form.JSON
        )
        assert same == (field.name in {*hidden, "run_id"}), field.name


def test_a_record_of_the_run_itself_is_not_reused() -> None:
    record = record_to_proto(RECORD, run_id="r-1", form=Form.JSON)

    assert record.reused_from_run_id == ""


@pytest.mark.parametrize("address", ["a", "items[7].a"])
def test_an_address_without_index_is_no_iteration(address: str) -> None:
    record = record_to_proto(replace(RECORD, address=address), run_id="r-1", form=Form.JSON)

    assert record.step_id == "a"
    assert not record.HasField("iteration")


def test_a_record_that_never_ran_has_no_times() -> None:
    absent = replace(RECORD, status=StepStatus.NOT_RUN)

    record = record_to_proto(absent, run_id="r-1", form=Form.JSON)

    assert {"start_time", "end_time"} <= unset(record)


def test_errors_have_their_causes_but_not_without_end() -> None:
    error = Error("E0", "zero", is_retryable=False)
    for number in range(1, 200):
        error = Error(f"E{number}", "next", cause=error)

    message = error_to_proto(error)
    assert message is not None

    assert pb.Error.FromString(message.SerializeToString()).cause.cause.type == "E197"
    assert message.retryable
    assert error_to_proto(Error("E", "m", is_retryable=False)) == pb.Error(type="E", message="m")


def test_a_lineage_run_shows_its_place_in_the_tree() -> None:
    replay, root = lineage_run_to_proto(RUN), lineage_run_to_proto(replace(RUN, lineage=None))

    assert not unset(replay)
    assert (replay.source_run_id, replay.step, replay.depth) == ("r-0", "b", 2)
    assert unset(root) == {"source_run_id", "step", "depth"}


def test_what_was_restarted_is_told_with_what_was_not() -> None:
    response = restarted_to_proto(Restarted(("r-1",), (("r-2", RunActive("r-2", "waiting")),)))

    assert response.run_ids == ["r-1"]
    assert response.failures == [
        RestartFailure(
            run_id="r-2",
            reason=ERROR_REASON_RUN_ACTIVE,
            message="run 'r-2' is waiting",
        )
    ]


def large(address: str, size: int) -> Record:
    return replace(RECORD, address=address, output=Payload(b'"' + b"x" * size + b'"'))


def test_a_run_that_does_not_fit_loses_the_payloads_of_its_records() -> None:
    records = tuple(large(f"items[{index}]", MIB) for index in range(5))

    run = shown(RunView(RUN, records, ()))

    assert run.ByteSize() < MIB
    assert run.steps_truncated
    assert len(run.steps) == 5
    assert {"input", "output", "resume_data", "suspend_payload", "attempts"} <= unset(
        run.steps["items[0]"]
    )
    assert run.steps["items[0]"].status == pb.STEP_STATUS_FAILED
    assert run.result == Message(json=DATA.json)


def test_a_run_that_just_fits_keeps_everything() -> None:
    run = shown(RunView(RUN, (large("a", MIB), large("b", MIB)), ()))

    assert not run.steps_truncated
    assert run.steps["b"].HasField("output")


def test_readable_payloads_count_as_large_as_they_are() -> None:
    ones = Payload(b"[" + b"1," * 150_000 + b"1]")
    records = tuple(replace(RECORD, address=f"a{index}", output=ones) for index in range(4))

    run = run_to_proto(RunView(RUN, records, ()), EVERYTHING, form=Form.VALUE, bytes_max=4 * MIB)

    assert run.steps_truncated
    assert run.ByteSize() < 4 * MIB


def test_records_that_do_not_even_fit_without_payloads_are_left_out() -> None:
    records = tuple(
        replace(RECORD, address=f"a{index}", error=Error("E", "x" * 4000)) for index in range(100)
    )

    run = shown(RunView(RUN, records, ()), bytes_max=100_000)

    assert 10 < len(run.steps) < 100
    assert "a0" in run.steps
    assert run.steps_truncated
    assert run.ByteSize() <= 100_000


def test_of_a_run_with_too_large_payloads_of_its_own_the_largest_is_left_out() -> None:
    huge = replace(
        RUN, input=Payload(b'"' + b"i" * 2 * MIB), result=Payload(b'"' + b"r" * 2 * MIB + b'"')
    )

    run = shown(RunView(huge, (RECORD,), ()))

    assert run.HasField("result")
    assert run.result.WhichOneof("form") is None
    assert run.input.json == huge.input.json
    assert run.ByteSize() <= 4 * MIB


def test_a_run_of_which_the_engine_shows_a_part_says_so() -> None:
    assert shown(RunView(RUN, (RECORD,), (), is_truncated=True)).steps_truncated
    assert not shown(RunView(RUN, (RECORD,), ())).steps_truncated
    assert not shown(RunView(RUN, None, (), is_truncated=True)).steps_truncated
