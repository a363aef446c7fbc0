"""
What one time travel is about, while it is checked.
"""

from dataclasses import dataclass

from dalsegno.engine.commands import TimeTravel
from dalsegno.engine.history import History
from dalsegno.model.run import Run
from dalsegno.model.shape import GraphShape
from dalsegno.store.contract import Store
from dalsegno.workflow.builder import Workflow


@dataclass(frozen=True, slots=True)
class Trip:
    """
    One time travel.

    Attributes:
        source_run: None for a travel without a source.
        source: What the source sees.
        run_id, now_us: Of the replay.
    """

    command: TimeTravel
    workflow: Workflow
    shape: GraphShape
    source_run: Run | None
    source: History | None
    store: Store
    bytes_max: int
    run_id: str
    now_us: int

    @property
    def is_definition_changed(self) -> bool:
        """
        Whether the source was last driven with another definition.
        """
        source = self.source_run
        return source is not None and source.definition_hash != self.workflow.definition_hash
