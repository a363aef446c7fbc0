"""
Exit codes: what a script can tell from how the command ended.
"""

from enum import IntEnum

from dalsegno.client import RunStatus


class Exit(IntEnum):
    """
    Documented in `dalsegno --help` and docs/cli.md.
    """

    SUCCESS = 0
    REFUSED = 1
    USAGE = 2
    FAILED = 3
    SUSPENDED = 4
    PAUSED = 5
    CANCELED = 6
    UNREACHABLE = 7
    INTERRUPTED = 130


MEANINGS = {
    Exit.SUCCESS: "done; if the command ends with a run: it succeeded, or was left going on",
    Exit.REFUSED: "the server refused, or something else went wrong",
    Exit.USAGE: "the command line is wrong",
    Exit.FAILED: "the run failed",
    Exit.SUSPENDED: "the run is suspended: a step waits for resume data",
    Exit.PAUSED: "the run is paused",
    Exit.CANCELED: "the run was canceled",
    Exit.UNREACHABLE: "no server answers",
    Exit.INTERRUPTED: "interrupted with Ctrl-C; the run goes on",
}

_OF_STATUS = {
    RunStatus.FAILED: Exit.FAILED,
    RunStatus.SUSPENDED: Exit.SUSPENDED,
    RunStatus.PAUSED: Exit.PAUSED,
    RunStatus.CANCELED: Exit.CANCELED,
}


def of_status(status: RunStatus) -> Exit:
    """
    The exit code of a command that ends with a run.
    """
    return _OF_STATUS.get(status, Exit.SUCCESS)
