"""
Refusals of payloads, in each field that takes one.
"""

import math
from dataclasses import dataclass
from typing import Any

from google.protobuf.struct_pb2 import ListValue, Struct, Value

from dalsegno.v1 import run_pb2
from dalsegno.v1.payload_pb2 import Payload
from tests.rpc.refusals.asking import Fields, given, text
from tests.rpc.refusals.case import Case, unfit
from tests.rpc.refusals.stage import ONE, PAYLOAD_BYTES_MAX


@dataclass(frozen=True)
class Place:
    """
    A field that takes a payload, in a request that is refused for nothing else.

    Attributes:
        field: Of the request; in `context`, of the record it gives of `step`.
        reason: What a payload that does not fit is refused as.
    """

    method: str
    fields: Fields
    field: str
    reason: str
    step: str = ""

    @property
    def path(self) -> str:
        return f'context["{self.step}"].{self.field}' if self.step else self.field

    def filled(self, payload: Payload) -> Fields:
        if not self.step:
            return {**self.fields, self.field: payload}
        record = run_pb2.StepResult(output=ONE)
        getattr(record, self.field).CopyFrom(payload)
        return {**self.fields, "context": {self.step: record}}


_RUN = {"workflow_id": "math"}
_STARTED = {"workflow_id": "math", "input_data": ONE}
_RESUME = {"run_id": "suspended"}
_ANSWER = {"run_id": "suspended", "resume_data": ONE}
_TRAVEL = {"run_id": "finished", "step": "double"}
_TO_SUSPENDED = {"run_id": "suspended", "step": "ask"}

PLACES = [
    Place("Run", _RUN, "input_data", "INVALID_INPUT"),
    Place("Run", _STARTED, "initial_state", "INVALID_STATE"),
    Place("Run", _STARTED, "request_context", "INVALID_CONTEXT"),
    Place("Resume", _RESUME, "resume_data", "INVALID_RESUME_DATA"),
    Place("Resume", _ANSWER, "request_context", "INVALID_CONTEXT"),
    Place("TimeTravel", _TRAVEL, "input_data", "INVALID_INPUT"),
    Place("TimeTravel", _TRAVEL, "initial_state", "INVALID_STATE"),
    Place("TimeTravel", _TRAVEL, "request_context", "INVALID_CONTEXT"),
    Place("TimeTravel", _TO_SUSPENDED, "resume_data", "INVALID_RESUME_DATA"),
    Place("TimeTravel", _TRAVEL, "output", "INVALID_CONTEXT", step="add"),
    Place("TimeTravel", _TRAVEL, "payload", "INVALID_CONTEXT", step="add"),
]


def _readable(value: Value) -> Payload:
    return Payload(value=Value(struct_value=Struct(fields={"v": value})))


def _nested(levels: int) -> Payload:
    value = Value(number_value=1)
    for _ in range(levels):
        value = Value(list_value=ListValue(values=[value]))
    return Payload(value=value)


_NO_JSON = (
    (text('{"v":'), "not JSON"),
    (text(""), "not JSON"),
    (text(b"\xff"), "UTF-8"),
    (text('{"v": NaN}'), "NaN"),
    (text('{"v": 1, "v": 2}'), "twice"),
    (text(r'{"v": "\ud800"}'), "surrogate"),
    (text("[" * 33 + "]" * 33), "32 levels"),
    (_nested(33), "32 levels"),
    (_readable(Value(number_value=math.nan)), "nan"),
    (_readable(Value(number_value=math.inf)), "inf"),
    (_readable(Value()), "Unset"),
)

UNFIT = [
    unfit(place.method, place.filled(payload), place.reason, place.path, words)
    for place in PLACES
    for payload, words in _NO_JSON
]

_TOO_LARGE = text('{"v":"' + "x" * (PAYLOAD_BYTES_MAX - 7) + '"}')

TOO_LARGE = [
    Case(
        place.method,
        place.filled(payload),
        "PAYLOAD_TOO_LARGE",
        {
            "field": place.path,
            "size": str(PAYLOAD_BYTES_MAX + 1),
            "payload_bytes_max": str(PAYLOAD_BYTES_MAX),
        },
    )
    for place in PLACES
    for payload in (_TOO_LARGE, _readable(Value(string_value="x" * (PAYLOAD_BYTES_MAX - 7))))
]


