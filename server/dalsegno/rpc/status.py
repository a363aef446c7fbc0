"""
Errors as gRPC statuses, with the details of google.rpc.

The second level of the error tree (`model/errors.py`) decides the code, the leaf the reason.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta

import grpc
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import (  # type: ignore[import-untyped] # ships no types
    BadRequest,
    ErrorInfo,
    PreconditionFailure,
    RetryInfo,
)
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped] # ships no types
from grpc_status import rpc_status

from dalsegno.model import errors
from dalsegno.model.errors import DalsegnoError

DOMAIN = "dalsegno.dev"
INTERNAL = "INTERNAL"

RETRY_AFTER = timedelta(seconds=1)

CODES: Mapping[type[DalsegnoError], grpc.StatusCode] = {
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.InvalidArgument: grpc.StatusCode.INVALID_ARGUMENT,
    errors.AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    errors.FailedPrecondition: grpc.StatusCode.FAILED_PRECONDITION,
    errors.Aborted: grpc.StatusCode.ABORTED,
    errors.DataLoss: grpc.StatusCode.DATA_LOSS,
    errors.OutOfRange: grpc.StatusCode.OUT_OF_RANGE,
    errors.Exhausted: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
}

# Details ride in headers. From 8 KiB on clients refuse them at random, and they travel in base64
# beside the message, which may take three bytes for one: so all of them together stay below 4 KiB.
_MESSAGE_BYTES_MAX = 512
_FACT_BYTES_MAX = 1536
_FACTS_BYTES_MAX = 2048
_VIOLATIONS_BYTES_MAX = 1280
_TEXT_BYTES_MAX = 256  # of one violation's field, or its description


def code_of(error: DalsegnoError) -> grpc.StatusCode:
    """
    The gRPC code of an error.
    """
    return next(CODES[kind] for kind in type(error).__mro__ if kind in CODES)


def refusal(error: DalsegnoError) -> grpc.Status:
    """
    What a caller is told of an error raised on purpose.
    """
    message = _cut(str(error), _MESSAGE_BYTES_MAX)
    return _status(
        code_of(error),
        message,
        [_error_info(error.reason, error.facts), *_details(error, message)],
    )


def fault(code: grpc.StatusCode, incident: str) -> grpc.Status:
    """
    What a caller is told of a bug of ours: the id under which the log has the rest.
    """
    message = f"the server failed; its log has the details under incident {incident}"
    return _status(code, message, [_error_info(INTERNAL, {"incident": incident})])


def _status(code: grpc.StatusCode, message: str, details: Iterable[Message]) -> grpc.Status:
    number, _ = code.value
    status = Status(code=number, message=message)
    for detail in details:
        status.details.add().Pack(detail)
    return rpc_status.to_status(status)


def _error_info(reason: str, facts: Mapping[str, str]) -> ErrorInfo:
    info = ErrorInfo(reason=reason, domain=DOMAIN)
    left = _FACTS_BYTES_MAX
    for name, fact in facts.items():
        info.metadata[name] = _cut(fact, min(left, _FACT_BYTES_MAX))
        left -= len(info.metadata[name].encode())
    return info


def _details(error: DalsegnoError, message: str) -> Iterable[Message]:
    match error:
        case errors.InvalidArgument() if error.violations:
            yield _bad_request(error.violations)
        case errors.FailedPrecondition():
            subject = error.facts.get("run_id") or error.facts.get("step", "")
            yield PreconditionFailure(
                violations=[
                    PreconditionFailure.Violation(
                        type=error.reason, subject=_cut(subject, 128), description=message
                    )
                ]
            )
        case errors.Unavailable():
            retry = RetryInfo()
            retry.retry_delay.FromTimedelta(RETRY_AFTER)
            yield retry


def _bad_request(violations: Mapping[str, str]) -> BadRequest:
    """
    The first violations, as many as leave room for the rest of the status.
    """
    room = _VIOLATIONS_BYTES_MAX
    request = BadRequest()
    for field, problem in violations.items():
        violation = request.field_violations.add(
            field=_cut(field, _TEXT_BYTES_MAX),
            description=_cut(problem, _TEXT_BYTES_MAX),
        )
        room -= violation.ByteSize() + 4
        if room < 0:
            del request.field_violations[-1]
            break
    return request


def _cut(text: str, bytes_max: int) -> str:
    data = text.encode(errors="replace")
    if len(data) <= bytes_max:
        return data.decode()
    return data[: max(0, bytes_max - 3)].decode(errors="ignore") + "…"
