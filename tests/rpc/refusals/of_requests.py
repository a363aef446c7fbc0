"""
Refusals of requests that break the rules of their message.
"""

from collections.abc import Mapping
from itertools import product
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from dalsegno.v1 import run_pb2
from dalsegno.v1.payload_pb2 import Payload
from tests.rpc.refusals.case import Case
from tests.rpc.refusals.of_payloads import PLACES
from tests.rpc.refusals.stage import ONE

# Requests that are refused for nothing else.
SOUND: Mapping[str, Mapping[str, Any]] = {
    "Run": {"workflow_id": "math", "input_data": ONE},
    "StartRun": {"workflow_id": "math", "input_data": ONE},
    "Resume": {"run_id": "suspended", "resume_data": ONE},
    "TimeTravel": {"run_id": "finished", "step": "add"},
    "Cancel": {"run_id": "suspended"},
    "Pause": {"run_id": "running"},
    "Restart": {"run_id": "finished"},
    "DeleteRun": {"run_id": "finished"},
    "RestartActive": {},
    "GetRun": {"run_id": "finished"},
    "WaitRun": {"run_id": "finished"},
    "WatchRun": {"run_id": "finished"},
    "ListRuns": {},
    "ListSteps": {"run_id": "finished"},
    "ListEvents": {"run_id": "finished"},
    "GetLineage": {"run_id": "finished"},
    "GetWorkflow": {"workflow_id": "math"},
    "ListWorkflows": {},
}

_LONG = "x" * 129
_NO_NAMES = ("a b", "a/b", "q\n", "é", _LONG)


def _broken(method: str, field: str, value: Any, path: str | None = None) -> Case:
    fields = {**SOUND[method], field: value}
    at_fault = field if path is None else path
    return Case(method, fields, "INVALID_REQUEST", violations={at_fault: ""})


_WITH_REQUEST_ID = ("Run", "Resume", "TimeTravel", "Cancel", "Pause")
_WITH_RUN_ID = [method for method in SOUND if "run_id" in SOUND[method]]
_WITH_OUTPUT = ("StartRun", "Cancel", "Pause", "Restart", "GetRun", "WaitRun")
_WITH_PAGES = ("ListRuns", "ListSteps", "ListEvents", "GetLineage", "ListWorkflows")

RULES = [
    *(
        _broken(method, "run_id", run_id)
        for method, run_id in product(_WITH_RUN_ID, ("", _LONG))
        if (method, run_id) != ("TimeTravel", "")
    ),
    _broken("TimeTravel", "run_id", "", path="workflow_id"),
    *(_broken("Run", "run_id", run_id) for run_id in _NO_NAMES),
    *(_broken("TimeTravel", "new_run_id", run_id) for run_id in _NO_NAMES),
    *(
        _broken(method, "request_id", request_id)
        for method, request_id in product(_WITH_REQUEST_ID, _NO_NAMES)
    ),
    *(_broken(method, "workflow_id", "") for method in ("Run", "GetWorkflow")),
    *(
        _broken(method, "workflow_id", _LONG)
        for method in ("Run", "TimeTravel", "RestartActive", "ListRuns", "GetWorkflow")
    ),
    *(_broken(method, "reason", "x" * 1001) for method in ("Cancel", "Pause")),
    *(
        _broken(method, "output", run_pb2.OutputOptions(view=7), path="output.view")  # type: ignore[arg-type] # what a newer client may send
        for method in _WITH_OUTPUT
    ),
    *(
        _broken(method, "tracing", tracing, f"tracing.{path}")
        for method in ("Run", "TimeTravel")
        for path, tracing in (
            ("trace_id", run_pb2.TracingOptions(trace_id="xyz")),
            ("parent_span_id", run_pb2.TracingOptions(parent_span_id="0" * 15)),
            ("tags", run_pb2.TracingOptions(tags=["x"] * 33)),
        )
    ),
    *(_broken(method, "page_size", size) for method in _WITH_PAGES for size in (-1, 1001)),
    *(_broken(method, "after_sequence", -1) for method in ("WatchRun", "ListEvents")),
    Case(
        "Resume",
        {"run_id": "suspended", "step": "ask", "label": "question"},
        "INVALID_REQUEST",
        violations={"": "one of"},
    ),
    _broken("ListRuns", "statuses", [0], path="statuses[0]"),
    _broken("ListRuns", "statuses", [1, 1], path="statuses"),
    _broken("ListRuns", "created_before", Timestamp(seconds=2**60)),
    _broken("ListRuns", "created_after", Timestamp(nanos=-1)),
    *(
        Case(
            place.method,
            place.filled(Payload()),
            "INVALID_REQUEST",
            violations={f"{place.path}.form": ""},
        )
        for place in PLACES
    ),
]

PAGE_TOKENS = [
    Case(
        method,
        {**SOUND[method], "page_token": token},
        "INVALID_PAGE_TOKEN",
        violations={"page_token": "token"},
    )
    for method, token in product(_WITH_PAGES, ("2", "{}", "AAAAAAAAAAA", "é", "x" * 500))
]
