"""
Travels with two faults: readings.md 9 says which of them is told.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.rpc.refusals.asking import Fields, given, text
from tests.rpc.refusals.stage import ONE


@dataclass(frozen=True)
class Fault:
    """
    What is wrong with a travel.

    Attributes:
        rank: Its place in the order.
        fields: What it takes to have it.
    """

    rank: int
    reason: str
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Pair:
    """
    A travel with two faults.

    Attributes:
        mended: The same travel without the earlier one.
    """

    fields: Fields
    reason: str
    mended: Fields
    later: str


# In the order of readings.md 9; ranks leave out what no request has by itself.
_NO_RUN = Fault(1, "RUN_NOT_FOUND", {"run_id": "nope"})
_NO_WORKFLOW = Fault(2, "WORKFLOW_NOT_FOUND", {"workflow_id": "nope"})
_MISMATCH = Fault(3, "WORKFLOW_MISMATCH", {"workflow_id": "failing"})
_NO_ADDRESS = Fault(5, "INVALID_ADDRESS", {"step": "a[x]"})
_NO_STEP = Fault(5, "STEP_NOT_FOUND", {"step": "nope"})
_CONTEXT = Fault(6, "INVALID_CONTEXT", {"context": given(nope="1")})
_INPUT = Fault(10, "INVALID_INPUT", {"input_data": text("{")})
_STATE = Fault(11, "INVALID_STATE", {"initial_state": text("[1]")})
_RESUME_DATA = Fault(14, "NOTHING_TO_RESUME", {"resume_data": ONE})

_LOOSE = (
    _NO_RUN,
    _NO_WORKFLOW,
    _MISMATCH,
    _NO_ADDRESS,
    _NO_STEP,
    _CONTEXT,
    _INPUT,
    _STATE,
    _RESUME_DATA,
)

_ITEM = {"run_id": "each", "step": "item[9]"}
_ORDER = {"run_id": "changed", "step": "one"}
_HISTORY = {"run_id": "grown", "step": "b"}
_SIBLINGS = {"workflow_id": "joining", "step": "left", "input_data": ONE}
_CONDITION = {"run_id": "chosen", "step": "echo"}

# Faults that come with a source and a target, and what they are combined with.
_BOUND = (
    (Fault(4, "SOURCE_RUN_ACTIVE", {"run_id": "running", "step": "gate"}), _LOOSE),
    (Fault(7, "STEP_NOT_FOUND", _ITEM), _LOOSE),
    (Fault(8, "DEFINITION_CHANGED", _ORDER), _LOOSE),
    # With an input, history is not missing.
    (Fault(9, "MISSING_HISTORY", _HISTORY), [it for it in _LOOSE if it is not _INPUT]),
    # There is no source whose workflow could be another.
    (Fault(12, "MISSING_HISTORY", _SIBLINGS), [it for it in _LOOSE if it is not _MISMATCH]),
    (Fault(13, "TARGET_NOT_REACHED", _CONDITION), _LOOSE),
)

_SOUND = {"run_id": "finished", "step": "double"}


def _loose_pairs() -> Iterator[Pair]:
    """
    Two faults that any request can have.
    """
    for earlier in _LOOSE:
        for later in _LOOSE:
            if earlier.rank < later.rank and not earlier.fields.keys() & later.fields.keys():
                mended = {**_SOUND, **later.fields}
                yield Pair({**mended, **earlier.fields}, earlier.reason, mended, later.reason)


def _bound_pairs() -> Iterator[Pair]:
    """
    A fault of source and target, and one that any request can have.
    """
    for bound, partners in _BOUND:
        for loose in partners:
            both = {**bound.fields, **loose.fields}
            if loose.rank < bound.rank:
                yield Pair(both, loose.reason, bound.fields, bound.reason)
            else:
                mended = {**_SOUND, **loose.fields}
                yield Pair(both, bound.reason, mended, loose.reason)


_NOWHERE = {"workflow_id": "choosing_inside", "step": "arm.echo", "input_data": text("1")}

_TO_ASK = {"run_id": "suspended", "step": "ask"}

# Two faults of source and target.
_WRITTEN = [
    Pair(
        {"run_id": "changed", "step": "one[9]"},
        "STEP_NOT_FOUND",
        {"run_id": "changed", "step": "one[0]"},
        "DEFINITION_CHANGED",
    ),
    Pair(
        {"run_id": "changed", "step": "one[9]", "allow_definition_change": True},
        "STEP_NOT_FOUND",
        {"run_id": "changed", "step": "one[0]", "allow_definition_change": True},
        "MISSING_HISTORY",
    ),
    Pair(
        _ORDER, "DEFINITION_CHANGED", {**_ORDER, "allow_definition_change": True}, "MISSING_HISTORY"
    ),
    Pair(
        {"workflow_id": "choosing_inside", "step": "arm.echo"},
        "MISSING_HISTORY",
        {"run_id": "chosen-inside", "step": "arm.echo"},
        "TARGET_NOT_REACHED",
    ),
    Pair(
        _NOWHERE,
        "MISSING_HISTORY",
        {**_NOWHERE, "context": given(echo="1")},
        "TARGET_NOT_REACHED",
    ),
    Pair(
        {**_TO_ASK, "resume_data": text('"x"'), "initial_state": text("[1]")},
        "INVALID_STATE",
        {**_TO_ASK, "resume_data": text('"x"')},
        "INVALID_RESUME_DATA",
    ),
]

PAIRS = [*_loose_pairs(), *_bound_pairs(), *_WRITTEN]
