"""
Commands about the server on this machine.

They import it only when they are called: it takes longer to import than everything else here.
"""

import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dalsegno.cli.exits import Exit
from dalsegno.cli.printing import print_json
from dalsegno.cli.values import UsageError

if TYPE_CHECKING:
    from dalsegno.workflow import Workflow

Json = Annotated[bool, typer.Option("--json", help="Print JSON, errors included.")]


class CannotServe(Exception):
    """
    The server cannot start; the message is a sentence.
    """


def serve(
    workflows: Annotated[
        list[str],
        typer.Option(
            metavar="MODULE[:NAME]",
            help="Where the workflows are: all of a module, or what NAME in it is or returns. May "
            "be repeated.",
        ),
    ],
    db: Annotated[
        Path | None, typer.Option(metavar="FILE", help="SQLite file of the runs.")
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Address to serve on; port 0: a free one."),
    ] = None,
    insecure: Annotated[
        bool | None,
        typer.Option("--insecure", help="Serve without TLS where others can reach it."),
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The server's certificate chain, PEM.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Private key of the certificate, PEM.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Any setting that 'dalsegno config' lists."
        ),
    ] = None,
    json: Json = False,
) -> Exit:
    """
    Serve workflows until Ctrl-C.

    Settings that are not given come from the environment, see 'dalsegno config'. With --json a
    line on stdout says when calls are answered, and where.
    """
    from dalsegno import app, config  # noqa: PLC0415 - client commands need not wait for it

    given = {
        "db": db,
        "listen": listen,
        "insecure": insecure,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
        **_settings(set_ or []),
    }
    loaded = _load(workflows)
    ids = [workflow.id for workflow in loaded]

    def ready(address: str) -> None:
        if json:
            print_json({"address": address, "workflows": ids})
        else:
            print(f"serving {', '.join(ids)} on {address}; stop with Ctrl-C", flush=True)

    try:
        app.run(config.load(**given), loaded, on_ready=ready)
    except config.StartError as error:
        raise CannotServe(str(error)) from error
    return Exit.SUCCESS


def config(json: Json = False) -> Exit:
    """
    Print the settings a server would have here.
    """
    from dalsegno import config as settings  # noqa: PLC0415 - as above

    try:
        described = settings.describe(settings.load())
    except settings.StartError as error:
        raise CannotServe(str(error)) from error
    if json:
        print_json({"settings": described})
        return Exit.SUCCESS
    for item in described:
        default = "" if item.value == item.default else f"   (default: {item.default or 'none'})"
        print(f"{item.env}={item.value}{default}\n    {item.doc}\n")
    return Exit.SUCCESS


def _settings(texts: Sequence[str]) -> dict[str, str]:
    settings = {}
    for text in texts:
        name, is_given, value = text.partition("=")
        if not is_given:
            raise UsageError("--set takes NAME=VALUE, such as --set heartbeat_s=5")
        settings[name] = value
    return settings


def _load(specs: Sequence[str]) -> "list[Workflow]":
    from dalsegno.workflow.loading import LoadError, load  # noqa: PLC0415 - as above

    loaded: dict[str, Workflow] = {}
    for spec in specs:
        try:
            found = load(spec)
        except LoadError as error:
            raise CannotServe(f"{str(error).rstrip('.')}{_place(error.__cause__)}") from error
        for workflow in found:
            if loaded.setdefault(workflow.id, workflow) is not workflow:
                raise CannotServe(
                    f"{spec} has a workflow {workflow.id!r}, and so has another module"
                )
    return list(loaded.values())


def _place(cause: BaseException | None) -> str:
    """
    Where in the author's files it went wrong.
    """
    frames = traceback.extract_tb(cause.__traceback__) if cause else []
    ours = Path(__file__).parents[1]
    here = [
        frame
        for frame in frames
        if Path(frame.filename).is_relative_to(Path.cwd())
        and not Path(frame.filename).is_relative_to(ours)
    ]
    return f" (at {Path(here[-1].filename).name}, line {here[-1].lineno})" if here else ""
