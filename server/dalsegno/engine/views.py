"""
Views: runs and their records as callers see them.
"""

import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from dalsegno.engine import pages
from dalsegno.engine.commands import RunPage, RunView, StepPage, Suspension
from dalsegno.engine.drive import in_graph_order, is_resumable
from dalsegno.engine.history import History
from dalsegno.engine.links import Chain, Links
from dalsegno.engine.parts import resume_type
from dalsegno.engine.registry import Registry
from dalsegno.engine.settings import EngineSettings
from dalsegno.model import address as addresses
from dalsegno.model.errors import RunNotFound, WorkflowNotFound
from dalsegno.model.payload import Payload
from dalsegno.model.record import Record, StepStatus
from dalsegno.model.run import Run
from dalsegno.model.shape import Level
from dalsegno.store.contract import RunCursor, RunFilter, Store

_PAGE = 500  # records read at once while some are filtered out

# Bytes of payloads in a page, or read at once, without the last record. Four times what a message
# takes: whatever fits is there, and a thousand records of 8 MiB are not brought into memory.
_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Position:
    """
    Where a list of records stands: runs of the lineage come root first, each with its own
    records by sequence; steps that were not run come before the run's own.
    """

    left: int
    sequence: int
    address: str


class Views:
    """
    Answers questions about runs.
    """

    def __init__(
        self, store: Store, registry: Registry, links: Links, settings: EngineSettings
    ) -> None:
        self._store = store
        self._registry = registry
        self._links = links
        self._settings = settings

    async def run(self, run_id: str, *, with_steps: bool, known: Run | None = None) -> RunView:
        """
        A run, with its first records if asked for; as the caller knows it already, or as it is now.

        Raises:
            RunNotFound, CorruptHistory
        """
        run = known or await self._run(run_id)
        suspensions = () if run.status.is_terminal else await self._suspensions(run)
        if not with_steps:
            return RunView(run, None, suspensions)
        page = await self._steps(run, page=None, limit=self._settings.view_records_max)
        return RunView(run, page.records, suspensions, is_truncated=page.next is not None)

    async def _suspensions(self, run: Run) -> tuple[Suspension, ...]:
        found = await self._store.active_records(run.run_id, (StepStatus.SUSPENDED,))
        shape = await self._registry.shape_of(run)
        records = in_graph_order([record for record in found if is_resumable(record)], shape)
        return tuple(
            Suspension(
                address=record.address,
                label=record.suspend_label,
                payload=record.suspend_payload,
                suspended_us=record.suspended_us or 0,
                resume_schema=self._resume_schema(run, record.address),
            )
            for record in records
        )

    def _resume_schema(self, run: Run, address: str) -> Payload | None:
        try:
            workflow = self._registry.workflow(run.workflow_id)
        except WorkflowNotFound:
            return None
        schema = resume_type(workflow, self._registry.shape(workflow), address).schema()
        return Payload(json.dumps(schema).encode()) if schema is not None else None

    async def steps(self, run_id: str, *, page: str | None, limit: int) -> StepPage:
        """
        Records in execution order, reused ones first, at most *limit*, and fewer where they take
        much memory.

        Raises:
            RunNotFound, InvalidPageToken, CorruptHistory
        """
        return await self._steps(await self._run(run_id), page=page, limit=limit)

    async def _steps(self, run: Run, *, page: str | None, limit: int) -> StepPage:
        question = ("steps", run.run_id)
        history = History(self._store, await self._links.of(run), {})
        chain = Chain(history.link)
        start = _Position(len(chain.links) - 1, -1, "")
        if page is not None:
            start = _Position(*pages.decode(question, page, (int, int, str)))
        found: list[Record] = []
        size = 0
        last = start
        async for position, record in self._records(history, chain, start):
            if len(found) == limit or size >= _BYTES:
                return StepPage(tuple(found), pages.encode(question, _members(last)))
            found.append(record)
            size += record.size
            last = position
        return StepPage(tuple(found), None)

    async def _records(
        self, history: History, chain: Chain, start: _Position
    ) -> AsyncGenerator[tuple[_Position, Record], None]:
        sequence, address = start.sequence, start.address
        for left in range(min(start.left, len(chain.links) - 1), -1, -1):
            if left > 0 and chain.links[left - 1].hides_source:
                sequence, address = -1, ""
                continue
            if left == 0 and sequence < 0:
                for record in await _not_run(history):
                    if record.address > address or not address:
                        yield _Position(0, -1, record.address), record
                address = ""
            async for record in self._own(history, chain, left, sequence, address):
                position = _Position(left, record.first_sequence, record.address)
                yield position, record
            sequence, address = -1, ""

    async def _own(
        self, history: History, chain: Chain, left: int, sequence: int, address: str
    ) -> AsyncGenerator[Record, None]:
        """
        The records of one run of the lineage that the newest one shows.
        """
        run_id = chain.links[left].run_id
        while True:
            batch = await self._store.steps(
                run_id,
                after_sequence=sequence,
                after_address=address,
                limit=_PAGE,
                bytes_max=_BYTES,
            )
            for record in batch:
                shown = await history.shown(chain, left, record)
                if shown is not None:
                    yield shown
            if len(batch) < _PAGE and sum(record.size for record in batch) < _BYTES:
                return
            sequence, address = batch[-1].first_sequence, batch[-1].address

    async def list_runs(self, where: RunFilter, *, page: str | None, limit: int) -> RunPage:
        """
        Runs that match, newest first.

        Raises:
            InvalidPageToken
        """
        question = ("runs", where)
        after = _cursor(question, page)
        runs = await self._store.list_runs(where, after=after, limit=limit + 1)
        return _run_page(question, runs, limit)

    async def lineage(self, run_id: str, *, page: str | None, limit: int) -> RunPage:
        """
        The tree of runs a run belongs to, oldest first.

        Raises:
            RunNotFound, InvalidPageToken
        """
        run = await self._run(run_id)
        root = run.lineage.root_run_id if run.lineage is not None else run.run_id
        question = ("lineage", root)
        after = _cursor(question, page)
        runs = await self._store.tree(root, after=after, limit=limit + 1)
        return _run_page(question, runs, limit)

    async def _run(self, run_id: str) -> Run:
        run = await self._store.run(run_id)
        if run is None:
            raise RunNotFound(run_id)
        return run


async def _not_run(history: History) -> list[Record]:
    """
    Steps before the target that were never recorded, in the order of their addresses.
    """
    newest = history.link
    if newest.entry is None or not any(each.is_partial for each in newest):
        return []
    found = []
    for level in newest.entry.levels:
        for address in _before(level):
            record = await history.record(address)
            if record is not None and record.status is StepStatus.NOT_RUN:
                found.append(record)
    return sorted(found, key=lambda record: record.address)


def _before(level: Level) -> list[str]:
    return [
        addresses.join(level.base, leaf.id or "")
        for node in level.graph.nodes[: level.position]
        for leaf in node.arms or (node,)
    ]


def _members(position: _Position) -> list[int | str]:
    return [position.left, position.sequence, position.address]


def _cursor(question: object, page: str | None) -> RunCursor | None:
    return RunCursor(*pages.decode(question, page, (int, str))) if page is not None else None


def _run_page(question: object, runs: Sequence[Run], limit: int) -> RunPage:
    shown = tuple(runs[:limit])
    if len(runs) <= limit:
        return RunPage(shown, None)
    last = shown[-1]
    return RunPage(shown, pages.encode(question, [last.created_us, last.run_id]))
