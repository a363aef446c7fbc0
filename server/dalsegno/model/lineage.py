"""
Lineage: where a replay comes from.
"""

from dalsegno.model.noun import Noun


class Lineage(Noun, frozen=True):
    """
    How a replay is linked to the run it was made from.

    Attributes:
        source_run_id: The direct source; None for a travel without a source.
        step: The target as the caller gave it.
        root_run_id: The run at the top of the tree; the replay itself without a source.
        depth: 1 for a replay of a run that is none, and so on; 0 without a source.
        overrides: Names of the request's fields that changed something, sorted.
        entry: The target execution really enters at: a failed loop or foreach that goes on is
            entered at the iteration or item that had not succeeded, else it is the step.
        source_sequence: The source's newest event when the replay was made. What a suspended or
            paused source does later is not visible to the replay.
        is_partial: Steps before the target have no record; they are shown as `not_run`.
    """

    source_run_id: str | None
    step: str
    root_run_id: str
    depth: int
    overrides: tuple[str, ...]
    entry: str
    source_sequence: int = 0
    is_partial: bool = False
