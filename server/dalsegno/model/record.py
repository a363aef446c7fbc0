"""
Records: what a run knows of one address.
"""

from enum import StrEnum

from dalsegno.model.noun import Noun
from dalsegno.model.payload import Payload


class NodeKind(StrEnum):
    """
    What a node of a graph is.
    """

    STEP = "step"
    WORKFLOW = "workflow"
    MAP = "map"
    PARALLEL = "parallel"
    BRANCH = "branch"
    FOREACH = "foreach"
    DO_WHILE = "do_while"
    DO_UNTIL = "do_until"
    RACE = "race"
    WHEN = "when"
    TAP = "tap"
    SLEEP = "sleep"
    SLEEP_UNTIL = "sleep_until"

    @property
    def is_loop(self) -> bool:
        return self in (NodeKind.DO_WHILE, NodeKind.DO_UNTIL)


class StepStatus(StrEnum):
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

    @property
    def is_active(self) -> bool:
        """
        Whether the run has still to do with it: part of the run's frontier.
        """
        return self in (StepStatus.RUNNING, StepStatus.WAITING, StepStatus.SUSPENDED)


class Error(Noun, frozen=True):
    """
    What went wrong, as callers see it: no stack trace.

    Attributes:
        type: Name of the exception's class, or of the kind of failure.
        message: At most 4 KiB; longer ones are cut.
        is_retryable: Whether another attempt was allowed to help.
    """

    type: str
    message: str
    is_retryable: bool = True
    cause: "Error | None" = None


class Attempt(Noun, frozen=True):
    """
    One try of a step's body.

    Attributes:
        ended_us: None while it runs, and for one that was cut off.
        error: Why it failed; None if it did not.
    """

    number: int
    started_us: int
    ended_us: int | None = None
    error: Error | None = None


class Record(Noun, frozen=True):
    """
    What a run knows of one address.

    Attributes:
        run_id: The run that owns the record. In a replay's view a record of an earlier run is
            *reused*: its `run_id` is then not the replay's.
        first_sequence: Event that first told of it; orders the records of a run. 0 for one given
            by context and for one that is `not_run`.
        last_sequence: Event that last changed it; tells what a replay made at some point saw.
        attempts: Oldest first; empty for what has no body.
        suspend_payload: What the step asked when it last suspended.
        resume_data: What it was last answered.
        is_given: It was given by the context of a time travel.
        is_bailed: The step ended the workflow around it.
        due_us: When a waiting step goes on.
    """

    run_id: str
    address: str
    kind: NodeKind
    status: StepStatus
    first_sequence: int
    started_us: int
    input: Payload | None = None
    output: Payload | None = None
    error: Error | None = None
    attempts: tuple[Attempt, ...] = ()
    ended_us: int | None = None
    suspend_payload: Payload | None = None
    suspend_label: str | None = None
    suspended_us: int | None = None
    resume_data: Payload | None = None
    resumed_us: int | None = None
    is_given: bool = False
    is_bailed: bool = False
    due_us: int | None = None
    last_sequence: int = 0

    @property
    def size(self) -> int:
        """
        Bytes of its payloads, wherever they are stored; all else of a record is small.
        """
        payloads = (self.input, self.output, self.suspend_payload, self.resume_data)
        return sum(len(payload.json) for payload in payloads if payload is not None)
