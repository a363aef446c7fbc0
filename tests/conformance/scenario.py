"""
What a scenario file says, and whether it is well-formed.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

CALLS = frozenset(
    {
        "run",
        "run_stream",
        "start",
        "resume",
        "resume_stream",
        "time_travel",
        "time_travel_stream",
        "restart",
        "cancel",
        "pause",
        "watch",
        "get",
        "list",
        "lineage",
        "delete",
        "start_travel",
        "open_gate",
        "wait_entered",
        "wait",
        "rebuild",
        "kill",
        "parallel",
    }
)

EXPECTATIONS = frozenset(
    {
        "error",
        "status",
        "result",
        "input",
        "state",
        "run_error",
        "executed",
        "executed_any_order",
        "steps",
        "absent_steps",
        "suspended",
        "events",
        "events_include",
        "sequence_from",
        "new_run",
        "unchanged",
        "lineage",
        "runs",
        "definition_changed",
        "executions",
        "same_run",
        "succeed",
        "fail_with",
    }
)

Definition = Mapping[str, Any]

_INDEX = re.compile(r"\[\d+\]")


class Malformed(Exception):
    """
    The file is no scenario of format 1: its author's fault, told like any other failure.
    """


@dataclass(frozen=True, slots=True)
class Call:
    """
    One call of a scenario.

    Attributes:
        number: Place in the scenario, from 1; inside a parallel call like ``3.1``.
        kind: What the file calls `call`.
        name: What the file calls `as`; later calls name the run by it.
        arguments: The other members, as in the file.
        inner: The calls of a parallel one; empty for every other kind.
    """

    number: str
    kind: str
    name: str | None
    arguments: Mapping[str, Any]
    expect: Mapping[str, Any]
    inner: tuple["Call", ...] = ()

    @property
    def expects_refused_definition(self) -> bool:
        reason = self.expect.get("error", {}).get("reason")
        return self.kind == "rebuild" and bool(reason == "INVALID_DEFINITION")

    def __str__(self) -> str:
        named = f" ({self.name})" if self.name else ""
        return f"call {self.number} {self.kind}{named}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """
    A workflow or several, the calls made, and what must come back.
    """

    id: str
    title: str
    workflows: Mapping[str, Definition]
    calls: tuple[Call, ...]

    def all_calls(self) -> Iterator[Call]:
        """
        Every call, those inside parallel ones included.
        """
        for call in self.calls:
            yield call
            yield from call.inner

    def served(self, main: str) -> dict[str, Definition]:
        """
        The definitions a server has by workflow id, with *main* in the place of `main`.

        Definitions that some rebuild expects to be refused are left out.
        """
        refused = {
            call.arguments.get("workflow") for call in self.calls if call.expects_refused_definition
        }
        served = {key: value for key, value in self.workflows.items() if key not in refused}
        if main in self.workflows:
            served["main"] = self.workflows[main]
        return served


def has_address(definition: Definition, address: str) -> bool:
    """
    Whether an address names a node of this definition, whatever its indexes.
    """
    *path, last = _INDEX.sub("", address).split(".")
    for id in path:
        definition = definition.get("steps", {}).get(id, {}).get("workflow", {})
    return last in definition.get("steps", {})


def find(places: Sequence[Path]) -> list[Path]:
    """
    The scenario files in these folders, in the order of their names; a file stands for itself.

    Raises:
        Malformed: A place does not exist, or a folder holds no scenario.
    """
    files: list[Path] = []
    for place in places:
        found = sorted(place.glob("*.json")) if place.is_dir() else [place]
        if not found or not found[0].is_file():
            raise Malformed(f"{place}: no scenarios there")
        files += found
    return files


def load(file: Path) -> Scenario:
    """
    Read a scenario.

    Raises:
        Malformed: It is not JSON, or has a member this runner does not know. Nothing is ignored:
            an expectation that is not checked would pass whatever happens.
    """
    try:
        text = json.loads(file.read_bytes(), parse_constant=_refuse_constant)
    except ValueError as error:
        raise Malformed(f"not JSON: {error}") from error
    if not isinstance(text, dict):
        raise Malformed("not a JSON object")
    if text.get("format") != 1:
        raise Malformed(f"format {text.get('format')!r} is unknown")
    try:
        calls = tuple(_call(call, str(place)) for place, call in enumerate(text["calls"], 1))
        return Scenario(text["id"], text.get("title", ""), text["workflows"], calls)
    except KeyError as error:
        raise Malformed(f"{error.args[0]!r} is missing") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _call(text: Mapping[str, Any], number: str) -> Call:
    arguments = dict(text)
    kind = arguments.pop("call")
    name = arguments.pop("as", None)
    expect = arguments.pop("expect", {})
    if kind not in CALLS:
        raise Malformed(f"call {number}: {kind!r} is no call")
    unknown = ", ".join(sorted(set(expect) - EXPECTATIONS))
    if unknown:
        raise Malformed(f"call {number}: expect has unknown {unknown}")
    inner = arguments.pop("calls", ()) if kind == "parallel" else ()
    calls = tuple(_call(call, f"{number}.{place}") for place, call in enumerate(inner, 1))
    return Call(number, kind, name, arguments, expect, calls)
