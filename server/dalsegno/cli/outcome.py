"""
How a run stands when a command is done with it: its result on stdout, everything else on stderr.
"""

import sys
from collections.abc import Callable
from shlex import quote

from dalsegno.cli.exits import Exit, of_status
from dalsegno.cli.printing import pretty, short
from dalsegno.cli.told import error, took
from dalsegno.client import Run, RunStatus, StepStatus


def print_outcome(run: Run, *, with_result: bool = True) -> Exit:
    """
    Print the result, or what to do next.
    """
    say(f"run {run.run_id}: {_STORIES.get(run.status, _going_on)(run)}")
    if run.status is RunStatus.SUCCESS and with_result:
        print(pretty(run.result))
    return of_status(run.status)


def say(text: str) -> None:
    """
    Tell people something that is no output.
    """
    print(text, file=sys.stderr)


def _success(run: Run) -> str:
    time = took(run.start_time, run.end_time)
    return f"success in {time}" if time else "success"


def _failed(run: Run) -> str:
    why = error(run.error) if run.error else "for no known reason"
    failed = [step for step in run.steps.values() if step.status is StepStatus.FAILED]
    # Of what failed the innermost started last: containers fail with what is inside.
    step = max(failed, key=lambda step: step.first_sequence).address if failed else "STEP"
    return f"failed: {why}\n  again from there: dalsegno travel {run.run_id} {quote(step)}"


def _suspended(run: Run) -> str:
    lines = ["suspended"]
    for item in run.suspensions:
        label = f" ({item.label})" if item.label else ""
        lines.append(f"  {item.address}{label} asks: {short(item.payload, 200)}")
        lines.append(
            f"    answer: dalsegno resume {run.run_id} --step {quote(item.address)} --data JSON"
        )
    return "\n".join(lines)


def _paused(run: Run) -> str:
    return f"paused\n  go on: dalsegno resume {run.run_id}"


def _canceled(_: Run) -> str:
    return "canceled"


def _going_on(run: Run) -> str:
    return f"{run.status}\n  wait for it: dalsegno watch {run.run_id}"


_STORIES: dict[RunStatus, Callable[[Run], str]] = {
    RunStatus.SUCCESS: _success,
    RunStatus.FAILED: _failed,
    RunStatus.SUSPENDED: _suspended,
    RunStatus.PAUSED: _paused,
    RunStatus.CANCELED: _canceled,
}
