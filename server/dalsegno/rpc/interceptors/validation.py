"""
Requests that are what they claim to be.
"""

from collections.abc import Awaitable, Callable, Mapping
from importlib import resources
from typing import Any

import grpc
import protovalidate
from google.protobuf.descriptor_pb2 import FileDescriptorSet
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
        if handler is None or handler.request_streaming or handler.request_deserializer is None:
            return handler
        behaviour, decode = behaviour_of(handler), handler.request_deserializer

        def read(body: bytes) -> Message | InvalidRequest:
            try:
                request: Message = decode(body)
            except DecodeError as error:
                return InvalidRequest({"": f"the body is no request of this method: {error}"})
            violations = self._rules.violations(request, body)
            return InvalidRequest(violations) if violations else request

        # No coroutine of its own: what it returns is that of the handler, whatever its kind.
        def checked(request: Message | InvalidRequest, context: Context) -> Any:
            if isinstance(request, InvalidRequest):
                raise request
            return behaviour(request, context)

        return with_behaviour(handler, checked, deserializer=read)


class Rules:
    """
    The rules on requests, as the protos have them: docs/decisions/0003.
    """

    def __init__(self) -> None:
        image = resources.files("dalsegno.rpc").joinpath("generated/rules.binpb").read_bytes()
        pool = DescriptorPool()
        for file in FileDescriptorSet.FromString(image).file:
            pool.Add(file)
        self._pool = pool
        self._classes: dict[str, type[Message] | None] = {}
        self._validator = protovalidate.Validator()

    def violations(self, request: Message, body: bytes) -> Mapping[str, str]:
        """
        What is wrong with a request, by field path; empty if nothing is, or if it has no rules.

        The body is what it was decoded from: decoding that again is cheaper than encoding.
        """
        ruled = self._class(request.DESCRIPTOR.full_name)
        if ruled is None:
            return {}
        found: dict[str, str] = {}
        for violation in self._validator.collect_violations(ruled.FromString(body)):
            found.setdefault(_path(violation), violation.proto.message)
        return found

    def _class(self, name: str) -> type[Message] | None:
        if name not in self._classes:
            try:
                self._classes[name] = GetMessageClass(self._pool.FindMessageTypeByName(name))
            except KeyError:
                self._classes[name] = None
        return self._classes[name]


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
