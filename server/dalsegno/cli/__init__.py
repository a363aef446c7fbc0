"""
The command line: `dalsegno`.

It talks gRPC to a server, through `dalsegno.client`, as any other program does.
"""

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.exceptions import TyperException

from dalsegno.cli import admin, control, drive, look, serving
from dalsegno.cli.exits import MEANINGS, Exit
from dalsegno.cli.sentences import Unreachable, as_object, exit_code, sentence
from dalsegno.client import DalsegnoError, PayloadError

_EXITS = "\n".join(f"  {code:>3}  {meaning}" for code, meaning in MEANINGS.items())

app = typer.Typer(
    name="dalsegno",
    help="Run durable workflows, and run any past run again from any step.\n\n"
    f"\b\nExit codes:\n{_EXITS}",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for name, command, example in (
    ("serve", serving.serve, "--workflows examples.orders.workflows"),
    ("run", drive.run, "orders --input @examples/orders/order.json"),
    ("resume", drive.resume, 'RUN --data \'{"approved": true, "by": "Ada"}\''),
    ("travel", drive.travel, "RUN authorize --input @bill.json"),
    ("watch", drive.watch, "RUN --follow"),
    ("show", look.show, "RUN --events"),
    ("list", look.list_, "--status failed --limit 10"),
    ("lineage", look.lineage, "RUN"),
    ("cancel", control.cancel, "RUN --reason 'a duplicate'"),
    ("pause", control.pause, "RUN"),
    ("restart", control.restart, "RUN"),
    ("delete", control.delete, "RUN"),
    ("workflows", look.workflows, "orders"),
    ("backup", admin.backup, "/backups/orders.db"),
    ("config", serving.config, ""),
):
    app.command(name, epilog=f"Example: dalsegno {name} {example}".rstrip())(command)


def main() -> None:
    """
    Be the program: never a traceback for what the world can do, one sentence instead.
    """
    sys.exit(invoke(sys.argv[1:]))


def invoke(args: Sequence[str]) -> int:
    """
    Execute one command line; its exit code.
    """
    try:
        code: int | None = typer.main.get_command(app).main(
            list(args), prog_name="dalsegno", standalone_mode=False
        )
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has enough. Python would complain once more as it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.SUCCESS
    except (TyperException, PayloadError) as error:
        text = error.format_message() if isinstance(error, TyperException) else str(error)
        return _complain(args, text, {"error": {"message": text}}, Exit.USAGE)
    except DalsegnoError as error:
        return _complain(args, sentence(error), as_object(error), exit_code(error))
    except (Unreachable, serving.CannotServe, admin.CannotWrite) as error:
        return _complain(args, str(error), as_object(error), exit_code(error))
    return code or Exit.SUCCESS


def _complain(args: Sequence[str], text: str, document: dict[str, Any], code: Exit) -> Exit:
    print(json.dumps(document) if "--json" in args else f"dalsegno: {text}", file=sys.stderr)
    return code
