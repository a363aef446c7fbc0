"""
No code opens the file of the database beside the store.

POSIX takes all locks of a process from a file as soon as any of its handles is closed. Whoever
opens and closes the database inside the server, be it to look at its size, lets other programs
throw its log away: https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = [ROOT / "server/dalsegno", ROOT / "clients/python/dalsegno/client", ROOT / "examples"]
STORE = ROOT / "server/dalsegno/store"
MODULES = sorted(path for folder in OURS for path in folder.rglob("*.py"))

# What opens a file, by the last part of its name.
OPENERS = {"open", "fdopen", "connect", "mmap", "read_bytes", "read_text", "write_bytes"}
OPENERS |= {"write_text", "copy", "copy2", "copyfile", "copytree", "move"}

# What the path of a database is called, in the store and elsewhere.
DATABASE = {"db", "database", "_database", "path", "real_path", "claim"}

# Each brings a library of its own, which knows nothing of the locks of the first.
OTHER_LIBRARIES = {"apsw", "pysqlite3", "sqlean", "sqlcipher3", "duckdb"}


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def names(node: ast.AST) -> set[str]:
    """
    All names in an expression; what a file's `parent` or `name` is taken of is not that file.
    """
    found = set()
    left = [node]
    while left:
        part = left.pop()
        if isinstance(part, ast.Name):
            found.add(part.id)
        if isinstance(part, ast.Attribute):
            found.add(part.attr)
        if not (isinstance(part, ast.Attribute) and part.attr in {"parent", "name"}):
            left += ast.iter_child_nodes(part)
    return found


def opened(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            # SqliteStore.open is the way in; its own connections are made from URIs.
            if name in OPENERS and "SqliteStore" not in names(called) and "uri" not in names(node):
                yield node


def offences(source: str, *, is_store: bool) -> list[str]:
    """
    Where a module could open a database.
    """
    tree = ast.parse(source)
    modules = set(imported(tree))
    found = sorted(modules & OTHER_LIBRARIES)
    words = DATABASE if is_store else DATABASE - {"path"}
    found += [ast.unparse(call) for call in opened(tree) if names(call) & words]
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_opens_the_database(module: Path) -> None:
    assert offences(module.read_text(), is_store=module.is_relative_to(STORE)) == []


def servers() -> Iterator[tuple[Path, ast.Module]]:
    for module in MODULES:
        if module.is_relative_to(ROOT / "server") and not module.is_relative_to(STORE):
            yield module, ast.parse(module.read_text())


def test_the_server_knows_sqlite_in_its_store_alone() -> None:
    for module, tree in servers():
        assert not {"sqlite3", "aiosqlite", "shutil"} & set(imported(tree)), module


def test_the_path_of_the_database_goes_to_the_store_alone() -> None:
    """
    The goal: nobody can open what nobody has the name of.
    """
    uses = [
        (module.name, ast.unparse(call.func))
        for module, tree in servers()
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        for argument in call.args
        if isinstance(argument, ast.Attribute) and argument.attr == "db"
    ]
    mentions = [
        node
        for _, tree in servers()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "db"
    ]

    assert uses == [("app.py", "SqliteStore.open")]
    assert len(mentions) == 1


@pytest.mark.parametrize(
    "line",
    [
        "open(settings.db)",
        "settings.db.open('rb').close()",
        "hashlib.sha256(settings.db.read_bytes())",
        "shutil.copy(settings.db, '/backups')",
        "os.open(str(db), os.O_RDONLY)",
        "sqlite3.connect(database)",
        "import apsw",
        "from pysqlite3 import dbapi2",
    ],
)
def test_what_would_open_it_is_found(line: str) -> None:
    assert offences(line, is_store=False)


@pytest.mark.parametrize("line", ["path.open('rb')", "os.open(self._database, os.O_RDONLY)"])
def test_what_would_open_it_in_the_store_is_found(line: str) -> None:
    assert offences(line, is_store=True)
