"""
Runs: one row of what a run is, without its records and events.
"""

from enum import StrEnum

from dalsegno.model.lineage import Lineage
from dalsegno.model.noun import Noun
from dalsegno.model.payload import Payload
from dalsegno.model.record import Error


class RunStatus(StrEnum):
    """
    Where a run stands (semantics.md §4).
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
        Whether nothing goes on before a caller acts: finished, suspended or paused.
        """
        return self.is_terminal or self in (RunStatus.SUSPENDED, RunStatus.PAUSED)


class Tracing(Noun, frozen=True):
    """
    Whose trace a run belongs to, and what its spans carry.

    Attributes:
        trace_id: 32 lower-case hexadecimal digits.
        parent_span_id: 16 of them; empty for none.
        request_context_keys: Keys of the request context that spans carry.
    """

    trace_id: str
    parent_span_id: str = ""
    tags: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    request_context_keys: tuple[str, ...] = ()


class Run(Noun, frozen=True):
    """
    One execution of a workflow.

    Attributes:
        definition_hash: Of the definition it was last driven with.
        definition_changed: For a replay, whether that differs from its direct source's.
        epoch: Raised by whoever takes the run over; a writer of an older epoch is refused.
        newest_sequence: Of its newest event; 0 before the first.
        state: The state now. Its `at` names the event whose `state` it is.
        initial_state: What the state was at the beginning.
        paused_at: Addresses a paused run goes on at; empty in any other status.
        kept_resume_data: Resume data of a travel whose step has not been reached yet:
            address ("" for the first suspended step reached) and data.
        due_us: When a waiting run goes on.
        deadline_us: When its time-out strikes.
        owner: The server that drives it, by its lease; None unless it is running.
        recoveries: How often in a row its server died before it had got any further.
        is_pausing: It is to stop before its next step.
        step_scope: With `per_step`: the sequence or container of which one node, iteration or
            item is walked before it pauses; None to walk on.
        is_stepping_in: A travel with `per_step`: in a block only its target is walked.
    """

    run_id: str
    workflow_id: str
    definition_hash: str
    status: RunStatus
    created_us: int
    input: Payload
    request_context: Payload
    initial_state: Payload
    state: Payload
    epoch: int = 1
    newest_sequence: int = 0
    started_us: int | None = None
    ended_us: int | None = None
    result: Payload | None = None
    error: Error | None = None
    lineage: Lineage | None = None
    definition_changed: bool = False
    paused_at: tuple[str, ...] = ()
    kept_resume_data: tuple[tuple[str, Payload], ...] = ()
    due_us: int | None = None
    deadline_us: int | None = None
    owner: int | None = None
    recoveries: int = 0
    is_pausing: bool = False
    step_scope: str | None = None
    is_stepping_in: bool = False
    pause_reason: str | None = None
    tracing: Tracing | None = None
