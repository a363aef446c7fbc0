"""
What the clients were told: acknowledgements, answers, events. Nothing of it may turn out false.
"""

import hashlib
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from dalsegno.client import RunEvent, events
from dalsegno.client.model import Run


@dataclass(frozen=True, slots=True)
class Start:
    """
    A run that was acknowledged.

    Attributes:
        result: What it ends with, if nobody cancels it.
        source_run_id: For a replay.
    """

    run_id: str
    workflow_id: str
    result: int
    source_run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """
    A resumption that was acknowledged.
    """

    run_id: str
    address: str


@dataclass(slots=True, eq=False)
class Transcript:
    """
    What one watcher was told of one run, over all of its connections. Two that say the same are
    still two.

    Attributes:
        who: `client` or `stub`: the latter hides nothing.
        lines: Sequence and digest of each event, in the order they came.
        ended: Whether the stream ended with the run.
    """

    who: str
    run_id: str
    lines: list[tuple[int, bytes]] = field(default_factory=list)
    ended: bool = False

    @property
    def cursor(self) -> int:
        return self.lines[-1][0] if self.lines else 0


@dataclass(slots=True)
class Told:
    """
    Everything that clients were told.

    Attributes:
        ended: Runs whose end was answered.
        completed: When a completion was first seen, by run and address; monotonic.
        sources: Digest of runs at the time a replay was made of them.
        active: Runs that are under way, for watchers to choose from.
        counts: Of acknowledgements by kind, of events told, and of streams opened.
        complaints: What no client should ever have been told.
    """

    starts: dict[str, Start] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    canceled: set[str] = field(default_factory=set)
    ended: dict[str, Run] = field(default_factory=dict)
    transcripts: list[Transcript] = field(default_factory=list)
    completed: dict[tuple[str, str], int] = field(default_factory=dict)
    sources: dict[str, bytes] = field(default_factory=dict)
    active: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)

    def started(self, start: Start, kind: str) -> None:
        self.starts[start.run_id] = start
        self.counts[kind] += 1

    def answered(self, answer: Answer) -> None:
        self.answers.append(answer)
        self.counts["resume"] += 1

    def event(self, transcript: Transcript, event: RunEvent) -> None:
        transcript.lines.append((event.sequence, digest(event)))
        self.counts["event"] += 1
        if isinstance(event, events.StepCompleted):
            self.completed.setdefault((event.run_id, event.address), time.monotonic_ns())


def digest(thing: Any) -> bytes:
    """
    Short for something that is to stay as it is.
    """
    return hashlib.blake2b(repr(thing).encode(), digest_size=12).digest()
