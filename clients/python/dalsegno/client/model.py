"""
What calls answer with: runs, steps, lineage and workflows as plain, frozen Python.

Fields have the names and meanings of the protos. What is absent is None, except payloads: an
absent one is `UNSET`, because None is the JSON value null.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from dalsegno.client.payloads import UNSET


class OpenEnum(StrEnum):
    """
    Names that later releases add to.

    A value that a newer server has and this client does not know is ``unknown_`` and its number:
    equal to itself, and no member that a loop over the enum meets.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str) or not value.startswith("unknown_"):
            return None
        name = str.__new__(cls, value)
        name._name_ = value.upper()
        name._value_ = value
        return name


class RunStatus(OpenEnum):
    """
    Where a run stands.
    """

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    SUSPENDED = "suspended"
    PAUSED = "paused"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_terminal(self) -> bool:
        """
        Whether the run has ended; it never changes again.
        """
        return self in (RunStatus.SUCCESS, RunStatus.FAILED, RunStatus.CANCELED)

    @property
    def is_at_rest(self) -> bool:
        """
        Whether nothing goes on before a caller acts: ended, suspended or paused.
        """
        return self.is_terminal or self in (RunStatus.SUSPENDED, RunStatus.PAUSED)


class StepStatus(OpenEnum):
    """
    What became of an address.
    """

    RUNNING = "running"
    WAITING = "waiting"
    SUSPENDED = "suspended"
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELED = "canceled"
    NOT_RUN = "not_run"


class NodeKind(OpenEnum):
    """
    What a node of a graph is.
    """

    STEP = "step"
    WORKFLOW = "workflow"
    MAP = "map"
    SLEEP = "sleep"
    SLEEP_UNTIL = "sleep_until"
    TAP = "tap"
    WHEN = "when"
    DO_WHILE = "do_while"
    DO_UNTIL = "do_until"
    FOREACH = "foreach"
    PARALLEL = "parallel"
    RACE = "race"
    BRANCH = "branch"


