"""
The Python client of Dal Segno.

    from dalsegno.client import Client

`dalsegno.client.events` has a class per kind of event, `dalsegno.client.errors` the tree of errors.
"""

from dalsegno.client import errors, events
from dalsegno.client.backup import Backup
from dalsegno.client.client import DEFAULT_TARGET, Client
from dalsegno.client.connection import Patience
from dalsegno.client.errors import DalsegnoError, DeadlineExceeded, Unavailable
from dalsegno.client.events import RunEvent
from dalsegno.client.model import (
    Attempt,
    Error,
    Lineage,
    LineageRun,
    Node,
    NodeKind,
    OutputOptions,
    Restarted,
    RestartFailure,
    RetryPolicy,
    Run,
    RunStatus,
    RunView,
    Step,
    StepResult,
    StepStatus,
    Suspension,
    TracingOptions,
    Workflow,
)
from dalsegno.client.payloads import UNSET, PayloadError, Unset
from dalsegno.client.stream import EventStream

__all__ = [
    "DEFAULT_TARGET",
    "UNSET",
    "Attempt",
    "Backup",
    "Client",
    "DalsegnoError",
    "DeadlineExceeded",
    "Error",
    "EventStream",
    "Lineage",
    "LineageRun",
    "Node",
    "NodeKind",
    "OutputOptions",
    "Patience",
    "PayloadError",
    "RestartFailure",
    "Restarted",
    "RetryPolicy",
    "Run",
    "RunEvent",
    "RunStatus",
    "RunView",
    "Step",
    "StepResult",
    "StepStatus",
    "Suspension",
    "TracingOptions",
    "Unavailable",
    "Unset",
    "Workflow",
    "errors",
    "events",
]
