"""
Commands that make a run go, and watch it.
"""

import asyncio
from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console

from dalsegno.cli import progress
from dalsegno.cli.common import Common, talks
from dalsegno.cli.exits import Exit, of_status
from dalsegno.cli.outcome import print_outcome, say
from dalsegno.cli.printing import print_json
from dalsegno.cli.values import UsageError, outputs, payload
from dalsegno.client import Client, EventStream, OutputOptions, RunView, Unavailable, events

Input = Annotated[
    str | None,
    typer.Option("--input", metavar="JSON", help="Input: JSON text, @FILE, or - for stdin."),
]
State = Annotated[
    str | None, typer.Option("--state", metavar="JSON", help="State to begin with, an object.")
]
RequestContext = Annotated[
    str | None, typer.Option(metavar="JSON", help="What every step may read, an object.")
]
PerStep = Annotated[bool, typer.Option("--per-step", help="Pause after one node.")]
Follow = Annotated[
    bool, typer.Option("--follow", help="Stay across suspensions and pauses until the run ends.")
]
Detach = Annotated[
    bool, typer.Option("--detach", help="Print the run's id, and leave it going on.")
]
RequestId = Annotated[
    str | None,
    typer.Option(metavar="ID", help="Makes a repetition safe: it answers with the first run."),
]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="The run.")]

_BASIC = OutputOptions(view=RunView.BASIC)


@talks
async def run(
    common: Common,
    workflow: Annotated[str, typer.Argument(metavar="WORKFLOW", help="The workflow.")],
    input: Input = None,
    run_id: Annotated[str | None, typer.Option(metavar="ID", help="Name of the run.")] = None,
    state: State = None,
    request_context: RequestContext = None,
    per_step: PerStep = False,
    follow: Follow = False,
    detach: Detach = False,
    request_id: RequestId = None,
) -> Exit:
    """
    Run a workflow.

    Prints progress to stderr and the result to stdout; with --json the run, and with --json
    --follow an event per line.
    """
    async with common.client() as client:
        stream = client.run_stream(
            workflow,
            input_data=payload("--input", input),
            run_id=run_id,
            request_id=request_id,
            initial_state=payload("--state", state),
            request_context=payload("--request-context", request_context),
            per_step=per_step,
            follow=follow,
        )
        return await _drive(common, client, stream, follow=follow, detach=detach)


@talks
async def resume(
    common: Common,
    run_id: RunId,
    data: Annotated[
        str | None,
        typer.Option(metavar="JSON", help="Resume data: JSON text, @FILE, or - for stdin."),
    ] = None,
    step: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="The suspended step, if there are several."),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Label of the suspension, in place of --step."),
    ] = None,
    request_context: RequestContext = None,
    per_step: PerStep = False,
    follow: Follow = False,
    detach: Detach = False,
    request_id: RequestId = None,
) -> Exit:
    """
    Let a suspended run go on with data, or a paused one without.

    Prints as run does.
    """
    async with common.client() as client:
        stream = client.resume_stream(
            run_id,
            step=step,
            label=label,
            resume_data=payload("--data", data),
            request_context=payload("--request-context", request_context),
            per_step=per_step,
            request_id=request_id,
            follow=follow,
        )
        return await _drive(common, client, stream, follow=follow, detach=detach)


@talks
async def travel(
    common: Common,
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="The source; - for none.")],
    step: Annotated[str, typer.Argument(metavar="STEP", help="Address to execute from.")],
    input: Annotated[
        str | None,
        typer.Option(metavar="JSON", help="Input of the step, in place of the recorded one."),
    ] = None,
    context: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS=JSON", help="Output of an earlier step; may be repeated."),
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(metavar="JSON", help="State to begin with, in place of the recorded one."),
    ] = None,
    resume_data: Annotated[
        str | None, typer.Option(metavar="JSON", help="Answer for the first suspended step.")
    ] = None,
    request_context: RequestContext = None,
    workflow: Annotated[
        str | None, typer.Option(metavar="WORKFLOW", help="The workflow, if there is no source.")
    ] = None,
    new_run_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Name of the replay.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Execute the step although its condition does not hold.")
    ] = False,
    allow_definition_change: Annotated[
        bool,
        typer.Option(
            "--allow-definition-change", help="Accept that earlier steps changed their order."
        ),
    ] = False,
    per_step: PerStep = False,
    follow: Follow = False,
    detach: Detach = False,
    request_id: RequestId = None,
) -> Exit:
    """
    Run a past run again from a step, as a new run.

    What lies before the step is taken from the source, which stays as it is. Prints as run does.
    """
    async with common.client() as client:
        stream = client.time_travel_stream(
            None if run_id == "-" else run_id,
            step,
            workflow_id=workflow,
            input_data=payload("--input", input),
            resume_data=payload("--resume-data", resume_data),
            initial_state=payload("--state", state),
            context=outputs("--context", context or []),
            request_context=payload("--request-context", request_context),
            per_step=per_step,
            force=force,
            allow_definition_change=allow_definition_change,
            new_run_id=new_run_id,
            request_id=request_id,
            follow=follow,
        )
        return await _drive(common, client, stream, follow=follow, detach=detach)


@talks
async def watch(
    common: Common,
    run_id: RunId,
    after: Annotated[
        int, typer.Option(metavar="N", min=0, help="Begin after the event of this sequence.")
    ] = 0,
    follow: Follow = False,
) -> Exit:
    """
    Show the events of a run until it is at rest.

    Those of the past come first. Prints a line per event, or per step in a terminal; with --json
    an event per line.
    """
    async with common.client() as client:
        stream = client.watch_run(run_id, after_sequence=after, follow=follow)
        if common.is_json:
            await _tell(stream, print_json)
            run = await client.get_run(run_id, output=_BASIC)
            return of_status(run.status)
        console = Console()
        await _show(console, client, stream)
        return print_outcome(await client.get_run(run_id), with_result=console.is_terminal)


async def _drive(
    common: Common, client: Client, stream: EventStream, *, follow: bool, detach: bool
) -> Exit:
    """
    See a run through as far as asked, and print what came of it.
    """
    if detach and follow:
        raise UsageError("--detach and --follow contradict each other")
    if detach:
        async with stream:
            first = await anext(stream)
        if common.is_json:
            print_json(await client.get_run(first.run_id, output=_BASIC))
        else:
            print(first.run_id)
        return Exit.SUCCESS
    if not common.is_json:
        await _show(Console(stderr=True), client, stream)
        return print_outcome(await client.get_run(stream.run_id or ""))
    await _tell(stream, print_json if follow else lambda _: None)
    run = await client.get_run(stream.run_id or "")
    if not follow:
        print_json(run)
    return of_status(run.status)


async def _show(console: Console, client: Client, stream: EventStream) -> None:
    with progress.shown(console) as screen:
        first = await anext(stream, None)
        if first is None:
            return
        screen.tell(first)
        if isinstance(first, events.RunStarted) and first.lineage:
            steps = client.list_steps(first.run_id)
            screen.reuse([step async for step in steps if step.reused_from_run_id])
        await _tell(stream, screen.tell)


async def _tell(stream: EventStream, tell: Callable[[events.RunEvent], None]) -> None:
    try:
        async for event in stream:
            tell(event)
    except (asyncio.CancelledError, Unavailable):
        if stream.last_sequence:
            watch = f"dalsegno watch {stream.run_id} --after {stream.last_sequence}"
            say(f"the run goes on; watch it with: {watch}")
        raise
