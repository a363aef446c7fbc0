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
        source: What the source sees; None for a travel without one.
        run_id, now_us: Of the replay.
    """

    command: TimeTravel
    workflow: Workflow
    shape: GraphShape
    source: History | None
    store: Store
    bytes_max: int
    run_id: str
    now_us: int

    @property
    def source_run(self) -> Run | None:
        return self.source.links[0].run if self.source is not None else None

    @property
    def is_definition_changed(self) -> bool:
        """
        Whether the source was last driven with another definition.
        """
        source = self.source_run
        return source is not None and source.definition_hash != self.workflow.definition_hash
