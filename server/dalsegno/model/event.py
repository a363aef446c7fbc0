"""
Events: facts about a run, dense in sequence, never changed.
"""

from enum import StrEnum

from dalsegno.model.lineage import Lineage
from dalsegno.model.noun import Noun
from dalsegno.model.payload import Payload
from dalsegno.model.record import Error


class EventType(StrEnum):
    """
    What an event tells (semantics.md §6).
    """

    RUN_STARTED = "run_started"
    RUN_RESUMED = "run_resumed"
    RUN_RESTARTED = "run_restarted"
    RUN_WAITING = "run_waiting"
    RUN_SUSPENDED = "run_suspended"
    RUN_PAUSED = "run_paused"
    RUN_COMPLETED = "run_completed"
    RUN_FAILED = "run_failed"
    RUN_CANCELED = "run_canceled"
    STEP_STARTED = "step_started"
    STEP_OUTPUT = "step_output"
    STEP_PROGRESS = "step_progress"
    STEP_RETRYING = "step_retrying"
    STEP_WAITING = "step_waiting"
    STEP_SUSPENDED = "step_suspended"
    STEP_SKIPPED = "step_skipped"
    STEP_COMPLETED = "step_completed"
    STEP_FAILED = "step_failed"
    STEP_CANCELED = "step_canceled"

    @property
    def ends_run(self) -> bool:
        """
        Whether nothing can come after it.
        """
        return self in (EventType.RUN_COMPLETED, EventType.RUN_FAILED, EventType.RUN_CANCELED)

    @property
    def rests_run(self) -> bool:
        """
        Whether a stream that does not follow ends after it, if it is the newest.
        """
        return self.ends_run or self in (EventType.RUN_SUSPENDED, EventType.RUN_PAUSED)


class Event(Noun, frozen=True):
    """
    One fact about a run. Which of the optional fields are set depends on the type.

    Attributes:
        address: What it is about; "" for the run itself.
        payload: run_started, step_started: input · run_completed: result · step_completed: output
            · step_output: what was emitted · step_suspended: what is asked
            · run_resumed: resume data · run_started of a replay: the run's input.
        resume_data: step_started of a resumed step.
        state: The whole state as this step set it (step_completed only).
        attempt: Number of the try (step_started, step_retrying, step_failed).
        due_us: step_retrying, step_waiting, run_waiting: when it goes on.
        label: Of a suspension.
        addresses: run_suspended: what waits, in graph order; run_resumed: what is resumed.
        done, total: step_progress: items finished, and items there are.
        reason: Why a run was canceled, as the caller gave it.
    """

    run_id: str
    sequence: int
    time_us: int
    type: EventType
    address: str = ""
    payload: Payload | None = None
    resume_data: Payload | None = None
    state: Payload | None = None
    attempt: int | None = None
    error: Error | None = None
    due_us: int | None = None
    label: str | None = None
    addresses: tuple[str, ...] = ()
    done: int | None = None
    total: int | None = None
    reason: str | None = None
    lineage: Lineage | None = None
    workflow_id: str | None = None
    definition_hash: str | None = None

    @property
    def size(self) -> int:
        """
        Bytes of its payloads, wherever they are stored; all else of an event is small.
        """
        size = 0
        if self.payload is not None:
            size += len(self.payload.json)
        if self.resume_data is not None:
            size += len(self.resume_data.json)
        if self.state is not None:
            size += len(self.state.json)
        return size
