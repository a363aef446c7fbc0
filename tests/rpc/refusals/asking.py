"""
Calls by name and fields, in each form that an RPC has.
"""

from collections.abc import Mapping
from typing import Any

from dalsegno.v1 import run_pb2
from dalsegno.v1 import run_service_pb2 as pb
from dalsegno.v1 import workflow_service_pb2 as workflow_pb
from dalsegno.v1.payload_pb2 import Payload
from tests.rpc.refused import Refusal, refused
from tests.rpc.serving import EXACT, Served

Fields = Mapping[str, Any]

FORMS = {
    "Run": ("Run", "RunStream", "StartRun"),
    "Resume": ("Resume", "ResumeStream"),
    "TimeTravel": ("TimeTravel", "TimeTravelStream"),
}

_TIMEOUT_S = 5


def text(json: bytes | str) -> Payload:
    """
    A payload in its exact form.
    """
    return Payload(json=json.encode() if isinstance(json, str) else json)


def forms_of(method: str) -> tuple[str, ...]:
    """
    The RPCs that ask the same thing, and answer with a run or with events.
    """
    return FORMS.get(method, (method,))


def call(served: Served, method: str, fields: Fields) -> Any:
    """
    A call under way: to be awaited, or read from if it is a stream.
    """
    of_runs = hasattr(pb, f"{method}Request")
    messages, stub = (pb, served.runs) if of_runs else (workflow_pb, served.workflows)
    request = getattr(messages, f"{method}Request")(**fields)
    return getattr(stub, method)(request, metadata=EXACT, timeout=_TIMEOUT_S)


async def refusal_to(served: Served, method: str, fields: Fields) -> Refusal:
    """
    How a call is refused; of a stream, before its first event.
    """
    with refused() as told:
        asked = call(served, method, fields)
        await (asked.read() if hasattr(asked, "read") else asked)
    return told


def given(**outputs: str) -> dict[str, run_pb2.StepResult]:
    """
    Context: the outputs of steps.
    """
    return {step: run_pb2.StepResult(output=text(output)) for step, output in outputs.items()}
