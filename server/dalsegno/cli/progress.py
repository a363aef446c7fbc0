"""
A run while it goes on: one line per step in a terminal, one line per event anywhere else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from dalsegno.cli.printing import duration, local_time, short
from dalsegno.cli.told import error, line
from dalsegno.client import Step, StepStatus, events

_ROOM = 4  # lines of a terminal that are left to what comes before and after the steps

# Glyph, the same where the terminal has no Unicode, and style.
_GLYPHS = {
    StepStatus.RUNNING: ("●", "*", "cyan"),
    StepStatus.WAITING: ("◷", "~", "yellow"),
    StepStatus.SUSPENDED: ("‖", "=", "yellow"),
    StepStatus.SUCCESS: ("✔", "+", "green"),
    StepStatus.FAILED: ("✘", "x", "red"),
    StepStatus.SKIPPED: ("↷", "-", "dim"),
    StepStatus.CANCELED: ("⊘", "/", "magenta"),
    StepStatus.NOT_RUN: ("·", ".", "dim"),
}


def glyph(status: StepStatus, encoding: str) -> Text:
    """
    One character for a status, in colour.
    """
    symbol, plain, style = _GLYPHS.get(status, ("?", "?", "dim"))
    return Text(symbol if encoding.lower().startswith("utf") else plain, style=style)


@dataclass(slots=True)
class _Row:
    status: StepStatus = StepStatus.RUNNING
    start: datetime | None = None
    end: datetime | None = None
    attempt: int = 1
    note: str = ""


class Progress:
    """
    What is known of each step, from its events.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: dict[str, _Row] = {}
        self._spinner = Spinner("dots", style="cyan")

    def reuse(self, steps: list[Step]) -> None:
        """
        Show the records a replay takes from earlier runs, before its own steps.
        """
        for step in steps:
            note = f"reused from {step.reused_from_run_id}"
            self._rows[step.address] = _Row(step.status, step.start_time, step.end_time, note=note)

    def tell(self, event: events.RunEvent) -> None:
        """
        Take in the next event of the run.
        """
        if not event.address:
            return
        row = self._rows.setdefault(event.address, _Row(start=event.time))
        match event:
            case events.StepStarted():
                row.status, row.attempt, row.note = StepStatus.RUNNING, event.attempt, ""
                row.start = row.start if event.attempt > 1 else event.time
            case events.StepOutput():
                row.note = short(event.data, 40)
            case events.StepProgress():
                row.note = f"{event.done} of {event.total}"
            case events.StepRetrying():
                row.status, row.note = StepStatus.WAITING, error(event.error)
            case events.StepWaiting():
                row.status, row.note = StepStatus.WAITING, f"until {local_time(event.due_time)}"
            case events.StepSuspended():
                row.status, row.note = StepStatus.SUSPENDED, short(event.payload, 40)
            case events.StepCompleted():
                row.status, row.end, row.note = StepStatus.SUCCESS, event.time, ""
            case events.StepFailed():
                row.status, row.end, row.note = StepStatus.FAILED, event.time, error(event.error)
            case events.StepSkipped():
                row.status, row.start = StepStatus.SKIPPED, None
            case events.StepCanceled():
                row.status, row.end = StepStatus.CANCELED, event.time

    def __rich__(self) -> Table:
        shown = list(self._rows.items())[-max(1, self._console.height - _ROOM) :]
        hidden = len(self._rows) - len(shown)
        grid = Table.grid(padding=(0, 1))
        if hidden:
            grid.add_row("", Text(f"{hidden} more above", style="dim"))
        for address, row in shown:
            grid.add_row(self._mark(row), Text(address), *self._facts(row))
        return grid

    def _mark(self, row: _Row) -> Text | Spinner:
        is_running = row.status is StepStatus.RUNNING
        return self._spinner if is_running else glyph(row.status, self._console.encoding)

    def _facts(self, row: _Row) -> tuple[Text, Text, Text]:
        until = row.end if row.end or row.status is not StepStatus.RUNNING else datetime.now(UTC)
        took = duration(until - row.start) if row.start and until and until > row.start else ""
        attempt = f"attempt {row.attempt}" if row.attempt > 1 else ""
        note = Text(row.note, style="dim", no_wrap=True, overflow="ellipsis")
        return Text(took, justify="right"), Text(attempt, style="yellow"), note


class Lines:
    """
    A line per event, for what is no terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def reuse(self, steps: list[Step]) -> None:
        for step in steps:
            self._print(
                f"       {step.address}  {step.status}, reused from {step.reused_from_run_id}"
            )

    def tell(self, event: events.RunEvent) -> None:
        self._print(line(event))

    def _print(self, text: str) -> None:
        # As it is, without markup, colours and wrapping: it may hold anything.
        self._console.out(text, highlight=False)


@contextmanager
def shown(console: Console) -> Iterator[Progress | Lines]:
    """
    Show a run on a console while the block lasts.
    """
    if not console.is_terminal:
        yield Lines(console)
        return
    progress = Progress(console)
    with Live(progress, console=console, refresh_per_second=10):
        yield progress
