"""
What was promised before the power failed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.faults.recording import Call, Done


@dataclass
class Told:
    """
    Everything that was acknowledged, as the marks of a recording tell.

    Attributes:
        is_open: Whether the store had said that there is a database.
        newest: By run, the newest sequence that was acknowledged, or seen in a stream.
        deleting: Runs whose removal was asked for: they may be there or not.
        deleted: Runs whose removal was acknowledged.
    """

    is_open: bool = False
    definitions: set[str] = field(default_factory=set)
    newest: dict[str, int] = field(default_factory=dict)
    deleting: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)

    @classmethod
    def after(cls, calls: Iterable[Done]) -> "Told":
        """
        All that was acknowledged in a recording.
        """
        told = cls()
        for done in calls:
            if done.call is Call.MARK:
                told.hear(done.mark)
        return told

    def hear(self, mark: Any) -> None:
        match mark:
            case {"opened": _}:
                self.is_open = True
            case {"defined": hash_}:
                self.definitions.add(hash_)
            case {"wrote": run_id, "sequence": sequence}:
                self.newest[run_id] = max(sequence, self.newest.get(run_id, 0))
            case {"deleting": run_id}:
                self.deleting.add(run_id)
                self.newest.pop(run_id, None)
            case {"deleted": run_id}:
                self.deleted.add(run_id)
            case _:
                raise ValueError(f"no such mark: {mark}")
