"""
The workflows of this server, and the shapes of all definitions that runs have used.
"""

from collections.abc import Sequence

from dalsegno.model.errors import CorruptHistory, WorkflowNotFound
from dalsegno.model.run import Run
from dalsegno.model.shape import GraphShape
from dalsegno.store.contract import Ancestor, Definition, Store
from dalsegno.workflow.builder import Workflow


class Registry:
    """
    Finds workflows by id and shapes by definition hash. Shapes are kept: there are few.
    """

    def __init__(self, store: Store, workflows: Sequence[Workflow]) -> None:
        self._store = store
        self._workflows = {workflow.id: workflow.commit() for workflow in workflows}
        self._shapes = {
            workflow.definition_hash: GraphShape.parse(workflow.definition_json())
            for workflow in self._workflows.values()
        }

    async def start(self) -> None:
        """
        Keep the definitions, so that runs can be read when the code has changed.
        """
        for workflow in self._workflows.values():
            definition = Definition(
                workflow.definition_hash, workflow.id, workflow.definition_json()
            )
            await self._store.put_definition(definition)

    def workflows(self) -> Sequence[Workflow]:
        """
        All workflows, by id.
        """
        return [self._workflows[key] for key in sorted(self._workflows)]

    def workflow(self, workflow_id: str) -> Workflow:
        """
        One workflow.

        Raises:
            WorkflowNotFound: It is not registered.
        """
        workflow = self._workflows.get(workflow_id)
        if workflow is None:
            raise WorkflowNotFound(workflow_id, sorted(self._workflows))
        return workflow

    def shape(self, workflow: Workflow) -> GraphShape:
        """
        The shape of a registered workflow.
        """
        return self._shapes[workflow.definition_hash]

    async def shape_of(self, run: Run | Ancestor) -> GraphShape:
        """
        The shape a run was last driven with.

        Raises:
            CorruptHistory: Its definition was not kept, or cannot be read.
        """
        known = self._shapes.get(run.definition_hash)
        if known is not None:
            return known
        definition = await self._store.definition(run.definition_hash)
        if definition is None:
            raise CorruptHistory(run.run_id, "definition", "was not kept")
        try:
            shape = GraphShape.parse(definition.json)
        except (ValueError, KeyError, TypeError) as error:
            raise CorruptHistory(run.run_id, "definition", repr(error)) from error
        self._shapes[run.definition_hash] = shape
        return shape
