"""
Commands that only look.
"""

from datetime import datetime
from typing import Annotated

import typer

from dalsegno.cli import tables
from dalsegno.cli.common import Common, talks
from dalsegno.cli.drive import RunId
from dalsegno.cli.exits import Exit
from dalsegno.cli.printing import as_json, print_json
from dalsegno.client import OutputOptions, RunStatus

_LIMIT = 50


@talks
async def show(
    common: Common,
    run_id: RunId,
    steps: Annotated[
        bool, typer.Option("--steps", help="Print inputs and outputs of the steps in full.")
    ] = False,
    events: Annotated[bool, typer.Option("--events", help="Print the events.")] = False,
    state: Annotated[bool, typer.Option("--state", help="Print the state.")] = False,
) -> Exit:
    """
    Show a run with its steps.
    """
    async with common.client() as client:
        output = OutputOptions(include_state=state, include_resume_labels=common.is_json)
        run = await client.get_run(run_id, output=output)
        if run.steps_truncated:
            listed = [step async for step in client.list_steps(run_id)]
        else:
            listed = list(run.steps.values())
        log = [event async for event in client.list_events(run_id)] if events else []
    if common.is_json:
        document = as_json(run)
        document["steps"] = {step.address: as_json(step) for step in listed}
        print_json({**document, "events": log} if events else document)
        return Exit.SUCCESS
    console = tables.stdout()
    tables.print_run(console, run)
    tables.print_steps(console, listed, in_full=steps)
    tables.print_events(console, log)
    return Exit.SUCCESS


@talks
async def list_(
    common: Common,
    workflow: Annotated[
        str | None, typer.Option(metavar="WORKFLOW", help="Only runs of this workflow.")
    ] = None,
    status: Annotated[
        list[RunStatus] | None,
        typer.Option(metavar="STATUS", help="Only with this status; may be repeated."),
    ] = None,
    source: Annotated[
        str | None, typer.Option(metavar="RUN", help="Only direct replays of this run.")
    ] = None,
    root: Annotated[
        str | None, typer.Option(metavar="RUN", help="Only this run and all replays below it.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(metavar="TIME", help="Only runs made at or after it, local time."),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(metavar="TIME", help="Only runs made before it, local time.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="Print so many at most.")] = _LIMIT,
) -> Exit:
    """
    List runs, newest first.
    """
    async with common.client() as client:
        pages = client.list_runs(
            workflow_id=workflow,
            statuses=status or [],
            source_run_id=source,
            root_run_id=root,
            created_after=since and since.astimezone(),
            created_before=until and until.astimezone(),
            page_size=min(limit, 1000),
        )
        runs = []
        async for run in pages:
            runs.append(run)
            if len(runs) == limit:
                break
    if common.is_json:
        print_json({"runs": runs})
    else:
        tables.print_runs(tables.stdout(), runs)
    return Exit.SUCCESS


@talks
async def lineage(common: Common, run_id: RunId) -> Exit:
    """
    Show the tree of replays a run belongs to.
    """
    async with common.client() as client:
        runs = await client.get_lineage(run_id)
    if common.is_json:
        print_json({"runs": runs})
    else:
        tables.print_lineage(tables.stdout(), runs, run_id)
    return Exit.SUCCESS


@talks
async def workflows(
    common: Common,
    workflow: Annotated[
        str | None, typer.Argument(metavar="[WORKFLOW]", help="Show this one with its graph.")
    ] = None,
) -> Exit:
    """
    List the workflows the server executes, or show one.
    """
    async with common.client() as client:
        if workflow is not None:
            shown = await client.get_workflow(workflow)
            print_json(shown) if common.is_json else tables.print_workflow(tables.stdout(), shown)
            return Exit.SUCCESS
        listed = [item async for item in client.list_workflows()]
    if common.is_json:
        print_json({"workflows": listed})
    else:
        tables.print_workflows(tables.stdout(), listed)
    return Exit.SUCCESS
