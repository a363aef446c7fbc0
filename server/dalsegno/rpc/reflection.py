"""
Server reflection, in both versions that tools ask for.
"""

from collections.abc import Iterable
from typing import Any

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.rpc import (  # type: ignore[import-untyped] # ships no types
    error_details_pb2 as error_details_pb2,  # registered, so that tools can show details of errors
)
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha.reflection import aio as v1alpha

_V1ALPHA = "grpc.reflection.v1alpha"
_V1 = "grpc.reflection.v1"

_SERVICES = (f"{_V1ALPHA}.ServerReflection", f"{_V1}.ServerReflection")


def add_reflection(server: grpc.aio.Server, services: Iterable[str]) -> None:
    """
    Serve reflection of these services, and of itself.

    grpcio-reflection 1.85 has only v1alpha, which current tools use as a fallback at best. v1 has
    the same messages under other names: its descriptor is made from that of v1alpha, and the
    same code answers both.
    """
    _register_v1()
    servicer = v1alpha.ReflectionServicer([*services, *_SERVICES], _Pool())
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(  # type: ignore[no-untyped-call]
        servicer, server
    )
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler(
                f"{_V1}.ServerReflection", {"ServerReflectionInfo": handler}
            )
        ]
    )


class _Pool:
    """
    The pool of all descriptors; it also finds methods, which grpcurl asks for by their full name.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(descriptor_pool.Default(), name)

    def FindFileContainingSymbol(self, symbol: str) -> FileDescriptor:  # noqa: N802 - its name
        pool = descriptor_pool.Default()
        try:
            return pool.FindFileContainingSymbol(symbol)
        except KeyError:
            service, _, method = symbol.rpartition(".")
            return pool.FindServiceByName(service).methods_by_name[method].containing_service.file


def _register_v1() -> None:
    file = FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(file)
    file.name = "grpc/reflection/v1/reflection.proto"
    file.package = _V1
    for message in file.message_type:
        for field in message.field:
            if field.HasField("type_name"):
                field.type_name = _in_v1(field.type_name)
    for service in file.service:
        for method in service.method:
            method.input_type = _in_v1(method.input_type)
            method.output_type = _in_v1(method.output_type)
    # Adding the same file again is allowed, so that a process may have several servers.
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())


def _in_v1(type_name: str) -> str:
    return type_name.replace(f".{_V1ALPHA}.", f".{_V1}.")
