"""
What the oracle found: how often each promise was broken, and how.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

_EXAMPLES_MAX = 5  # of each kind


class Broken(StrEnum):
    """
    Promises, by what breaking them is called.
    """

    LOST = "acknowledged, and lost"
    HISTORY = "gaps, repeats and contradictions in histories"
    REPEATED = "bodies called again after their completion"
    DOUBLED = "bodies called twice by one server for one attempt"
    ATTEMPTS = "attempts without a call, or calls without an attempt"
    TIMERS = "timers that fired early, or were set anew"
    STREAMS = "streams with a gap, a repeat or another story"
    SOURCES = "sources of replays that changed"
    RESULTS = "results other than foretold"
    UNFINISHED = "runs that did not come to their end"
    TOLD = "answers that should never have been given"


@dataclass(slots=True)
class Findings:
    """
    Violations by kind, with some examples of each.
    """

    counts: Counter[Broken] = field(default_factory=Counter)
    examples: dict[Broken, list[str]] = field(default_factory=dict)

    def add(self, kind: Broken, story: str) -> None:
        self.counts[kind] += 1
        told = self.examples.setdefault(kind, [])
        if len(told) < _EXAMPLES_MAX:
            told.append(story)

    def require(self, kind: Broken, holds: bool, story: str) -> None:
        if not holds:
            self.add(kind, story)

    @property
    def story(self) -> str:
        """
        All examples; empty if no promise was broken.
        """
        return "\n".join(
            f"{kind}: {self.counts[kind]}, such as\n    " + "\n    ".join(stories)
            for kind, stories in self.examples.items()
        )
