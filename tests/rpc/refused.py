"""
What a caller is told when a call is refused.
"""

from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import (  # type: ignore[import-untyped] # ships no types
    BadRequest,
    ErrorInfo,
    PreconditionFailure,
    RetryInfo,
)
from grpc_status import rpc_status


@dataclass
class Refusal:
    """
    A failed call, with its details decoded.
    """

    code: grpc.StatusCode | None = None
    message: str = ""
    reason: str = ""
    domain: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: Mapping[str, str] = field(default_factory=dict)
    preconditions: list[tuple[str, str]] = field(default_factory=list)
    retry_s: float | None = None
    bytes: int = 0


@contextmanager
def refused() -> Iterator[Refusal]:
    """
    Expect the call inside to fail; what it was told is there afterwards.
    """
    refusal = Refusal()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        yield refusal
    decode(caught.value, refusal)


async def refusal_of(call: Awaitable[Any]) -> Refusal:
    with refused() as refusal:
        await call
    return refusal


def decode(error: grpc.aio.AioRpcError, refusal: Refusal) -> None:
    refusal.code = error.code()
    refusal.message = error.details() or ""
    status = rpc_status.from_call(error)  # type: ignore[arg-type] # has what is needed of a call
    for detail in status.details if status else ():
        refusal.bytes = status.ByteSize()
        if detail.Is(ErrorInfo.DESCRIPTOR):
            info = ErrorInfo.FromString(detail.value)
            refusal.reason, refusal.domain = info.reason, info.domain
            refusal.metadata = dict(info.metadata)
        elif detail.Is(BadRequest.DESCRIPTOR):
            request = BadRequest.FromString(detail.value)
            refusal.violations = {it.field: it.description for it in request.field_violations}
        elif detail.Is(PreconditionFailure.DESCRIPTOR):
            failure = PreconditionFailure.FromString(detail.value)
            refusal.preconditions = [(it.type, it.subject) for it in failure.violations]
        elif detail.Is(RetryInfo.DESCRIPTOR):
            retry = RetryInfo.FromString(detail.value)
            refusal.retry_s = retry.retry_delay.ToTimedelta().total_seconds()
