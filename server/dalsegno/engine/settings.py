"""
The engine's limits.
"""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """
    Limits and times of the engine; `config.py` documents and fills them.

    Attributes:
        payload_bytes_max: Of one payload (semantics.md §3: 2 MiB).
        bodies_max: Plain functions that run at once, each on a worker thread.
        wait_in_memory: A run whose timers are due within this stays in memory; one that waits
            longer is put down and read again when it is due.
        runs_max: Runs in memory at once; a further one waits as pending. Suspended, paused,
            finished and long-waiting runs are not in memory.
        runs_pending_max: Runs that wait for room; a further one is refused.
        recoveries_max: How often in a row the server of a run may die before the run has got any
            further; then the run ends as failed.
        lease: For how long a server is taken for alive after it last said so.
        events_max: Of one run; one that reaches it ends as failed, and what ends it comes on top.
        view_records_max: Records shown with a run; more of them are left to `Engine.steps`.
    """

    payload_bytes_max: int = 2 * 1024 * 1024
    bodies_max: int = 64
    wait_in_memory: timedelta = timedelta(seconds=2)
    runs_max: int = 10_000
    runs_pending_max: int = 100_000
    recoveries_max: int = 10
    lease: timedelta = timedelta(seconds=15)
    events_max: int = 1_000_000
    view_records_max: int = 1000
