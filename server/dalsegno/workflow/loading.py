"""
Finding workflows by name, for servers that are started with ``--workflows MODULE[:NAME]``.
"""

import importlib
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from dalsegno.model.errors import InvalidDefinition
from dalsegno.workflow.builder import Workflow


class LoadError(Exception):
    """
    No workflows can be had from there; the message is a sentence for whoever starts the server.
    """


def load(spec: str) -> tuple[Workflow, ...]:
    """
    The workflows of a module, committed, in the order they stand there.

    Args:
        spec: ``MODULE`` for every workflow in its namespace, or ``MODULE:NAME`` for a workflow,
            an iterable of workflows, or a function without arguments that returns either. The
            current directory is importable.

    Raises:
        LoadError: There is no such module or name, it cannot be imported, it holds no workflow,
            one cannot be built, or two have the same id.
    """
    module_name, _, name = spec.partition(":")
    module = _import(module_name)
    found = _named(module, name) if name else _all(module)
    return _committed(found, spec)


def _import(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise LoadError(f"There is no module {name!r} on the path or in {here}.") from error
        raise LoadError(f"Module {name!r} imports {error.name!r}, which is missing.") from error
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
        raise LoadError(f"Module {name!r} fails while it is imported: {problem}.") from error


def _all(module: ModuleType) -> list[Workflow]:
    found = [item for item in vars(module).values() if isinstance(item, Workflow)]
    if not found:
        raise LoadError(
            f"Module {module.__name__!r} has no workflow in its namespace; "
            f"name what makes them: {module.__name__}:NAME."
        )
    return found


def _named(module: ModuleType, name: str) -> list[Workflow]:
    spec = f"{module.__name__}:{name}"
    if not hasattr(module, name):
        raise LoadError(f"Module {module.__name__!r} has no {name!r}.")
    found = getattr(module, name)
    if not isinstance(found, (Workflow, Iterable)) and callable(found):
        found = _called(found, spec)
    workflows = [found] if isinstance(found, Workflow) else found
    if not isinstance(workflows, Iterable):
        raise LoadError(
            f"{spec} is of type {type(found).__name__}; it must be a workflow, or several."
        )
    listed = list(workflows)
    for item in listed:
        if not isinstance(item, Workflow):
            kind = type(item).__name__
            raise LoadError(f"{spec} holds something of type {kind}, which is no workflow.")
    if not listed:
        raise LoadError(f"{spec} holds no workflow.")
    return listed


def _called(function: Any, spec: str) -> Any:
    try:
        return function()
    except Exception as error:
        raise LoadError(f"{spec}() fails: {type(error).__name__}: {error}.") from error


def _committed(workflows: Iterable[Workflow], spec: str) -> tuple[Workflow, ...]:
    known: dict[str, Workflow] = {}
    for workflow in workflows:
        try:
            workflow.commit()
        except InvalidDefinition as error:
            raise LoadError(f"{spec} cannot be used: {error}.") from error
        if known.setdefault(workflow.id, workflow) is not workflow:
            raise LoadError(f"{spec} has two workflows with the id {workflow.id!r}.")
    return tuple(known.values())