class RunView(StrEnum):
    """
    How much of a run an answer holds.
    """

    BASIC = "basic"  # without steps
    FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """
    What an answer should hold of the run.
    """

    view: RunView = RunView.FULL
    include_state: bool = False
    include_resume_labels: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TracingOptions:
    """
    Whose trace a run belongs to, and what its spans carry.

    Attributes:
        trace_id: 32 lower-case hexadecimal digits; None: the server makes one.
        parent_span_id: 16 of them; None: no span above the run's.
        tags: Words to find the trace by.
        metadata: What else the spans carry.
        request_context_keys: Keys of the request context that the spans carry.
    """

    trace_id: str | None = None
    parent_span_id: str | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    request_context_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """
    What a time travel takes as the record of a step, in place of the one in the source.

    Attributes:
        output: What the step gave. Required, except for the target.
        payload: What the step got; for the target, what the target gets.
        status: Only success is accepted, and None means that.
    """

    output: Any = UNSET
    payload: Any = UNSET
    status: StepStatus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """
    Something in a run that failed, without stack trace. Not an exception: calls raise those.

    Attributes:
        type: Name of the exception's class, or of the kind of failure.
        message: At most 4 KiB; longer ones are cut.
        retryable: Whether another attempt was allowed to help.
    """

    type: str
    message: str
    retryable: bool = False
    cause: "Error | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """
    One try of a step's body, numbered from 1.
    """

    number: int
    start_time: datetime
    end_time: datetime | None = None
    error: Error | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """
    The record of one address: a step, a container, or one iteration.

    Attributes:
        input: `UNSET` for one that is not run, or given by context without one.
        output: `UNSET` unless it succeeded.
        attempts: Oldest first; empty for what has no body.
        suspend_payload: What it asked when it last suspended.
        resume_data: What it was last resumed with.
        iteration: Index from 0, if the address ends in one.
        reused_from_run_id: The earlier run the record belongs to; None if it is the run's own.
        given: Whether the context of a time travel gave it.
        first_sequence: Of the event that first told of it, in the run it belongs to; 0 if none.
    """

    address: str
    step_id: str
    kind: NodeKind
    status: StepStatus
    input: Any = UNSET
    output: Any = UNSET
    error: Error | None = None
    attempts: tuple[Attempt, ...] = ()
    suspend_payload: Any = UNSET
    suspend_label: str | None = None
    suspend_time: datetime | None = None
    resume_time: datetime | None = None
    resume_data: Any = UNSET
    start_time: datetime | None = None
    end_time: datetime | None = None
    due_time: datetime | None = None
    iteration: int | None = None
    reused_from_run_id: str | None = None
    given: bool = False
    first_sequence: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """
    A step that waits for resume data.

    Attributes:
        payload: What the step asks.
        resume_schema: JSON schema of the data it takes; None if it takes any.
    """

    address: str
    label: str | None = None
    payload: Any = None
    suspend_time: datetime | None = None
    resume_schema: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """
    Where a replay comes from.

    Attributes:
        source_run_id: None for a time travel without a source.
        step: The target, as the caller gave it.
        root_run_id: The run at the top of the tree; without a source, the replay itself.
        depth: 1 for a replay of a run that is none; 0 without a source.
        overrides: Names of the request's fields that replaced something, sorted.
    """

    source_run_id: str | None
    step: str
    root_run_id: str
    depth: int
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """
    One run of a workflow, or a replay of one.

    Attributes:
        definition_hash: Of the definition it was last driven with.
        result: `UNSET` unless it succeeded.
        state: `UNSET` unless asked for.
        steps: By address, in the order they were executed, reused ones first. Empty in the
            basic view.
        suspensions: In graph order.
        labels: Address of a suspended step by its label; empty unless asked for.
        definition_changed: Whether a replay's definition differs from its direct source's.
        due_time: When a waiting run goes on.
        newest_sequence: Of its newest event; 0 before the first.
        steps_truncated: Whether some of `steps`, or payloads in them, were left out because the
            answer would have been too large. `Client.list_steps` has them all.
        trace_id: The trace it belongs to.
        tracing: What the caller said of its trace.
    """

    run_id: str
    workflow_id: str
    definition_hash: str
    status: RunStatus
    create_time: datetime
    input: Any = None
    result: Any = UNSET
    error: Error | None = None
    state: Any = UNSET
    steps: Mapping[str, Step]
    suspensions: tuple[Suspension, ...] = ()
    labels: Mapping[str, str]
    lineage: Lineage | None = None
    definition_changed: bool = False
    request_context: Any = UNSET
    start_time: datetime | None = None
    end_time: datetime | None = None
    due_time: datetime | None = None
    newest_sequence: int = 0
    steps_truncated: bool = False
    trace_id: str | None = None
    tracing: TracingOptions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageRun:
    """
    One run of the tree of runs that time travels made.

    Attributes:
        source_run_id: The run it was made from; None for the root.
        step: The target it was made at; None for a run that is no replay.
        depth: How many sources lie between it and the root; 0 for the root.
    """

    run_id: str
    workflow_id: str
    status: RunStatus
    create_time: datetime
    source_run_id: str | None = None
    step: str | None = None
    depth: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartFailure:
    """
    A run that could not be restarted.

    Attributes:
        reason: As `DalsegnoError.reason`.
    """

    run_id: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarted:
    """
    What came of restarting all runs that dead servers left.

    Attributes:
        run_ids: The runs that go on, sorted.
        failures: The others, sorted by run id.
    """

    run_ids: tuple[str, ...] = ()
    failures: tuple[RestartFailure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """
    How failed attempts of a step are retried: exponential backoff with jitter.

    Attributes:
        max_attempts: The first included.
        backoff: What the interval is multiplied with after each attempt.
        non_retryable: Names of error types that are not retried.
    """

    max_attempts: int
    initial_interval: timedelta
    backoff: float
    max_interval: timedelta
    non_retryable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """
    One place in a graph.

    Attributes:
        address: With ``[]`` where an index goes: ``items[].enrich``. Empty for a parallel, race
            or branch without an id.
        description: As its author says; empty if nothing is said.
        nodes: What is inside, in order.
        input_schema, output_schema, resume_schema: JSON schemas; None where anything fits.
        timeout: Of one attempt; None without limit.
    """

    address: str
    kind: NodeKind
    description: str = ""
    nodes: tuple["Node", ...] = ()
    input_schema: dict[str, Any] | None = None
    output_schema: dict[str, Any] | None = None
    resume_schema: dict[str, Any] | None = None
    retry: RetryPolicy | None = None
    timeout: timedelta | None = None
    max_iterations: int | None = None
    concurrency: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """
    A definition: what a run executes.

    Attributes:
        nodes: Its outermost sequence, in order. Empty in lists, as the schemas are.
    """

    workflow_id: str
    definition_hash: str
    description: str = ""
    input_schema: dict[str, Any] | None = None
    output_schema: dict[str, Any] | None = None
    state_schema: dict[str, Any] | None = None
    nodes: tuple[Node, ...] = ()
