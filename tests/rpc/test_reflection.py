"""
Tools can ask what the server serves, in both versions of the protocol.
"""

from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.reflection_pb2 import (
    ServerReflectionRequest,
    ServerReflectionResponse,
)

from tests.rpc.serving import Served

VERSIONS = ["v1", "v1alpha"]


async def ask(served: Served, version: str, request: ServerReflectionRequest) -> Any:
    # The messages of both versions are the same on the wire.
    method: Any = served.channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=ServerReflectionRequest.SerializeToString,
        response_deserializer=ServerReflectionResponse.FromString,
    )
    call = method(timeout=5)
    await call.write(request)
    await call.done_writing()
    return await call.read()


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_service_is_listed(served: Served, version: str) -> None:
    answer = await ask(served, version, ServerReflectionRequest(list_services=""))

    assert {service.name for service in answer.list_services_response.service} == {
        "dalsegno.v1.AdminService",
        "dalsegno.v1.RunService",
        "dalsegno.v1.WorkflowService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    }


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "symbol",
    [
        "dalsegno.v1.RunService",
        "dalsegno.v1.WorkflowService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "google.rpc.ErrorInfo",
        "google.rpc.BadRequest",
        "google.rpc.PreconditionFailure",
        "google.rpc.RetryInfo",
    ],
)
async def test_a_tool_can_build_what_it_asks_for(served: Served, version: str, symbol: str) -> None:
    answer = await ask(served, version, ServerReflectionRequest(file_containing_symbol=symbol))

    pool = DescriptorPool()
    files = [
        FileDescriptorProto.FromString(file)
        for file in answer.file_descriptor_response.file_descriptor_proto
    ]
    for file in in_order(files):
        pool.Add(file)
    assert pool.FindFileContainingSymbol(symbol).package == symbol.rpartition(".")[0]


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_method_is_found_by_its_name(served: Served, version: str) -> None:
    known = ServerReflectionRequest(file_containing_symbol="dalsegno.v1.RunService.WatchRun")
    unknown = ServerReflectionRequest(file_containing_symbol="dalsegno.v1.RunService.Watch")

    answer = await ask(served, version, known)
    refusal = await ask(served, version, unknown)

    files = answer.file_descriptor_response.file_descriptor_proto
    assert b"dalsegno/v1/run_service.proto" in files[0]
    assert refusal.error_response.error_code == 5


def in_order(files: list[FileDescriptorProto]) -> list[FileDescriptorProto]:
    """
    Each file after those it imports.
    """
    ordered: list[FileDescriptorProto] = []
    while len(ordered) < len(files):
        known = {file.name for file in ordered}
        ready = [it for it in files if it.name not in known and known >= set(it.dependency)]
        assert ready
        ordered.extend(ready)
    return ordered


@pytest.mark.parametrize("version", VERSIONS)
async def test_what_is_not_there_is_not_found(served: Served, version: str) -> None:
    request = ServerReflectionRequest(file_containing_symbol="nope.Nope")

    answer = await ask(served, version, request)

    assert answer.error_response.error_code == 5
