"""
What callers ask of the engine, and what it answers.

Payloads of commands are JSON text as it came in; the engine checks it. None means not given,
which differs from a given ``null``.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from dalsegno.model.errors import DalsegnoError
from dalsegno.model.payload import Payload
from dalsegno.model.record import Record
from dalsegno.model.run import Run, Tracing
from dalsegno.store.contract import RunFilter as RunFilter


@dataclass(frozen=True, slots=True)
class StartRun:
    """
    Start a run of a workflow.
    """

    workflow_id: str
    input_data: bytes | None = None
    run_id: str | None = None
    tracing: Tracing | None = None
    request_id: str | None = None
    initial_state: bytes | None = None
    request_context: bytes | None = None
    per_step: bool = False


@dataclass(frozen=True, slots=True)
class Resume:
    """
    Answer a suspended step, or let a paused run go on.
    """

    run_id: str
    step: str | None = None
    label: str | None = None
    resume_data: bytes | None = None
    request_context: bytes | None = None
    per_step: bool = False
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class StepResult:
    """
    A record given by the context of a time travel.

    Attributes:
        status: None means success, the only one that is accepted.
        output: What the step is taken to have returned.
        payload: For the target: its input.
    """

    status: str | None = None
    output: bytes | None = None
    payload: bytes | None = None


@dataclass(frozen=True, slots=True)
class TimeTravel:
    """
    Make a replay that executes from a step on.
    """

    step: str
    run_id: str | None = None
    workflow_id: str | None = None
    input_data: bytes | None = None
    resume_data: bytes | None = None
    initial_state: bytes | None = None
    context: Mapping[str, StepResult] = field(default_factory=dict)
    request_context: bytes | None = None
    per_step: bool = False
    force: bool = False
    allow_definition_change: bool = False
    new_run_id: str | None = None
    tracing: Tracing | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """
    End a run as canceled.
    """

    run_id: str
    reason: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """
    Stop a run between two steps.
    """

    run_id: str
    reason: str | None = None
    request_id: str | None = None


Command = StartRun | Resume | TimeTravel | Cancel | Pause


@dataclass(frozen=True, slots=True)
class Accepted:
    """
    A command that has taken effect, durably.

    Attributes:
        after_sequence: The run's newest sequence just before; a stream of what the command
            brought about begins after it.
    """

    run_id: str
    after_sequence: int


@dataclass(frozen=True, slots=True)
class Restarted:
    """
    What became of the runs that a dead server left unfinished.

    Attributes:
        run_ids: Those that go on.
        failures: Those that do not, and why.
    """

    run_ids: tuple[str, ...]
    failures: tuple[tuple[str, DalsegnoError], ...]


@dataclass(frozen=True, slots=True)
class Suspension:
    """
    A step that waits for resume data.

    Attributes:
        resume_schema: JSON schema of the data it takes; None if it takes anything.
    """

    address: str
    label: str | None
    payload: Payload | None
    suspended_us: int
    resume_schema: Payload | None


@dataclass(frozen=True, slots=True)
class RunView:
    """
    A run as callers see it.

    Attributes:
        records: In execution order, reused ones first; None if not asked for.
        suspensions: In graph order; empty unless the run is suspended, or an arm of it is.
        is_truncated: There are more records than these, see `Engine.steps`.
    """

    run: Run
    records: tuple[Record, ...] | None
    suspensions: tuple[Suspension, ...]
    is_truncated: bool = False


@dataclass(frozen=True, slots=True)
class StepPage:
    """
    Records of a run in execution order, and where the next page begins.

    Attributes:
        next: Opaque; None after the last page.
    """

    records: tuple[Record, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class RunPage:
    """
    Runs, and where the next page begins.

    Attributes:
        next: Opaque; None after the last page.
    """

    runs: tuple[Run, ...]
    next: str | None


def fingerprint(command: Command) -> bytes:
    """
    Hash of a whole command: equal for a repetition, different for any other.
    """
    digest = hashlib.sha256(type(command).__name__.encode())
    for item in fields(command):
        if item.name != "request_id":
            digest.update(repr((item.name, getattr(command, item.name))).encode())
    return digest.digest()
