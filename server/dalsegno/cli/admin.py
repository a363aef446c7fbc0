"""
The command that takes a backup.
"""

import errno
from pathlib import Path
from typing import Annotated

import typer

from dalsegno.cli.common import Common, talks
from dalsegno.cli.exits import Exit
from dalsegno.cli.printing import print_json


class CannotWrite(Exception):
    """
    A file cannot be made on this side of the wire; the message is a sentence.
    """


@talks
async def backup(
    common: Common,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to make.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> Exit:
    """
    Copy the server's database into a file, while it goes on.

    FILE is there only when it is whole and on disk; a server started with it goes on with its runs.
    """
    try:
        async with common.client() as client:
            made = await client.backup(file, overwrite=force)
    except OSError as error:
        raise CannotWrite(_why_not(file, error)) from error
    if common.is_json:
        print_json({"file": str(made.path), "size": made.size, "sha256": made.sha256})
    else:
        print(f"{made.path}: {made.size} bytes, sha256 {made.sha256}")
    return Exit.SUCCESS


def _why_not(file: Path, error: OSError) -> str:
    match error.errno:
        case errno.EEXIST:
            return f"{file} is there already; name another file, or replace it with --force"
        case errno.EISDIR:
            return f"{file} is a folder; name a file in it"
        case errno.ENOENT | errno.ENOTDIR:
            return f"the folder {file.parent} does not exist; make it first"
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return f"there is no space for the backup in {file.parent}; nothing was left there"
        case _:
            return f"{file} cannot be written: {error.strerror}; nothing was left there"
