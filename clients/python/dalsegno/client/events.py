"""
Events: one class per kind, so that a `match` statement takes exactly what a kind has.

    async for event in client.run_stream("orders", input_data={"id": 7}):
        match event:
            case StepCompleted(address="charge", output=receipt):
                print(receipt)
            case RunFailed(error=error):
                print(error.message)

One class with a field for everything was refused: most fields would be None most of the time, and
neither reader nor type checker could tell which.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from dalsegno.client.model import Error, Lineage
from dalsegno.client.payloads import UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """
    One fact about a run.

    Attributes:
        type: Name of the kind, as in the protos.
        sequence: 1, 2, 3 … within the run, without gaps.
        address: The step it is about; "" if it is about the run as a whole.
    """

    type: ClassVar[str]
    rests_run: ClassVar[bool] = False  # a stream that does not follow ends after it

    run_id: str
    sequence: int
    time: datetime
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(RunEvent):
    """
    The run started. A replay has its lineage.
    """

    type = "run_started"

    workflow_id: str
    definition_hash: str
    input: Any = None
    lineage: Lineage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResumed(RunEvent):
    """
    The run goes on after a resume. `resume_data` is `UNSET` if it was paused.
    """

    type = "run_resumed"

    addresses: tuple[str, ...] = ()
    resume_data: Any = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRestarted(RunEvent):
    """
    The run goes on after its server died.
    """

    type = "run_restarted"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWaiting(RunEvent):
    """
    Only timers or backoff are left.
    """

    type = "run_waiting"

    due_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSuspended(RunEvent):
    """
    Only steps that wait for resume data are left; addresses in graph order.
    """

    type = "run_suspended"
    rests_run = True

    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPaused(RunEvent):
    """
    The run stopped between two steps, on request; addresses say where it goes on.
    """

    type = "run_paused"
    rests_run = True

    addresses: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCompleted(RunEvent):
    """
    The run ended with a result.
    """

    type = "run_completed"
    rests_run = True

    result: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFailed(RunEvent):
    """
    The run ended with an error.
    """

    type = "run_failed"
    rests_run = True

    error: Error


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCanceled(RunEvent):
    """
    The run ended on request, or by a step.
    """

    type = "run_canceled"
    rests_run = True

    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted(RunEvent):
    """
    An attempt of a step started, or a container (attempt 0) was entered. `resume_data` is `UNSET`
    unless the step was resumed.
    """

    type = "step_started"

    input: Any = None
    attempt: int = 0
    resume_data: Any = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutput(RunEvent):
    """
    A step emitted something.
    """

    type = "step_output"

    data: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepProgress(RunEvent):
    """
    An item of a foreach finished.
    """

    type = "step_progress"

    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRetrying(RunEvent):
    """
    An attempt failed, and another will be made.
    """

    type = "step_retrying"

    attempt: int
    error: Error
    due_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepWaiting(RunEvent):
    """
    A sleep began.
    """

    type = "step_waiting"

    due_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSuspended(RunEvent):
    """
    A step waits for resume data. For a container that holds one, `payload` is `UNSET`.
    """

    type = "step_suspended"

    payload: Any = UNSET
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSkipped(RunEvent):
    """
    The condition of a step did not hold.
    """

    type = "step_skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCompleted(RunEvent):
    """
    A step, or a container, has an output.
    """

    type = "step_completed"

    output: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailed(RunEvent):
    """
    A step, or a container, failed for good. Attempt 0 if none was made.
    """

    type = "step_failed"

    error: Error
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCanceled(RunEvent):
    """
    A step, or a container, was stopped before it could finish.
    """

    type = "step_canceled"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownEvent(RunEvent):
    """
    A kind that a newer server has and this client does not know.
    """

    type = "unknown"


KINDS: Mapping[str, type[RunEvent]] = {
    kind.type: kind
    for kind in (
        RunStarted,
        RunResumed,
        RunRestarted,
        RunWaiting,
        RunSuspended,
        RunPaused,
        RunCompleted,
        RunFailed,
        RunCanceled,
        StepStarted,
        StepOutput,
        StepProgress,
        StepRetrying,
        StepWaiting,
        StepSuspended,
        StepSkipped,
        StepCompleted,
        StepFailed,
        StepCanceled,
    )
}
"""
Every kind this client knows, by name.
"""
