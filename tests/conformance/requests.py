"""
Requests as scenarios write them, and what a scenario needs that the API does not have.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from dalsegno.v1 import payload_pb2, run_pb2, run_service_pb2
from dalsegno.workflow import Workflow
from tests.conformance.scenario import Call, Definition, Malformed, Scenario

RPCS: Mapping[str, str] = {
    "run": "Run",
    "run_stream": "RunStream",
    "start": "StartRun",
    "resume": "Resume",
    "resume_stream": "ResumeStream",
    "time_travel": "TimeTravel",
    "time_travel_stream": "TimeTravelStream",
    # A travel that returns at once: its stream is left after the first event.
    "start_travel": "TimeTravelStream",
    "restart": "Restart",
    "cancel": "Cancel",
    "pause": "Pause",
    "watch": "WatchRun",
    "get": "GetRun",
    "wait": "WaitRun",
    "list": "ListRuns",
    "lineage": "GetLineage",
    "delete": "DeleteRun",
}

# Other names of fields; those of None are no part of the request.
_NAMES: Mapping[str, str] = {"workflow": "workflow_id"}
_NAMES_BY_KIND: Mapping[str, Mapping[str, str | None]] = {
    "list": {**_NAMES, "status": "statuses"},
    "wait": {"run": "run_id", "status": None},
}

_NODES = frozenset(
    {
        "parallel",
        "race",
        "branch",
        "when",
        "do_while",
        "do_until",
        "foreach",
        "map",
        "tap",
        "sleep",
    }
)

_UNKNOWN_STATUS = 99  # of a record that no StepStatus names: the server must refuse it

_SERVICE = run_service_pb2.DESCRIPTOR.services_by_name["RunService"]


def request(call: Call, arguments: Mapping[str, Any]) -> Message:
    """
    The request of a call; payloads as JSON text, and all there is to see asked for.

    Args:
        arguments: Those of the call, with run ids in the place of names.
    """
    descriptor = _descriptor(call.kind)
    message: Any = GetMessageClass(descriptor)()
    if "output" in descriptor.fields_by_name:
        message.output.CopyFrom(everything())
    for field, value in _by_field(call.kind, arguments).items():
        _set(message, descriptor.fields_by_name[field], value)
    assert isinstance(message, Message)
    return message


def everything() -> run_pb2.OutputOptions:
    """
    Asks for all that an answer can hold of a run.
    """
    return run_pb2.OutputOptions(
        view=run_pb2.RUN_VIEW_FULL, include_state=True, include_resume_labels=True
    )


def missing(scenario: Scenario) -> list[str]:
    """
    The calls, arguments and nodes a scenario needs and the API does not have.
    """
    found = {name for call in scenario.all_calls() for name in _missing_of_call(call)}
    for definition in scenario.workflows.values():
        found |= {node for node in _nodes(definition) if not hasattr(Workflow, node)}
    return sorted(found)


def _missing_of_call(call: Call) -> Iterator[str]:
    rpc = RPCS.get(call.kind)
    if rpc is None:
        return
    if rpc not in _SERVICE.methods_by_name:
        yield rpc
        return
    for field in _by_field(call.kind, call.arguments):
        if field not in _descriptor(call.kind).fields_by_name:
            yield f"{rpc}.{field}"


def _nodes(definition: Definition) -> Iterator[str]:
    for node in definition["graph"]:
        yield from _NODES.intersection(node if isinstance(node, dict) else ())
    for step in definition["steps"].values():
        if "workflow" in step:
            yield from _nodes(step["workflow"])


def _descriptor(kind: str) -> Descriptor:
    return _SERVICE.methods_by_name[RPCS[kind]].input_type


def _by_field(kind: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """
    The arguments under the names of the request's fields, with the default of `workflow`.
    """
    names = _NAMES_BY_KIND.get(kind, _NAMES)
    named = ((names.get(name, name), value) for name, value in arguments.items())
    fields = {name: value for name, value in named if name is not None}
    travels = kind in {"time_travel", "time_travel_stream", "start_travel"}
    if kind in {"run", "run_stream", "start"} or (travels and "run_id" not in fields):
        fields.setdefault("workflow_id", "main")
    return fields


def _set(message: Any, field: FieldDescriptor, value: Any) -> None:
    if field.message_type is payload_pb2.Payload.DESCRIPTOR:
        getattr(message, field.name).json = _json(value)
    elif field.name == "context":
        for address, record in value.items():
            _set_record(message.context[address], record)
    elif field.name == "statuses":
        names = [value] if isinstance(value, str) else value
        statuses = [run_pb2.RunStatus.Value(f"RUN_STATUS_{name.upper()}") for name in names]
        message.statuses.extend(statuses)
    else:
        json_format.ParseDict({field.name: value}, message)


def _set_record(message: run_pb2.StepResult, record: Mapping[str, Any]) -> None:
    for name, value in record.items():
        match name:
            case "status":
                message.status = _step_status(value)
            case "output":
                message.output.json = _json(value)
            case "payload":
                message.payload.json = _json(value)
            case "error":
                pass  # The API has no place for it: a failed record is refused by its status.
            case _:
                raise Malformed(f"a record in context has no {name}")


def _step_status(name: str) -> run_pb2.StepStatus:
    try:
        status = run_pb2.StepStatus.Value(f"STEP_STATUS_{name.upper()}")
    except ValueError:
        status = _UNKNOWN_STATUS
    return cast("run_pb2.StepStatus", status)


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
