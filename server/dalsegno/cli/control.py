"""
Commands that stop runs, let dead ones go on, and delete them.
"""

from typing import Annotated

import typer

from dalsegno.cli.common import Common, talks
from dalsegno.cli.drive import RunId
from dalsegno.cli.exits import Exit, of_status
from dalsegno.cli.outcome import print_outcome, say
from dalsegno.cli.printing import print_json
from dalsegno.cli.values import UsageError

Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; kept with the run.")]


@talks
async def cancel(common: Common, run_id: RunId, reason: Reason = "") -> Exit:
    """
    End a run as canceled.
    """
    async with common.client() as client:
        run = await client.cancel(run_id, reason=reason)
    if common.is_json:
        print_json(run)
    else:
        print_outcome(run)
    return Exit.SUCCESS


@talks
async def pause(common: Common, run_id: RunId, reason: Reason = "") -> Exit:
    """
    Ask a run to stop between two steps.

    Steps that execute end first; 'dalsegno watch' tells when it has stopped.
    """
    async with common.client() as client:
        run = await client.pause(run_id, reason=reason)
    if common.is_json:
        print_json(run)
    else:
        print_outcome(run)
    return Exit.SUCCESS


@talks
async def restart(
    common: Common,
    run_id: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="The run, unless --active.")
    ] = None,
    active: Annotated[
        bool, typer.Option("--active", help="Restart all that dead servers left, and do not wait.")
    ] = False,
    workflow: Annotated[
        str | None, typer.Option(metavar="WORKFLOW", help="With --active: only its runs.")
    ] = None,
) -> Exit:
    """
    Let a run go on whose server died.

    Servers do that by themselves; this asks for it now. Waits until the run is at rest.
    """
    if (run_id is None) is not active or (workflow and not active):
        raise UsageError("restart takes either RUN, or --active and maybe --workflow")
    async with common.client() as client:
        if run_id is None:
            restarted = await client.restart_active(workflow_id=workflow)
        else:
            run = await client.restart(run_id)
            if common.is_json:
                print_json(run)
            return of_status(run.status) if common.is_json else print_outcome(run)
    if common.is_json:
        print_json(restarted)
    else:
        for name in restarted.run_ids:
            print(name)
        for failure in restarted.failures:
            say(f"{failure.run_id}: {failure.message}")
    return Exit.REFUSED if restarted.failures else Exit.SUCCESS


@talks
async def delete(common: Common, run_id: RunId) -> Exit:
    """
    Delete a run with its records and events.
    """
    async with common.client() as client:
        await client.delete_run(run_id)
    if common.is_json:
        print_json({"deleted": run_id})
    return Exit.SUCCESS
