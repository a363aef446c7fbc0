"""
What calls raise: one tree, the same leaf names as on the server.

    DalsegnoError
    ├── NotFound                  the thing named does not exist
    │   ├── WorkflowNotFound  RunNotFound  StepNotFound
    ├── InvalidArgument           the request is wrong whatever the state
    │   ├── InvalidInput  InvalidState  InvalidResumeData  InvalidContext
    │   ├── InvalidAddress  InvalidRequest  InvalidPageToken  InvalidDefinition
    │   ├── WorkflowMismatch
    ├── AlreadyExists             the id is taken
    │   ├── RunExists  RequestIdReused
    ├── FailedPrecondition        the run is in a state that forbids the request
    │   ├── SourceRunActive  MissingHistory  DefinitionChanged  TargetNotReached
    │   ├── NothingToResume  NotSuspended  AmbiguousSuspension  RunActive
    │   ├── RunFinished  RunHasReplays
    ├── Aborted                   another caller was first; read again and retry
    │   ├── Conflict
    ├── DataLoss                  what was stored cannot be read, or is missing
    │   ├── CorruptHistory  EventGap  CorruptStore  IncompleteBackup
    ├── OutOfRange                a cursor beyond the end
    │   ├── SequenceOutOfRange
    ├── Exhausted                 a limit was reached; waiting or asking less may help
    │   ├── PayloadTooLarge  TooManyRuns  TooManyStreams  TooManyEvents
    │   ├── BackupActive  BackupNoSpace
    ├── Unavailable               nobody answers, or not now; retries did not help
    │   ├── StoreUnavailable  ShuttingDown  ReaderStalled
    ├── DeadlineExceeded          the answer did not come in time; the run goes on
    ├── Internal                  the server has a bug

The second level is the gRPC code, the leaf the reason. A reason that this client does not know is
raised as its second level, so code that catches that stays right with newer servers. A step that
fails is no error of a call: it is a run whose status is failed.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import cast

import grpc
from google.rpc import (  # type: ignore[import-untyped]  # googleapis-common-protos has no types
    error_details_pb2,
    status_pb2,
)
from grpc_status import rpc_status


class DalsegnoError(Exception):
    """
    Base of the tree; raised itself only for codes that have no second level.

    Attributes:
        reason: Name of the `ErrorReason`, without its prefix; "" if the server gave none, as for
            every failure of the transport.
        metadata: The facts behind the message; `ErrorReason` lists them.
        violations: Path of a field to what is wrong with it.
        retry_delay: How long the server asks to wait before the call is repeated.
    """

    code: grpc.StatusCode = grpc.StatusCode.UNKNOWN

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        code: grpc.StatusCode | None = None,
        metadata: Mapping[str, str] | None = None,
        violations: Mapping[str, str] | None = None,
        retry_delay: timedelta = timedelta(0),
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.code = code or self.code
        self.metadata = dict(metadata or {})
        self.violations = dict(violations or {})
        self.retry_delay = retry_delay

    @property
    def message(self) -> str:
        """
        What happened, for people; may change between releases.
        """
        return str(self.args[0])


class NotFound(DalsegnoError):
    """
    The thing named does not exist.
    """

    code = grpc.StatusCode.NOT_FOUND


class InvalidArgument(DalsegnoError):
    """
    The request is wrong whatever the state of the run.
    """

    code = grpc.StatusCode.INVALID_ARGUMENT


class AlreadyExists(DalsegnoError):
    """
    The id is taken.
    """

    code = grpc.StatusCode.ALREADY_EXISTS


class FailedPrecondition(DalsegnoError):
    """
    The run is in a state that forbids the request.
    """

    code = grpc.StatusCode.FAILED_PRECONDITION


class Aborted(DalsegnoError):
    """
    Another caller was first.
    """

    code = grpc.StatusCode.ABORTED


class DataLoss(DalsegnoError):
    """
    What was stored cannot be read, or events are missing.
    """

    code = grpc.StatusCode.DATA_LOSS


class OutOfRange(DalsegnoError):
    """
    A cursor lies beyond the end.
    """

    code = grpc.StatusCode.OUT_OF_RANGE


class Exhausted(DalsegnoError):
    """
    A limit was reached; waiting or asking less may help.
    """

    code = grpc.StatusCode.RESOURCE_EXHAUSTED


class Unavailable(DalsegnoError):
    """
    The server cannot be reached, or cannot serve now; retries did not help.
    """

    code = grpc.StatusCode.UNAVAILABLE


class DeadlineExceeded(DalsegnoError):
    """
    The answer did not come in the time given; the run goes on.
    """

    code = grpc.StatusCode.DEADLINE_EXCEEDED


class Internal(DalsegnoError):
    """
    The server has a bug; its log has the details under `metadata["incident"]`.
    """

    code = grpc.StatusCode.INTERNAL


class WorkflowNotFound(NotFound):
    """
    No workflow of this id is registered.
    """


class RunNotFound(NotFound):
    """
    No run has this id.
    """


class StepNotFound(NotFound):
    """
    A well-formed address that names nothing in the workflow or the run.
    """


class InvalidInput(InvalidArgument):
    """
    The input does not fit what it is given to.
    """


class InvalidState(InvalidArgument):
    """
    The state does not fit the workflow's.
    """


class InvalidResumeData(InvalidArgument):
    """
    The resume data is missing or does not fit the suspended step.
    """


class InvalidContext(InvalidArgument):
    """
    A record or the request context given does not fit.
    """


class InvalidAddress(InvalidArgument):
    """
    An address that is empty or malformed.
    """


class InvalidRequest(InvalidArgument):
    """
    Fields of the request break their rules.
    """


class InvalidPageToken(InvalidArgument):
    """
    A page token that the server did not give for this question.
    """


class InvalidDefinition(InvalidArgument):
    """
    A workflow that cannot be built.
    """


class WorkflowMismatch(InvalidArgument):
    """
    The workflow named is not the one of the source run.
    """


class RunExists(AlreadyExists):
    """
    A run has this id already.
    """


class RequestIdReused(AlreadyExists):
    """
    The request id was used before, for another request.
    """


class SourceRunActive(FailedPrecondition):
    """
    The source run is pending, running or waiting.
    """


class MissingHistory(FailedPrecondition):
    """
    Steps whose records or outputs the target needs have none.
    """


class DefinitionChanged(FailedPrecondition):
    """
    Steps up to the target stand in another order than recorded.
    """


class TargetNotReached(FailedPrecondition):
    """
    The condition in front of the target does not hold.
    """


class NothingToResume(FailedPrecondition):
    """
    The source has no suspended step at or after the target.
    """


class NotSuspended(FailedPrecondition):
    """
    Nothing waits for resume data there.
    """


class AmbiguousSuspension(FailedPrecondition):
    """
    Several steps wait for resume data, and the request names none.
    """


class RunActive(FailedPrecondition):
    """
    The run is alive.
    """


class RunFinished(FailedPrecondition):
    """
    The run has ended, and terminal states are final.
    """


class RunHasReplays(FailedPrecondition):
    """
    Replays share the history of the run.
    """


class Conflict(Aborted):
    """
    The run was changed by another call; read it again, and decide again.
    """


class CorruptHistory(DataLoss):
    """
    A stored record cannot be read.
    """


class EventGap(DataLoss):
    """
    A stream went on behind the event it had to bring; raised by the client.
    """


class CorruptStore(DataLoss):
    """
    The server's database as a whole is damaged.
    """


class IncompleteBackup(DataLoss):
    """
    A backup ended before it was whole, or not as the server sent it; raised by the client.
    """


class SequenceOutOfRange(OutOfRange):
    """
    A cursor beyond the newest event of the run.
    """


class PayloadTooLarge(Exhausted):
    """
    A payload takes more bytes than the server accepts.
    """


class TooManyRuns(Exhausted):
    """
    The server accepts no more unfinished runs now.
    """


class TooManyStreams(Exhausted):
    """
    As many streams are open as the server allows, on this client's connection or in all.
    """


class TooManyEvents(Exhausted):
    """
    The run has as many events as it may have, so it cannot go on.
    """


class BackupActive(Exhausted):
    """
    The server is making another backup.
    """


class BackupNoSpace(Exhausted):
    """
    The server's disk has no space for the copy that a backup is sent from.
    """


class StoreUnavailable(Unavailable):
    """
    The server's database does not answer; whether the call took effect is not known.
    """


class ShuttingDown(Unavailable):
    """
    The server is stopping and starts nothing new.
    """


class ReaderStalled(Unavailable):
    """
    A stream was ended as it was not read for too long; streams of `Client` attach again.
    """


_KINDS = {kind.code: kind for kind in DalsegnoError.__subclasses__()}


def _reason_of(leaf: type[DalsegnoError]) -> str:
    # RunNotFound is RUN_NOT_FOUND: the names are the same by rule, on both sides.
    return "".join(f"_{c}" if c.isupper() else c.upper() for c in leaf.__name__).lstrip("_")


_LEAVES = {_reason_of(leaf): leaf for kind in _KINDS.values() for leaf in kind.__subclasses__()}


def from_rpc(error: grpc.aio.AioRpcError) -> DalsegnoError:
    """
    The typed error of a failed call.
    """
    code, message = error.code(), error.details() or ""
    info, violations, delay = _details(error)
    kind = _LEAVES.get(info.reason) or _KINDS.get(code, DalsegnoError)
    return kind(
        message,
        reason=info.reason,
        code=code,
        metadata=info.metadata,
        violations=violations,
        retry_delay=delay,
    )


def _details(
    error: grpc.aio.AioRpcError,
) -> tuple[error_details_pb2.ErrorInfo, dict[str, str], timedelta]:
    info = error_details_pb2.ErrorInfo()
    request = error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    status = _status(error)
    for detail in status.details if status else ():
        for message in (info, request, retry):
            detail.Unpack(message)
    violations = {item.field: item.description for item in request.field_violations}
    return info, violations, retry.retry_delay.ToTimedelta()


def _status(error: grpc.aio.AioRpcError) -> status_pb2.Status | None:
    try:
        # It reads code, details and trailing metadata, which a failed call has as a live one does.
        # Not the variant in rpc_status.aio: that one awaits them.
        return rpc_status.from_call(cast("grpc.Call", error))
    except ValueError:
        return None  # details that contradict the status: something in between made it up
