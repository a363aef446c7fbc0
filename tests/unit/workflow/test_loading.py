import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dalsegno.workflow.loading import LoadError, load

HEAD = """
from dalsegno.workflow import Workflow, step

@step
def a(value):
    return value

"""


class Here:
    """
    An empty current directory to put modules into.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._names: list[str] = []

    def module(self, name: str, text: str) -> None:
        path = self._path.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(HEAD + text)
        self._names.append(name.split(".", maxsplit=1)[0])

    def forget(self) -> None:
        for name in list(sys.modules):
            if name.split(".")[0] in self._names:
                del sys.modules[name]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Here]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    place = Here(tmp_path)
    yield place
    place.forget()


def ids(spec: str) -> list[str]:
    return [workflow.id for workflow in load(spec)]


def test_a_module_gives_every_workflow_in_its_namespace(here: Here) -> None:
    here.module(
        "many_flows",
        "inner = Workflow('inner').then(a)\nouter = Workflow('outer').then(inner)\nalias = outer",
    )

    assert ids("many_flows") == ["inner", "outer"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("named = Workflow('x').then(a)", ["x"]),
        ("named = [Workflow('x').then(a), Workflow('y').then(a)]", ["x", "y"]),
        ("named = (Workflow(id).then(a) for id in 'xy')", ["x", "y"]),
        ("def named(): return Workflow('x').then(a)", ["x"]),
        ("def named(): return {Workflow('x').then(a)}", ["x"]),
        ("def named(): yield Workflow('x').then(a)", ["x"]),
    ],
)
def test_a_name_is_a_workflow_or_several_or_makes_them(
    here: Here, text: str, expected: list[str]
) -> None:
    here.module("named_flows", "other = Workflow('other').then(a)\n" + text)

    assert ids("named_flows:named") == expected


def test_modules_may_lie_in_packages(here: Here) -> None:
    here.module("flow_package.orders", "named = Workflow('x').then(a)")

    assert ids("flow_package.orders") == ["x"]


def test_what_is_loaded_is_committed(here: Here) -> None:
    here.module("frozen_flows", "x = Workflow('x').then(a)")

    (workflow,) = load("frozen_flows")

    assert workflow.definition_hash


@pytest.mark.parametrize(
    ("text", "spec", "message"),
    [
        ("", "no_such_flows", r"There is no module 'no_such_flows' on the path or in /.*\."),
        ("", "no.such.flows", r"There is no module 'no.such.flows'"),
        ("", "bad_flows.inner", r"There is no module 'bad_flows.inner'"),
        ("", "", r"Module '' fails while it is imported: ValueError: Empty module name\."),
        ("import no_such_thing", "bad_flows", "'bad_flows' imports 'no_such_thing', which is mis"),
        ("1 / 0", "bad_flows", "fails while it is imported: ZeroDivisionError: division by zero."),
        ("def", "bad_flows", "fails while it is imported: SyntaxError"),
        ("Workflow('1')", "bad_flows", "fails while it is imported: InvalidDefinition: workf"),
        ("", "bad_flows", "has no workflow in its namespace; name what makes them: bad_flows:NA"),
        ("", "bad_flows:x", "Module 'bad_flows' has no 'x'."),
        ("x = 5", "bad_flows:x", "bad_flows:x is of type int; it must be a workflow, or several."),
        (
            "x = [5]",
            "bad_flows:x",
            "bad_flows:x holds something of type int, which is no",
        ),
        ("x = []", "bad_flows:x", "bad_flows:x holds no workflow."),
        ("def x(y): ...", "bad_flows:x", r"bad_flows:x\(\) fails: TypeError: .*'y'\."),
        ("x = Workflow('x')", "bad_flows", "cannot be used: workflow 'x': has no nodes; .*"),
        (
            "x = Workflow('x').then(a)\ny = Workflow('x').then(a)",
            "bad_flows",
            "bad_flows has two workflows with the id 'x'.",
        ),
    ],
)
def test_what_cannot_be_loaded_is_said_in_a_sentence(
    here: Here, text: str, spec: str, message: str
) -> None:
    here.module("bad_flows", text)

    with pytest.raises(LoadError, match=message) as caught:
        load(spec)

    assert str(caught.value).endswith(".")
