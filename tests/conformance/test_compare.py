"""
Comparison of values and of event logs.
"""

import json

import pytest

from dalsegno.v1 import event_pb2
from tests.conformance import events
from tests.conformance.compare import same, unmatched


@pytest.mark.parametrize(
    ("one", "other"),
    [("1", "1.0"), ("1", "true"), ("0", "false"), ("null", "0"), ("[]", "{}"), ('{"a":1}', "{}")],
)
def test_values_that_json_tells_apart_differ(one: str, other: str) -> None:
    assert not same(json.loads(one), json.loads(other))
    assert not same([json.loads(one)], [json.loads(other)])
    assert not same({"in": json.loads(one)}, {"in": json.loads(other)})


@pytest.mark.parametrize("text", ["null", "0.1", "36893488147419103232", '{"a":[1,{"b":null}]}'])
def test_a_value_is_the_same_as_itself(text: str) -> None:
    assert same(json.loads(text), json.loads(text))


def test_the_order_of_members_does_not_matter() -> None:
    assert same({"a": 1, "b": 2}, {"b": 2, "a": 1})


def test_a_pattern_gives_up_an_item_that_another_needs() -> None:
    anything, only_a = "", "a"
    assert unmatched([anything, only_a], ["a", "b"], lambda part, item: part in item) == []


def test_patterns_that_share_one_item_are_not_all_matched() -> None:
    assert unmatched(["a", "a"], ["a", "b"], str.__eq__) == ["a"]


def log(*labels: str) -> list[event_pb2.RunEvent]:
    found = []
    for sequence, text in enumerate(labels, 1):
        kind, _, address = text.partition(":")
        event = event_pb2.RunEvent(sequence=sequence, address=address)
        getattr(event, kind).SetInParent()
        found.append(event)
    return found


def test_a_group_may_come_in_any_order_but_not_beyond_its_place() -> None:
    seen = log("run_started", "step_started:b", "step_started:a", "run_completed")
    group: list[events.Pattern] = ["step_started:a", "step_started:b"]
    assert [*events.in_order(["run_started", group, "run_completed"], seen)] == []
    assert [*events.in_order([[*group, "run_started"], "run_completed"], seen)] == []
    assert [*events.in_order(["run_started", "run_completed", group], seen)] != []


def test_a_group_in_a_subsequence_needs_an_event_for_each_member() -> None:
    seen = log("step_started:a", "run_waiting", "step_started:b", "run_completed")
    group: list[events.Pattern] = ["step_started:b", "step_started:a"]
    assert [*events.included([group, "run_completed"], seen)] == []
    assert [*events.included([[*group, "step_started:a"]], seen)] != []
    assert [*events.included(["step_started:b", "step_started:a"], seen)] != []


def test_sequences_with_a_gap_or_without_events_are_not_dense() -> None:
    assert [*events.dense_from(1, log("run_started", "run_failed"))] == []
    assert [*events.dense_from(1, log("run_started", "run_waiting", "run_failed")[::2])] != []
    assert [*events.dense_from(1, [])] != []
