"""
Requests that are what they claim to be.
"""

from collections.abc import Awaitable, Callable, Mapping
from importlib import resources
from typing import Any

import grpc
import protovalidate
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from protovalidate import FieldPathElementPb, Violation

from dalsegno.model.errors import InvalidRequest
from dalsegno.rpc.interceptors.wrap import (
    Context,
    Handler,
    behaviour_of,
    with_behaviour,
)


class Validation(grpc.aio.ServerInterceptor):
    """
    Refuses bodies that cannot be decoded, and requests that break the rules of their message.

    Bodies are decoded outside of all interceptors, where an error becomes UNKNOWN. So decoding
    gives the refusal in place of the request, and calling the handler raises it.
    """

    def __init__(self) -> None:
        self._rules = Rules()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        handler = await continuation(handler_call_details)
        ruled = self._rules.request_class(handler_call_details.method)
        if handler is None or handler.request_deserializer is None or ruled is None:
            return handler
        behaviour, decode = behaviour_of(handler), handler.request_deserializer

        def read(body: bytes) -> Message | InvalidRequest:
            try:
                request = ruled.FromString(body)
            except DecodeError as error:
                return InvalidRequest({"": f"the body is no request of this method: {error}"})
            violations = self._rules.violations(request)
            if violations:
                return InvalidRequest(violations)
            try:
                decoded: Message = decode(body)
            except DecodeError:
                # A readable payload nests too deep: `wire.payload` says of which field.
                return request
            return decoded

        # No coroutine of its own: what it returns is that of the handler, whatever its kind.
        def checked(request: Message | InvalidRequest, context: Context) -> Any:
            if isinstance(request, InvalidRequest):
                raise request
            return behaviour(request, context)

        return with_behaviour(handler, checked, deserializer=read)


class Rules:
    """
    The rules on requests, as the protos have them: docs/decisions/0003.

    `google.protobuf.Value` has no fields here: nothing is ruled inside of readable payloads, so
    they are not decoded, and however deep they nest the rest of a request can be.
    """

    def __init__(self) -> None:
        image = resources.files("dalsegno.rpc").joinpath("generated/rules.binpb").read_bytes()
        self._pool = DescriptorPool()
        for file in FileDescriptorSet.FromString(image).file:
            if file.name == "google/protobuf/struct.proto":
                _close(file)
            self._pool.Add(file)
        self._classes: dict[str, type[Message] | None] = {}
        self._validator = protovalidate.Validator()

    def request_class(self, method: str) -> type[Message] | None:
        """
        The class that requests of a method, ``/package.Service/Method``, are checked as; None
        for methods of others.
        """
        if method not in self._classes:
            name = method.removeprefix("/").replace("/", ".")
            try:
                request = self._pool.FindMethodByName(name).input_type
            except KeyError:
                return None
            self._classes[method] = GetMessageClass(request)
        return self._classes[method]

    def violations(self, request: Message) -> Mapping[str, str]:
        """
        What is wrong with a request of such a class, by field path; empty if nothing is.
        """
        found: dict[str, str] = {}
        for violation in self._validator.collect_violations(request):
            found.setdefault(_path(violation), violation.proto.message)
        return found


def _close(struct: FileDescriptorProto) -> None:
    for message in struct.message_type:
        if message.name == "Value":
            message.ClearField("field")
            message.ClearField("oneof_decl")


def _path(violation: Violation) -> str:
    """
    Path of the field: ``statuses[1]``, ``context["a"].output``; "" for the whole message.
    """
    field = violation.proto.field
    return ".".join(map(_step, field.elements)) if field else ""


def _step(element: FieldPathElementPb) -> str:
    subscript = element.subscript
    if subscript is None:
        return element.field_name
    shown = f'"{subscript.value}"' if isinstance(subscript.value, str) else subscript.value
    return f"{element.field_name}[{shown}]"
