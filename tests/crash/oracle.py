"""
The oracle: compares what bodies did and what clients were told with what the server has stored.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from dalsegno.client import Client, RunStatus
from dalsegno.model import jsontext
from dalsegno.model.event import Event, EventType
from dalsegno.model.run import Run
from dalsegno.store.contract import RunFilter, Store
from dalsegno.store.sqlite import SqliteStore
from tests.crash.findings import Broken, Findings
from tests.crash.histories import History
from tests.crash.ledger import Effect
from tests.crash.told import Answer, Start, Told, digest
from tests.crash.traffic import fingerprint

_MANY = 1_000_000


async def ask_server(client: Client, told: Told, findings: Findings) -> None:
    """
    Check what clients saw against what the server answers now: streams, and sources of replays.
    """
    for complaint in told.complaints:
        findings.add(Broken.TOLD, complaint)
    logs: dict[str, list[tuple[int, bytes]]] = {}
    for transcript in told.transcripts:
        run_id = transcript.run_id
        if run_id not in logs:
            stored = [event async for event in client.list_events(run_id, page_size=1000)]
            logs[run_id] = [(event.sequence, digest(event)) for event in stored]
        story = f"the {transcript.who}'s stream of {run_id}: "
        sequences = [sequence for sequence, _ in transcript.lines]
        is_dense = sequences == list(range(1, len(sequences) + 1))
        findings.require(Broken.STREAMS, is_dense, f"{story}{sequences}")
        is_true = transcript.lines == logs[run_id][: len(sequences)]
        findings.require(Broken.STREAMS, is_true or not is_dense, f"{story}is another than stored")
        is_whole = transcript.ended and len(sequences) == len(logs[run_id])
        ends = f"{story}{len(sequences)} of {len(logs[run_id])}, ended: {transcript.ended}"
        findings.require(Broken.STREAMS, is_whole, ends)
    for run_id, before in told.sources.items():
        after = await fingerprint(client, run_id)
        findings.require(Broken.SOURCES, before == after, run_id)


async def ask_store(
    path: Path, told: Told, effects: Sequence[Effect], findings: Findings
) -> Counter[str]:
    """
    Check the database of a server that has stopped; returns how many there are of what.
    """
    of_run: dict[str, list[Effect]] = defaultdict(list)
    for effect in effects:
        of_run[effect.run_id].append(effect)
    seen: dict[str, dict[str, int]] = defaultdict(dict)
    for (run_id, address), at_ns in told.completed.items():
        seen[run_id][address] = at_ns
    answers: dict[str, list[Answer]] = defaultdict(list)
    for answer in told.answers:
        answers[answer.run_id].append(answer)
    figures = Counter(effects=len(effects))
    store = await SqliteStore.open(path)
    try:
        runs = await _runs(store, told, findings)
        for run in runs:
            run_id = run.run_id
            events = await store.events(run_id, after=0, limit=_MANY)
            records = await store.steps(run_id, after_sequence=-1, after_address="", limit=_MANY)
            History(run, events, records, of_run[run_id], seen[run_id]).check(findings)
            _check_told(run, events, answers[run_id], told, findings)
            figures.update(runs=1, events=len(events), **{run.status.value: 1})
    finally:
        await store.close()
    return figures


async def _runs(store: Store, told: Told, findings: Findings) -> Sequence[Run]:
    """
    All runs; exactly those that were acknowledged.
    """
    runs = await store.list_runs(RunFilter(), after=None, limit=_MANY)
    stored = {run.run_id for run in runs}
    for run_id in told.starts.keys() - stored:
        findings.add(Broken.LOST, f"{run_id} was acknowledged, and is not there")
    for run_id in stored - told.starts.keys():
        findings.add(Broken.TOLD, f"{run_id} is there, and nobody was told")
    return runs


def _check_told(
    run: Run, events: Sequence[Event], answers: Sequence[Answer], told: Told, findings: Findings
) -> None:
    """
    Every acknowledgement about a run is true, and it came to the end it should.
    """
    start = told.starts.get(run.run_id)
    if start is not None:
        source = run.lineage.source_run_id if run.lineage is not None else None
        is_same = (run.workflow_id, source) == (start.workflow_id, start.source_run_id)
        findings.require(Broken.LOST, is_same, f"{start} is stored as {run}")
        _check_end(run, start, told, findings)
    resumed = Counter(
        address
        for event in events
        if event.type is EventType.RUN_RESUMED and event.payload is not None
        for address in event.addresses
    )
    for answer in answers:
        findings.require(Broken.LOST, resumed[answer.address] == 1, f"{answer}: {resumed}")


def _check_end(run: Run, start: Start, told: Told, findings: Findings) -> None:
    story = f"{run.run_id} is {run.status}, {run.result or run.error}"
    if not run.status.is_terminal:
        findings.add(Broken.UNFINISHED, story)
        return
    answered = told.ended.get(run.run_id)
    if answered is not None:
        is_same = answered.status == run.status.value
        findings.require(Broken.LOST, is_same, f"{story}, and was told to be {answered.status}")
    if run.run_id in told.canceled:
        findings.require(Broken.LOST, run.status.value == RunStatus.CANCELED, story)
    if run.result is not None:
        is_right = jsontext.loads(run.result.json) == start.result
        findings.require(Broken.RESULTS, is_right, f"{story}, not {start.result}")
