"""
Handlers with another behaviour, whatever their kind.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import grpc

# What grpc hands around here is untyped: requests and answers of any method.
if TYPE_CHECKING:  # only its types know that it is generic
    Handler = grpc.RpcMethodHandler[Any, Any]
else:
    Handler = grpc.RpcMethodHandler
Context = grpc.aio.ServicerContext[Any, Any]
Behaviour = Callable[[Any, Context], Any]

_MAKE: dict[tuple[bool, bool], Callable[..., Handler]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


def behaviour_of(handler: Handler) -> Behaviour:
    """
    The function that answers the call: a coroutine, or an async generator for a stream.
    """
    kinds = (handler.unary_unary, handler.unary_stream, handler.stream_unary, handler.stream_stream)
    behaviours: list[Any] = [behaviour for behaviour in kinds if behaviour is not None]
    behaviour: Behaviour = behaviours[0]
    return behaviour


def with_behaviour(
    handler: Handler,
    behaviour: Behaviour,
    *,
    deserializer: Callable[[bytes], Any] | None = None,
    serializer: Callable[[Any], bytes] | None = None,
) -> Handler:
    """
    The same handler, answering with *behaviour*, and reading requests with *deserializer*, writing
    answers with *serializer*, if given.
    """
    return _MAKE[handler.request_streaming, handler.response_streaming](
        behaviour,
        request_deserializer=deserializer or handler.request_deserializer,
        response_serializer=serializer or handler.response_serializer,
    )
