"""
No code of ours keeps a cancellation to itself, or starts a task that nothing holds.

asyncio keeps only weak references to tasks: one that nothing else holds vanishes in the middle of
what it does. A cancellation that is swallowed leaves a caller, or a server that stops, waiting.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("server/dalsegno", "clients/python/dalsegno/client")

_CANCELING = {"CancelledError", "BaseException"}
_BEGINNING = {"create_task", "ensure_future"}

# Who goes on after some cancellations, by file and function, and after which. All raise the others.
GOES_ON = {
    ("server/dalsegno/engine/background.py", "_keep"): "one that the work let escape",
    ("server/dalsegno/engine/body.py", "call_body"): "one that the body made up",
    ("server/dalsegno/engine/drive.py", "drive"): "that of a run whose end was asked for",
    ("server/dalsegno/engine/supervisor.py", "_drive"): "that of a run that cannot be written",
    ("server/dalsegno/rpc/interceptors/error_guard.py", "guarded"): "one that is not the call's",
    ("clients/python/dalsegno/client/stream.py", "_receive"): "that of the call, not of the loop",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def nodes() -> Iterator[tuple[str, str, ast.AST]]:
    """
    Everything inside of functions: the file, the innermost function, and the node.
    """
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield from _inside(ast.parse(path.read_text()), str(path.relative_to(ROOT)), "")


def _inside(parent: ast.AST, path: str, function: str) -> Iterator[tuple[str, str, ast.AST]]:
    for node in ast.iter_child_nodes(parent):
        yield path, function, node
        name = node.name if isinstance(node, Function) else function
        yield from _inside(node, path, name)


def names_in(expression: ast.expr | None) -> set[str]:
    """
    The last parts of all names: CancelledError of asyncio.CancelledError.
    """
    if expression is None:
        return {"BaseException"}  # a bare except
    nodes = list(ast.walk(expression))
    plain = {node.id for node in nodes if isinstance(node, ast.Name)}
    return plain | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def takes_cancellations(node: ast.AST) -> bool:
    """
    Whether it is a handler or a `suppress` that a cancellation ends in.
    """
    if isinstance(node, ast.ExceptHandler):
        return bool(names_in(node.type) & _CANCELING)
    if isinstance(node, ast.Call) and "suppress" in names_in(node.func):
        return any(names_in(argument) & _CANCELING for argument in node.args)
    return False


def raises_always(node: ast.AST) -> bool:
    return isinstance(node, ast.ExceptHandler) and isinstance(node.body[-1], ast.Raise)


def raises_ever(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Raise) for inner in ast.walk(node))


def lets_a_task_go(node: ast.AST) -> bool:
    """
    Whether it begins a task, and drops what stands for it.
    """
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return False
    return bool(names_in(node.value.func) & _BEGINNING)


def test_cancellations_end_where_there_is_a_reason_and_nowhere_else() -> None:
    ending = {
        (path, function): node
        for path, function, node in nodes()
        if takes_cancellations(node) and not raises_always(node)
    }

    assert ending.keys() == GOES_ON.keys()
    assert all(raises_ever(node) for node in ending.values())


def test_every_task_is_held_by_somebody() -> None:
    let_go = [(path, function) for path, function, node in nodes() if lets_a_task_go(node)]

    assert let_go == []
