"""
Runs, steps and workflows in a terminal.

User text goes into `Text`, never into markup: brackets in it mean nothing.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from dalsegno.cli.printing import duration, local_time, pretty, short
from dalsegno.cli.progress import glyph
from dalsegno.cli.told import error, line, replay_of, took
from dalsegno.client import UNSET, LineageRun, Node, Run, RunEvent, RunStatus, Step, Workflow

_STYLES = {
    RunStatus.SUCCESS: "green",
    RunStatus.FAILED: "red",
    RunStatus.SUSPENDED: "yellow",
    RunStatus.PAUSED: "yellow",
    RunStatus.WAITING: "yellow",
    RunStatus.CANCELED: "magenta",
}


def stdout() -> Console:
    """
    The console for output; wide when it is no terminal, so that rows stay in one piece.
    """
    return Console() if sys.stdout.isatty() else Console(width=250)


def print_run(console: Console, run: Run) -> None:
    """
    What is known of the run as a whole.
    """
    for name, value in _facts(run):
        console.print(Text.assemble((f"{name:<10}", "dim"), value), soft_wrap=True)


def print_steps(console: Console, steps: Sequence[Step], *, in_full: bool) -> None:
    """
    A row per record, in the order of execution; *in_full* with payloads below each other.
    """
    if not steps:
        return
    console.print()
    if in_full:
        for step in steps:
            _print_step(console, step)
        return
    table = _table("", "step", "status", "took", "tries", "output")
    for step in steps:
        table.add_row(
            glyph(step.status, console.encoding),
            Text(step.address),
            Text(step.status),
            Text(took(step.start_time, step.end_time)),
            Text(str(len(step.attempts) or "")),
            Text(_end(step)),
        )
    console.print(table)


def print_events(console: Console, events: Iterable[RunEvent]) -> None:
    for number, event in enumerate(events):
        if number == 0:
            console.print()
        console.out(line(event), highlight=False)


def print_runs(console: Console, runs: Sequence[Run]) -> None:
    if not runs:
        console.print("no runs")
        return
    table = _table("run", "workflow", "status", "made", "took", "replay of")
    for run in runs:
        table.add_row(
            Text(run.run_id),
            Text(run.workflow_id),
            _status(run.status),
            Text(local_time(run.create_time)),
            Text(took(run.start_time, run.end_time)),
            Text(replay_of(run.lineage).removeprefix("replay of ") if run.lineage else ""),
        )
    console.print(table)


def print_lineage(console: Console, runs: Sequence[LineageRun], asked: str) -> None:
    """
    The tree, with the run that was asked for marked.
    """
    trees: dict[str, Tree] = {}
    for run in runs:
        label = Text.assemble((run.run_id, "bold" if run.run_id == asked else ""), "  ")
        label.append_text(_status(run.status))
        label.append(f"  from {run.step}" if run.step else f"  {run.workflow_id}")
        label.append("  ← this run" if run.run_id == asked and len(runs) > 1 else "")
        above = trees.get(run.source_run_id or "")
        trees[run.run_id] = above.add(label) if above else Tree(label)
    if runs:
        console.print(trees[runs[0].run_id])


def print_workflows(console: Console, workflows: Sequence[Workflow]) -> None:
    table = _table("workflow", "definition", "description")
    for item in workflows:
        hash = item.definition_hash[:12]  # as much as tells two apart
        table.add_row(Text(item.workflow_id), Text(hash), Text(item.description))
    console.print(table)


def print_workflow(console: Console, workflow: Workflow) -> None:
    """
    A workflow as a tree of its nodes, and its schemas.
    """
    tree = Tree(Text.assemble((workflow.workflow_id, "bold"), "  ", workflow.description))
    for node in workflow.nodes:
        _add(tree, node)
    console.print(tree)
    schemas = {
        "input": workflow.input_schema,
        "output": workflow.output_schema,
        "state": workflow.state_schema,
    }
    for name, schema in schemas.items():
        if schema is not None:
            console.print(Text(f"\n{name}", style="dim"))
            console.out(pretty(schema), highlight=False)


def _facts(run: Run) -> Iterable[tuple[str, Text]]:
    yield "run", Text(run.run_id, style="bold")
    yield "workflow", Text(run.workflow_id)
    yield "status", _status(run.status)
    if run.lineage:
        changed = ", with a changed definition" if run.definition_changed else ""
        given = f", with other {', '.join(run.lineage.overrides)}" if run.lineage.overrides else ""
        yield "lineage", Text(replay_of(run.lineage) + given + changed)
    yield "made", Text(local_time(run.create_time))
    if run.end_time:
        yield (
            "ended",
            Text(f"{local_time(run.end_time)}, took {took(run.start_time, run.end_time)}"),
        )
    if run.due_time:
        yield "goes on", Text(local_time(run.due_time))
    yield "input", Text(short(run.input, 200))
    if run.request_context:
        yield "context", Text(short(run.request_context, 200))
    if run.state is not UNSET:
        yield "state", Text(short(run.state, 1000))
    if run.result is not UNSET:
        yield "result", Text(short(run.result, 1000))
    if run.error:
        yield "error", Text(error(run.error), style="red")
    for item in run.suspensions:
        label = f" ({item.label})" if item.label else ""
        yield "asks", Text(f"{item.address}{label}: {short(item.payload, 200)}")


def _print_step(console: Console, step: Step) -> None:
    console.print(
        Text.assemble(
            glyph(step.status, console.encoding),
            " ",
            (step.address, "bold"),
            f"  {step.status}  {_note(step)}",
        )
    )
    for name in ("input", "output", "suspend_payload", "resume_data"):
        value = getattr(step, name)
        if value is not UNSET:
            console.print(Text(f"  {name}", style="dim"))
            console.out(_indented(pretty(value)), highlight=False)
    for attempt in step.attempts:
        if attempt.error:
            console.print(Text(f"  attempt {attempt.number}: {error(attempt.error)}", style="red"))


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def _end(step: Step) -> str:
    """
    How a step ended, as far as it fits into a row.
    """
    if step.error:
        return error(step.error)
    shown = short(step.output) or short(step.suspend_payload)
    note = _note(step)
    return f"{shown}  ({note})" if shown and note else shown or note


def _note(step: Step) -> str:
    if step.reused_from_run_id:
        return f"reused from {step.reused_from_run_id}"
    if step.due_time:
        return f"until {local_time(step.due_time)}"
    return "given" if step.given else ""


def _add(tree: Tree, node: Node) -> None:
    label = Text.assemble(
        (node.address or "", ""), f"  {node.kind}".rstrip(), (f"  {_settings(node)}", "dim")
    )
    branch = tree.add(label)
    for inner in node.nodes:
        _add(branch, inner)


def _settings(node: Node) -> str:
    settings = [
        f"{node.retry.max_attempts} attempts" if node.retry else "",
        f"timeout {duration(node.timeout)}" if node.timeout else "",
        f"at most {node.max_iterations} iterations" if node.max_iterations else "",
        f"{node.concurrency} at once" if node.concurrency else "",
        f"resumed with {_type(node.resume_schema)}" if node.resume_schema else "",
    ]
    return ", ".join(setting for setting in settings if setting)


def _type(schema: Mapping[str, Any]) -> str:
    return str(schema.get("title") or schema.get("type") or "data of its own type")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        # What can be copied stays in one piece; the last column takes what room is left.
        table.add_column(column, overflow="fold", no_wrap=column != columns[-1])
    return table


def _status(status: RunStatus) -> Text:
    return Text(status, style=_STYLES.get(status, "cyan"))
