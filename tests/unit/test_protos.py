"""
The generated code and what must agree with it.
"""

from collections.abc import Iterator
from importlib import resources

import protovalidate
import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from dalsegno.model import errors
from dalsegno.v1 import (
    error_reason_pb2,
    payload_pb2,
    run_pb2,
    run_service_pb2,
    workflow_service_pb2,
)

SERVICES = [
    *run_service_pb2.DESCRIPTOR.services_by_name.values(),
    *workflow_service_pb2.DESCRIPTOR.services_by_name.values(),
]
REQUESTS = [method.input_type for service in SERVICES for method in service.methods]


@pytest.fixture(scope="module")
def rules() -> DescriptorPool:
    pool = DescriptorPool()
    image = resources.files("dalsegno.rpc").joinpath("generated/rules.binpb").read_bytes()
    for file in FileDescriptorSet.FromString(image).file:
        pool.Add(file)
    return pool


def reasons(kind: type[errors.DalsegnoError]) -> Iterator[str]:
    for child in kind.__subclasses__():
        if "reason" in vars(child):
            yield child.reason
        yield from reasons(child)


def test_every_error_has_a_reason_in_the_protos_and_the_other_way_round() -> None:
    values = error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_name
    declared = {name.removeprefix("ERROR_REASON_") for name in values}

    assert set(reasons(errors.DalsegnoError)) == declared - {"UNSPECIFIED", "INTERNAL"}


@pytest.mark.parametrize("request_type", REQUESTS, ids=lambda it: it.name)
def test_the_rules_know_each_request_as_the_stubs_do(
    request_type: Descriptor, rules: DescriptorPool
) -> None:
    ruled = rules.FindMessageTypeByName(request_type.full_name)

    assert [(field.number, field.name, field.type) for field in ruled.fields] == [
        (field.number, field.name, field.type) for field in request_type.fields
    ]


BROKEN = {
    "no workflow": run_service_pb2.RunRequest(),
    "space in a run id": run_service_pb2.RunRequest(workflow_id="w", run_id="a b"),
    "129 characters": run_service_pb2.StartRunRequest(workflow_id="w", run_id="r" * 129),
    "empty payload": run_service_pb2.RunRequest(workflow_id="w", input_data=payload_pb2.Payload()),
    "step and label": run_service_pb2.ResumeRequest(run_id="r", step="a", label="b"),
    "no run": run_service_pb2.GetRunRequest(),
    "cursor below 0": run_service_pb2.WatchRunRequest(run_id="r", after_sequence=-1),
    "page above 1000": run_service_pb2.ListRunsRequest(page_size=1001),
}


@pytest.mark.parametrize("request_message", BROKEN.values(), ids=BROKEN)
def test_the_rules_refuse(request_message: Message, rules: DescriptorPool) -> None:
    ruled = GetMessageClass(rules.FindMessageTypeByName(request_message.DESCRIPTOR.full_name))

    assert protovalidate.Validator().collect_violations(
        ruled.FromString(request_message.SerializeToString())
    )


def test_an_address_is_not_judged_by_the_rules(rules: DescriptorPool) -> None:
    ruled = GetMessageClass(rules.FindMessageTypeByName("dalsegno.v1.TimeTravelRequest"))
    travel = run_service_pb2.TimeTravelRequest(step="..[x]", context={"..": run_pb2.StepResult()})

    assert not protovalidate.Validator().collect_violations(
        ruled.FromString(travel.SerializeToString())
    )
