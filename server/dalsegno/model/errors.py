"""
Every error the service raises on purpose.

    DalsegnoError
    ├── NotFound                  the thing named does not exist
    │   ├── WorkflowNotFound  RunNotFound  StepNotFound
    ├── InvalidArgument           the request is wrong whatever the state
    │   ├── InvalidInput  InvalidState  InvalidResumeData  InvalidContext  InvalidAddress
    │   ├── InvalidRequest  InvalidPageToken  InvalidDefinition  WorkflowMismatch
    ├── AlreadyExists             the id is taken
    │   ├── RunExists  RequestIdReused
    ├── FailedPrecondition        the run is in a state that forbids the request
    │   ├── SourceRunActive  MissingHistory  DefinitionChanged  TargetNotReached
    │   ├── NothingToResume  NotSuspended  AmbiguousSuspension
    │   ├── RunActive  RunFinished  RunHasReplays
    ├── Aborted                   another caller was first; read again and retry
    │   └── Conflict
    ├── DataLoss                  a record cannot be read
    │   ├── CorruptHistory  CorruptStore
    ├── OutOfRange                a cursor beyond the end
    │   └── SequenceOutOfRange
    ├── Exhausted                 a limit was reached; waiting or asking less may help
    │   ├── PayloadTooLarge  TooManyRuns  TooManyStreams  TooManyEvents
    │   ├── BackupActive  BackupNoSpace
    └── Unavailable               the server cannot serve now; the same call may work soon
        ├── StoreUnavailable  ShuttingDown  ReaderStalled

The second level decides the gRPC code (`rpc/status.py`); the leaf decides the reason that
clients switch on (`docs/errors.md`). All are raised before anything is written, unless a leaf
says otherwise.
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar

_LISTED_MAX = 50  # addresses named in one error: details ride in headers and must stay small


class DalsegnoError(Exception):
    """
    Base of the tree; never raised itself.

    Attributes:
        reason: Name of the `ErrorReason` enum value, without its prefix.
        facts: The values behind the message, sent as `ErrorInfo.metadata`.
        violations: Field path to what is wrong with it, for `BadRequest`.
    """

    reason: ClassVar[str]

    def __init__(
        self,
        message: str,
        *,
        violations: Mapping[str, str] | None = None,
        **facts: str | int | None,
    ) -> None:
        super().__init__(message)
        self.facts = {name: str(value) for name, value in facts.items() if value is not None}
        self.violations = dict(violations or {})


class NotFound(DalsegnoError):
    """
    The thing named does not exist.
    """


class InvalidArgument(DalsegnoError):
    """
    The request is wrong whatever the state of the run.
    """


class AlreadyExists(DalsegnoError):
    """
    The id is taken.
    """


class FailedPrecondition(DalsegnoError):
    """
    The run is in a state that forbids the request.
    """


class Aborted(DalsegnoError):
    """
    Another caller was first.
    """


class DataLoss(DalsegnoError):
    """
    What was stored cannot be read.
    """


class OutOfRange(DalsegnoError):
    """
    A cursor lies beyond the end.
    """


class Exhausted(DalsegnoError):
    """
    A limit was reached.
    """


class Unavailable(DalsegnoError):
    """
    The server cannot serve the call now.
    """


class WorkflowNotFound(NotFound):
    """
    No workflow of this id is registered.
    """

    reason = "WORKFLOW_NOT_FOUND"

    def __init__(self, workflow_id: str, known: Iterable[str] = ()) -> None:
        names = _listed(known)
        super().__init__(
            f"workflow {workflow_id!r} is not registered; registered: {names or 'none'}",
            workflow_id=workflow_id,
            workflows=names,
        )


class RunNotFound(NotFound):
    """
    No run has this id.
    """

    reason = "RUN_NOT_FOUND"

    def __init__(self, run_id: str) -> None:
        super().__init__(f"run {run_id!r} does not exist", run_id=run_id)


class StepNotFound(NotFound):
    """
    A well-formed address that names nothing in the workflow or the run.
    """

    reason = "STEP_NOT_FOUND"

    def __init__(self, step: str, workflow_id: str, known: Iterable[str] = ()) -> None:
        names = _listed(known)
        super().__init__(
            f"workflow {workflow_id!r} has nothing at {step!r}; addresses: {names}",
            step=step,
            workflow_id=workflow_id,
            addresses=names,
        )


class _InvalidPayload(InvalidArgument):
    """
    A payload that does not fit: not JSON, too deep, or of the wrong type.
    """

    def __init__(self, field: str, problem: str, **facts: str | int | None) -> None:
        super().__init__(f"{field}: {problem}", violations={field: problem}, field=field, **facts)


class InvalidInput(_InvalidPayload):
    """
    The input given does not fit what it is given to.
    """

    reason = "INVALID_INPUT"


class InvalidState(_InvalidPayload):
    """
    The state given does not fit the workflow's state.
    """

    reason = "INVALID_STATE"


class InvalidResumeData(_InvalidPayload):
    """
    The resume data given does not fit the suspended step.
    """

    reason = "INVALID_RESUME_DATA"


class InvalidContext(_InvalidPayload):
    """
    A record or the request context given does not fit.
    """

    reason = "INVALID_CONTEXT"


class InvalidAddress(InvalidArgument):
    """
    An address that is empty or malformed.
    """

    reason = "INVALID_ADDRESS"

    def __init__(self, address: str) -> None:
        problem = f"{address!r} is not an address such as a, inner.a or items[2].a"
        super().__init__(problem, violations={"step": problem}, address=address)


class InvalidRequest(InvalidArgument):
    """
    Fields of the request break their rules.
    """

    reason = "INVALID_REQUEST"

    def __init__(self, violations: Mapping[str, str]) -> None:
        text = "; ".join(f"{field}: {problem}" for field, problem in violations.items())
        super().__init__(text, violations=violations)


class InvalidPageToken(InvalidArgument):
    """
    A page token that this server did not give for this question.
    """

    reason = "INVALID_PAGE_TOKEN"

    def __init__(self) -> None:
        problem = "is not a token that an earlier page of the same question gave"
        super().__init__(f"page_token {problem}", violations={"page_token": problem})


class InvalidDefinition(InvalidArgument):
    """
    A workflow that cannot be built; raised to its author, never to a caller.
    """

    reason = "INVALID_DEFINITION"

    def __init__(self, workflow_id: str, problem: str) -> None:
        super().__init__(f"workflow {workflow_id!r}: {problem}", workflow_id=workflow_id)


class WorkflowMismatch(InvalidArgument):
    """
    The workflow named is not the one of the source run.
    """

    reason = "WORKFLOW_MISMATCH"

    def __init__(self, run_id: str, *, expected: str, actual: str) -> None:
        super().__init__(
            f"run {run_id!r} is of workflow {actual!r}, not {expected!r}",
            run_id=run_id,
            expected=expected,
            actual=actual,
        )


class RunExists(AlreadyExists):
    """
    A run has this id already.
    """

    reason = "RUN_EXISTS"

    def __init__(self, run_id: str) -> None:
        super().__init__(f"run {run_id!r} exists already", run_id=run_id)


class RequestIdReused(AlreadyExists):
    """
    The request id was used before, for another request.
    """

    reason = "REQUEST_ID_REUSED"

    def __init__(self, request_id: str, run_id: str) -> None:
        super().__init__(
            f"request id {request_id!r} was used for another request, about run {run_id!r}",
            request_id=request_id,
            run_id=run_id,
        )


class SourceRunActive(FailedPrecondition):
    """
    The source run is pending, running or waiting.
    """

    reason = "SOURCE_RUN_ACTIVE"

    def __init__(self, run_id: str, status: str) -> None:
        super().__init__(f"source run {run_id!r} is {status}", run_id=run_id, status=status)


class MissingHistory(FailedPrecondition):
    """
    Steps whose records or outputs the target needs have none.
    """

    reason = "MISSING_HISTORY"

    def __init__(self, step: str, missing: Iterable[str]) -> None:
        names = _listed(missing)
        super().__init__(f"{step!r} needs records of: {names}", step=step, steps=names)


class DefinitionChanged(FailedPrecondition):
    """
    Steps up to the target stand in another order than recorded.
    """

    reason = "DEFINITION_CHANGED"

    def __init__(self, step: str, *, recorded: Iterable[str], defined: Iterable[str]) -> None:
        was, now = _listed(recorded), _listed(defined)
        super().__init__(
            f"steps up to {step!r} were recorded as {was} and are now {now}",
            step=step,
            recorded=was,
            defined=now,
        )


class TargetNotReached(FailedPrecondition):
    """
    The condition in front of the target does not hold.
    """

    reason = "TARGET_NOT_REACHED"

    def __init__(self, step: str, container: str) -> None:
        super().__init__(
            f"the condition of {container!r} does not hold, so {step!r} is not reached",
            step=step,
            container=container,
        )


class NothingToResume(FailedPrecondition):
    """
    The source has no suspended step at or after the target.
    """

    reason = "NOTHING_TO_RESUME"

    def __init__(self, run_id: str | None, step: str) -> None:
        super().__init__(
            f"no suspended step at or after {step!r} takes the resume data",
            run_id=run_id,
            step=step,
        )


class NotSuspended(FailedPrecondition):
    """
    Nothing waits for resume data there.
    """

    reason = "NOT_SUSPENDED"

    def __init__(
        self, run_id: str, status: str, step: str | None = None, label: str | None = None
    ) -> None:
        where = f" at {step!r}" if step else f" by the label {label!r}" if label else ""
        super().__init__(
            f"run {run_id!r} is {status} and not suspended{where}",
            run_id=run_id,
            status=status,
            step=step,
            label=label,
        )


class AmbiguousSuspension(FailedPrecondition):
    """
    Several steps wait for resume data and the request names none.
    """

    reason = "AMBIGUOUS_SUSPENSION"

    def __init__(self, run_id: str, suspended: Iterable[str]) -> None:
        names = _listed(suspended)
        super().__init__(f"run {run_id!r} is suspended at {names}", run_id=run_id, steps=names)


class RunActive(FailedPrecondition):
    """
    The run is alive.
    """

    reason = "RUN_ACTIVE"

    def __init__(self, run_id: str, status: str) -> None:
        super().__init__(f"run {run_id!r} is {status}", run_id=run_id, status=status)


class RunFinished(FailedPrecondition):
    """
    The run has ended; terminal states are final.
    """

    reason = "RUN_FINISHED"

    def __init__(self, run_id: str, status: str) -> None:
        super().__init__(f"run {run_id!r} has ended: {status}", run_id=run_id, status=status)


class RunHasReplays(FailedPrecondition):
    """
    Replays share the history of the run.
    """

    reason = "RUN_HAS_REPLAYS"

    def __init__(self, run_id: str, replays: Iterable[str]) -> None:
        names = _listed(replays)
        super().__init__(f"replays depend on run {run_id!r}: {names}", run_id=run_id, replays=names)


class Conflict(Aborted):
    """
    A compare-and-set was lost: the run changed since it was read.
    """

    reason = "CONFLICT"

    def __init__(self, run_id: str) -> None:
        super().__init__(f"run {run_id!r} was changed by another call", run_id=run_id)


class CorruptHistory(DataLoss):
    """
    A stored record cannot be read; it is never taken for a success.
    """

    reason = "CORRUPT_HISTORY"

    def __init__(self, run_id: str, what: str, problem: str) -> None:
        super().__init__(f"run {run_id!r}: {what}: {problem}", run_id=run_id, what=what)


class CorruptStore(DataLoss):
    """
    The database as a whole is damaged.
    """

    reason = "CORRUPT_STORE"

    def __init__(self, problem: str) -> None:
        super().__init__(f"the database is damaged: {problem}", problem=problem)


class SequenceOutOfRange(OutOfRange):
    """
    A cursor beyond the newest event of the run.
    """

    reason = "SEQUENCE_OUT_OF_RANGE"

    def __init__(self, run_id: str, after_sequence: int, newest: int) -> None:
        super().__init__(
            f"run {run_id!r} has events up to {newest}, not {after_sequence}",
            run_id=run_id,
            after_sequence=after_sequence,
            newest=newest,
        )


class PayloadTooLarge(Exhausted):
    """
    A payload takes more bytes than the server accepts.
    """

    reason = "PAYLOAD_TOO_LARGE"

    def __init__(self, field: str, size: int, size_max: int) -> None:
        super().__init__(
            f"{field} takes {size} bytes; the limit is {size_max}",
            field=field,
            size=size,
            payload_bytes_max=size_max,
        )


class TooManyRuns(Exhausted):
    """
    No more runs are accepted now.

    Args:
        runs_pending_max: Given if the run could have waited, had not so many others.
    """

    reason = "TOO_MANY_RUNS"

    def __init__(self, runs_max: int, runs_pending_max: int | None = None) -> None:
        waiting = f", and {runs_pending_max} wait" if runs_pending_max else ""
        super().__init__(
            f"{runs_max} runs are in progress{waiting}, which is the limit",
            runs_max=runs_max,
            runs_pending_max=runs_pending_max or None,
        )


class BackupActive(Exhausted):
    """
    Another backup is being made; there is one at a time.
    """

    reason = "BACKUP_ACTIVE"

    def __init__(self) -> None:
        super().__init__("another backup is being made")


class BackupNoSpace(Exhausted):
    """
    There is no space for the copy that a backup is sent from.
    """

    reason = "BACKUP_NO_SPACE"

    def __init__(self, folder: str) -> None:
        super().__init__(
            f"there is no space for a copy of the database in {folder}, on the server",
            folder=folder,
        )


class TooManyStreams(Exhausted):
    """
    As many streams are open as one of the two limits allows.
    """

    reason = "TOO_MANY_STREAMS"

    def __init__(self, setting: str, limit: int) -> None:
        super().__init__(
            f"{limit} streams are open, which is the limit ({setting})",
            setting=setting,
            limit=limit,
        )


class TooManyEvents(Exhausted):
    """
    A run has no room for the events that going on would bring.
    """

    reason = "TOO_MANY_EVENTS"

    def __init__(self, run_id: str, events: int, events_max: int) -> None:
        super().__init__(
            f"run {run_id!r} has {events} events; the limit is {events_max}",
            run_id=run_id,
            events=events,
            events_max=events_max,
        )


class StoreUnavailable(Unavailable):
    """
    The database did not answer; whether the last write was kept is not known.
    """

    reason = "STORE_UNAVAILABLE"

    def __init__(self, problem: str) -> None:
        super().__init__(f"the store cannot be used: {problem}")


class ShuttingDown(Unavailable):
    """
    The server is stopping and starts nothing new.
    """

    reason = "SHUTTING_DOWN"

    def __init__(self) -> None:
        super().__init__("the server is shutting down")


class ReaderStalled(Unavailable):
    """
    Nobody took the next message of a stream for too long; the run goes on.
    """

    reason = "READER_STALLED"

    def __init__(self, stream_write_s: float) -> None:
        super().__init__(
            f"the stream was not read for {stream_write_s:g} s",
            stream_write_s=f"{stream_write_s:g}",
        )


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    more = len(listed) - _LISTED_MAX
    text = ", ".join(listed[:_LISTED_MAX])
    return f"{text} and {more} more" if more > 0 else text
