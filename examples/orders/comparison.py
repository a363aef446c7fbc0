"""
Two runs of one workflow, step by step.
"""

import json

from rich.table import Table
from rich.text import Text

from dalsegno.client import Run, Step

_STYLES = {"success": "green", "failed": "red", "suspended": "yellow", "skipped": "dim"}


def side_by_side(source: Run, replay: Run) -> Table:
    """
    A row for each address that either run has a record of, in the order of the replay.
    """
    table = Table(expand=True)
    table.add_column("step", no_wrap=True)
    for title in (f"source: {source.run_id}", f"replay: {replay.run_id}"):
        table.add_column(title, no_wrap=True, overflow="ellipsis", ratio=1)
    for address in dict.fromkeys([*replay.steps, *source.steps]):
        table.add_row(address, _cell(source.steps.get(address)), _cell(replay.steps.get(address)))
    table.add_section()
    table.add_row("the run", _status(source.status), _status(replay.status))
    return table


def _cell(step: Step | None) -> Text:
    if step is None:
        return Text("")
    if step.reused_from_run_id:
        return Text.assemble(_status(step.status), ("  reused", "dim"))
    told = step.error.message if step.error else json.dumps(step.output) if step.output else ""
    attempts = f"  {len(step.attempts)} attempts" if len(step.attempts) > 1 else ""
    end = f"\n{told}" if told else ""
    return Text.assemble(_status(step.status), (attempts, "yellow"), (end, "dim"))


def _status(status: str) -> Text:
    return Text(status, style=_STYLES.get(status, ""))
