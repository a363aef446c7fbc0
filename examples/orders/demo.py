"""
The order example as a story: an order fails, travels back to the failed step, and arrives.

Every command is executed as it is shown, against a real server in a process of its own. What comes
of it is checked, so the demo is a smoke test, too: it ends with 0 only if all was as it tells.

    python -m examples.orders.demo

Afterwards the server stays, to be played with. It stops with Ctrl-C; or at once, if nobody is
there (no terminal, CI=true or DEMO_EXIT=1).
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from dalsegno.cli.exits import Exit
from dalsegno.client import Client, DalsegnoError, Run, RunStatus
from examples.orders.comparison import side_by_side
from examples.orders.gateway import Gateway
from examples.orders.stage import (
    PREFERRED_PORT,
    DemoFailed,
    Shell,
    free_port,
    fresh_folder,
    serving,
)

_WORKFLOWS = "examples.orders.workflows"
_FOLDER = Path(".demo")
_LEDGER = _FOLDER / "payments.db"
_ORDER = "examples/orders/order.json"
_SOURCE, _REPLAY = "order-1001", "order-1001-again"
_ANSWER = {"approved": True, "by": "grace"}


async def tell(shell: Shell, client: Client) -> None:
    """
    The story.

    Raises:
        DemoFailed: It went another way.
    """
    shell.say("An order comes in. Its card token has a typo.")
    await shell.run(f"dalsegno run orders --input @{_ORDER} --run-id {_SOURCE}", expect=Exit.FAILED)
    shell.say("What was done? Each step has a record.")
    await shell.run(f"dalsegno show {_SOURCE}")
    source = await client.get_run(_SOURCE)
    expect("the order failed at its payment", source.steps["authorize"].status == "failed")

    shell.say("As if that were not enough, the payment gateway goes down for two calls.")
    await shell.run("python -m examples.orders.gateway down 2")
    shell.say(
        "Travel to the failed step with the right card. A new run starts there: the checks are "
        "not made again, the gateway is asked until it answers, and a big order waits for a person."
    )
    await travel(shell, client, source)

    replay = await client.get_run(_REPLAY)
    shell.say("Source and replay, side by side.")
    shell.console.print(side_by_side(source, replay))
    check(await client.get_run(_SOURCE) == source, source, replay)


async def travel(shell: Shell, client: Client, source: Run) -> None:
    bill = json.dumps({**source.steps["authorize"].input, "card": "tok_visa"})
    travelling = f"dalsegno travel {_SOURCE} authorize --input '{bill}' --new-run-id {_REPLAY}"
    async with shell.running(f"{travelling} --follow") as stream:
        await stream.show_until("run_suspended")
        suspended = await client.get_run(_REPLAY)
        expect("the replay waits for approval", suspended.status is RunStatus.SUSPENDED)
        shell.say("Another client answers, from another terminal. The stream above goes on.")
        await shell.run(
            f"dalsegno resume {_REPLAY} --label approval --data '{json.dumps(_ANSWER)}' --detach"
        )


def check(is_source_the_same: bool, source: Run, replay: Run) -> None:
    """
    What holds after the story.
    """
    expect("the replay succeeded", replay.status is RunStatus.SUCCESS)
    reused = {step.address for step in replay.steps.values() if step.reused_from_run_id}
    expect("what lay before the payment was reused", reused == set(source.steps) - {"authorize"})
    expect("the payment took three attempts", len(replay.steps["authorize"].attempts) == 3)
    captures = [entry for entry in Gateway(_LEDGER).entries() if entry.kind == "capture"]
    expect("the customer paid once", len(captures) == 1)
    expect("the source is as it was", is_source_the_same)


def expect(what: str, holds: bool) -> None:
    if not holds:
        raise DemoFailed(f"it is not so that {what}")


def how_to_go_on(shell: Shell) -> None:
    """
    Commands to play with, ready to be copied.
    """
    if shell.address != f"127.0.0.1:{PREFERRED_PORT}":
        shell.say("The server is not where clients look by themselves; in a new terminal, say:")
        shell.show(f"export DALSEGNO_SERVER={shell.address}")
    shell.say("Now you, in another terminal. What is there:")
    shell.show("dalsegno list")
    shell.show(f"dalsegno lineage {_SOURCE}")
    shell.show(f"dalsegno show {_REPLAY} --events")
    shell.show("dalsegno workflows orders")
    shell.show("python -m examples.orders.gateway ledger")
    shell.say("Ship again, or pick just the second line again. The ledger: nobody pays twice.")
    shell.show(f"dalsegno travel {_REPLAY} shipping")
    shell.show(f"dalsegno travel {_REPLAY} 'pick[1]'")
    shell.say("From any language, for example with grpcurl; it learns the API from the server.")
    shell.show(f"grpcurl -plaintext {shell.address} describe dalsegno.v1.RunService")
    call = f"grpcurl -plaintext -d '%s' {shell.address} dalsegno.v1.RunService/%s"
    shell.show(call % (f'{{"run_id": "{_REPLAY}"}}', "GetRun"))
    shell.show(call % (f'{{"run_id": "{_REPLAY}", "step": "shipping"}}', "TimeTravelStream"))


async def main(console: Console) -> None:
    """
    Set the stage, tell the story, and stay as long as somebody is there.

    Raises:
        DemoFailed: The stage broke, or the story went another way.
    """
    task = asyncio.current_task()
    assert task is not None
    _on_signals((signal.SIGTERM, signal.SIGHUP), task.cancel)
    os.environ["ORDERS_LEDGER"] = str(_LEDGER)
    with fresh_folder(_FOLDER):
        port = free_port()
        if port != PREFERRED_PORT:
            console.print(
                f"Port {PREFERRED_PORT} is busy: the server listens on {port}.", highlight=False
            )
        async with serving(_WORKFLOWS, _FOLDER, port) as address, Client(address) as client:
            shell = Shell(console, address)
            shell.say(f"A server, on a SQLite file in {_FOLDER}. It is running already.")
            shell.show(f"dalsegno serve --workflows {_WORKFLOWS} --db {_FOLDER}/orders.db")
            await tell(shell, client)
            how_to_go_on(shell)
            if is_somebody_there():
                shell.say(f"The server is at {address} until you press Ctrl-C here.")
                stop = asyncio.Event()
                _on_signals((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), stop.set)
                await stop.wait()


def is_somebody_there() -> bool:
    is_told_to_end = os.environ.get("DEMO_EXIT") == "1" or os.environ.get("CI") == "true"
    return sys.stdin.isatty() and not is_told_to_end


def _on_signals(signals: Sequence[signal.Signals], act: Callable[[], object]) -> None:
    for number in signals:
        asyncio.get_running_loop().add_signal_handler(number, act)


def start() -> int:
    # A file or a pipe has no width; what is copied from it should not be cut.
    console = Console() if sys.stdout.isatty() else Console(width=120)
    try:
        asyncio.run(main(console))
    except (DemoFailed, DalsegnoError) as error:
        print(f"The demo failed: {error}.", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(start())