def _mistyped(
    method: str, fields: Fields, reason: str, path: str, payload: str, words: str
) -> Case:
    return unfit(method, {**fields, path: text(payload)}, reason, path, words)


def _mistyped_input(run_id: str, step: str, payload: str, words: str) -> Case:
    fields = {"run_id": run_id, "step": step}
    return _mistyped("TimeTravel", fields, "INVALID_INPUT", "input_data", payload, words)


OF_WRONG_TYPE = [
    _mistyped("Run", _RUN, "INVALID_INPUT", "input_data", '{"v": "1"}', "$.v"),
    _mistyped("Run", _RUN, "INVALID_INPUT", "input_data", "{}", "v"),
    _mistyped("Run", _RUN, "INVALID_INPUT", "input_data", "null", "$"),
    unfit("Run", _RUN, "INVALID_INPUT", "input_data", "$"),  # nothing is null
    _mistyped_input("finished", "add", '{"v": "1"}', "$.v"),
    _mistyped_input("finished", "double", "null", "$"),
    _mistyped_input("each", "item", '{"v": 1}', "array"),
    _mistyped_input("each", "item", '[{"v": 1}, {"v": "2"}]', "$"),
    _mistyped_input("each", "item[1]", "[]", "$"),
    _mistyped_input("each", "item[1].double", "[]", "$"),
    *(
        _mistyped(method, fields, "INVALID_STATE", "initial_state", payload, words)
        for method, fields in (("Run", _STARTED), ("TimeTravel", _TRAVEL))
        for payload, words in (
            ("[1]", "object"),
            ("null", "object"),
            ('{"count": "many"}', "$.count"),
        )
    ),
    *(
        _mistyped(method, fields, "INVALID_CONTEXT", "request_context", payload, "object")
        for method, fields in (("Run", _STARTED), ("Resume", _ANSWER), ("TimeTravel", _TRAVEL))
        for payload in ("[1]", "null", '"x"')
    ),
    *(
        _mistyped(method, fields, "INVALID_RESUME_DATA", "resume_data", payload, words)
        for method, fields in (("Resume", _RESUME), ("TimeTravel", _TO_SUSPENDED))
        for payload, words in (('"x"', "$"), ("null", "$"), ('{"v": "1"}', "$.v"))
    ),
    unfit("Resume", _RESUME, "INVALID_RESUME_DATA", "resume_data", "ask"),  # nothing is no data
    unfit(
        "TimeTravel",
        {**_TRAVEL, "context": {"double": run_pb2.StepResult(payload=text("null"))}},
        "INVALID_INPUT",
        'context["double"].payload',
        "$",
    ),
]


def _out_of_context(run_id: str, step: str, path: str, words: str, **records: Any) -> Case:
    fields = {"run_id": run_id, "step": step, **records}
    return unfit("TimeTravel", fields, "INVALID_CONTEXT", path, words)


def _record(address: str, **fields: Any) -> dict[str, run_pb2.StepResult]:
    return {address: run_pb2.StepResult(**fields)}


_FAILED = run_pb2.STEP_STATUS_FAILED

RECORDS = [
    _out_of_context("finished", "double", f'context["{address}"]', words, context=context)
    for address, words, context in (
        ("nope", "nothing", given(nope="1")),
        ("add[0]", "nothing", _record("add[0]", output=ONE)),
        ("a[x]", "address", _record("a[x]", output=ONE)),
        ("", "address", _record("", output=ONE)),
    )
] + [
    _out_of_context(
        "finished",
        "double",
        'context["add"].status',
        "failed",
        context=_record("add", status=_FAILED, output=ONE),
    ),
    _out_of_context(
        "finished",
        "double",
        'context["add"].status',
        "99",
        context=_record("add", status=99, output=ONE),
    ),
    _out_of_context(
        "finished", "double", 'context["add"].output', "missing", context=_record("add")
    ),
    _out_of_context("joined", "left", 'context["both"]', "block", context=given(both="1")),
    _out_of_context(
        "each",
        "item[0]",
        'context["item[2]"]',
        "2 items",
        context=_record("item[2]", output=ONE),
    ),
    _out_of_context(
        "each",
        "item[0]",
        'context["item[1].add"]',
        "inside",
        context=_record("item[1].add", output=ONE),
    ),
]
