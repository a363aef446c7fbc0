"""
One helpful sentence for whatever went wrong.
"""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from dalsegno.cli.exits import Exit
from dalsegno.client import DalsegnoError, Unavailable, errors


class Unreachable(Exception):
    """
    No server answers at a target.
    """

    def __init__(self, target: str, problem: str) -> None:
        super().__init__(
            f"no server answers at {target} ({problem}); start one with "
            "'dalsegno serve --workflows MODULE', or name another with --server or DALSEGNO_SERVER"
        )


def sentence(error: DalsegnoError) -> str:
    """
    What the server said, and what to do about it.
    """
    hint = _hint(error)
    return f"{error.message}; {hint}" if hint else error.message


def exit_code(error: Exception) -> Exit:
    is_lost = isinstance(error, Unreachable | Unavailable)
    return Exit.UNREACHABLE if is_lost else Exit.REFUSED


def as_object(error: Exception) -> dict[str, Any]:
    """
    The error as ``--json`` prints it.
    """
    if not isinstance(error, DalsegnoError):
        return {"error": {"message": str(error)}}
    return {
        "error": {
            "reason": error.reason,
            "code": error.code.name,
            "message": error.message,
            "hint": _hint(error),
            "metadata": error.metadata,
            "violations": error.violations,
        }
    }


def _hint(error: DalsegnoError) -> str:
    match error:
        case errors.StepNotFound():
            return _near(error.metadata, "step", "addresses")
        case errors.WorkflowNotFound():
            return _near(error.metadata, "workflow_id", "workflows")
        case errors.IncompleteBackup():
            return "no file was made; take it again"
        case errors.InvalidRequest():
            return ""
        case _:
            hint = _HINTS.get(error.reason)
            return hint(error.metadata) if hint else ""


def _near(facts: Mapping[str, str], asked: str, known: str) -> str:
    near = get_close_matches(facts.get(asked, ""), facts.get(known, "").split(", "))
    return f"did you mean {' or '.join(map(repr, near))}?" if near else ""


_HINTS: Mapping[str, Callable[[Mapping[str, str]], str]] = {
    "RUN_NOT_FOUND": lambda _: "'dalsegno list' shows the runs there are",
    "RUN_EXISTS": lambda _: "give another name, or none",
    "INVALID_ADDRESS": lambda _: "'dalsegno show RUN' lists the addresses of a run",
    "SOURCE_RUN_ACTIVE": lambda f: (
        f"wait for it with 'dalsegno watch {f.get('run_id')}', "
        f"or end it with 'dalsegno cancel {f.get('run_id')}'"
    ),
    "MISSING_HISTORY": lambda _: "give the step's own --input, or outputs with --context",
    "DEFINITION_CHANGED": lambda _: "--allow-definition-change travels nevertheless",
    "TARGET_NOT_REACHED": lambda _: "--force executes the step nevertheless",
    "NOTHING_TO_RESUME": lambda _: "leave --resume-data out",
    "AMBIGUOUS_SUSPENSION": lambda _: "name one with --step or --label",
    "RUN_FINISHED": lambda f: f"'dalsegno travel {f.get('run_id')} STEP' runs it again from a step",
    "RUN_ACTIVE": lambda f: f"'dalsegno watch {f.get('run_id')}' waits for it",
    "RUN_HAS_REPLAYS": lambda f: f"'dalsegno lineage {f.get('run_id')}' shows them",
    "BACKUP_ACTIVE": lambda _: "wait until it has ended",
    "BACKUP_NO_SPACE": lambda _: "make room, or start the server with --set backup_dir=FOLDER",
    "CORRUPT_STORE": lambda _: "docs/operations.md says how to restore an earlier backup",
    "CONFLICT": lambda f: f"look at it with 'dalsegno show {f.get('run_id')}', and decide again",
}
