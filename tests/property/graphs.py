"""
Random workflows: small graphs of every kind of node, written out as they would be authored.

A graph is data first, so that a failing one can be printed; `Flow.workflow` builds it with the
public authoring API. Every step has a letter of its own and adds it to the text it gets.
"""

import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from dalsegno.workflow import Workflow, constant, from_init, from_step
from dalsegno.workflow.graph import Source
from dalsegno.workflow.step import Step
from tests.property.bodies import Does, Ledger, Part, trace

MAX_ITERATIONS = 4
_NESTED_MAX = 2  # workflows in workflows


@dataclass(frozen=True)
class Length:
    """
    A condition: the text has a certain length. It raises if *modulus* is 0.
    """

    modulus: int
    remainder: int

    def __call__(self, value: Any) -> bool:
        return len(trace(value)) % self.modulus == self.remainder

    def __repr__(self) -> str:
        return f"len%{self.modulus}=={self.remainder}"


@dataclass(frozen=True)
class Flow:
    """
    A workflow: a sequence of nodes.
    """

    id: str
    nodes: tuple["Node", ...]

    def __repr__(self) -> str:
        return f"{self.id}{''.join(map(repr, self.nodes))}"

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        printer.text(repr(self))

    def workflow(self, ledger: Ledger) -> Workflow:
        workflow = Workflow(self.id)
        for position, node in enumerate(self.nodes):
            node.add_to(workflow, ledger, self.nodes[:position])
        return workflow

    def all_nodes(self) -> Iterator["Node"]:
        """
        The nodes, and those of nested workflows.
        """
        for node in self.nodes:
            yield node
            for leaf in node.leaves:
                if isinstance(leaf, Flow):
                    yield from leaf.all_nodes()

    def parts(self) -> list[Part]:
        """
        The steps, wherever they are.
        """
        leaves = (leaf for node in self.all_nodes() for leaf in node.leaves)
        return [leaf for leaf in leaves if isinstance(leaf, Part)]

    @property
    def has_race(self) -> bool:
        return any(node.kind == "race" for node in self.all_nodes())

    @property
    def is_told_its_state(self) -> bool:
        """
        Whether an output depends on the state.
        """
        return any(part.does is Does.TELL for part in self.parts())

    @property
    def is_a_line(self) -> bool:
        """
        Whether nothing lies beside anything else.
        """
        beside = ("parallel", "branch", "race", "foreach")
        return not any(node.kind in beside for node in self.all_nodes())


Leaf = Part | Flow


def _body(leaf: Leaf, ledger: Ledger) -> Step[..., Any] | Workflow:
    return ledger.step(leaf) if isinstance(leaf, Part) else leaf.workflow(ledger)


@dataclass(frozen=True)
class Node:
    """
    One node of a sequence, and what the authoring API is told of it.

    Attributes:
        kind: Name of the method of `Workflow` that adds it.
        leaves: Its arms, its body, or the step itself.
        conditions: Of a branch one for each arm; of a when and of loops one.
        size: Of a foreach how many items, of a sleep how many seconds.
    """

    kind: str
    leaves: tuple[Leaf, ...]
    conditions: tuple[Length, ...] = ()
    id: str | None = None
    size: int = 0
    concurrency: int = 1

    def __repr__(self) -> str:
        arms = ", ".join(map(repr, self.leaves))
        match self.kind:
            case "branch":
                arms = ", ".join(map("{!r}: {!r}".format, self.conditions, self.leaves))
            case "when" | "do_while" | "do_until":
                arms = f"{self.conditions[0]!r}, {arms}"
            case "foreach":
                arms = f"{self.size} items, {arms}, concurrency={self.concurrency}"
            case "sleep":
                arms = f"{self.size} s"
        name = f"{self.id}: " if self.id else ""
        return f".{self.kind}({name}{arms})"

    def add_to(self, workflow: Workflow, ledger: Ledger, earlier: tuple["Node", ...]) -> None:
        bodies = [_body(leaf, ledger) for leaf in self.leaves]
        match self.kind:
            case "parallel" | "race":
                getattr(workflow, self.kind)(*bodies, id=self.id)
            case "branch":
                workflow.branch(*zip(self.conditions, bodies, strict=True), id=self.id)
            case "when":
                workflow.when(self.conditions[0], *bodies)
            case "do_while" | "do_until":
                add = getattr(workflow, self.kind)
                add(*bodies, self.conditions[0], max_iterations=MAX_ITERATIONS)
            case "foreach":
                self._add_foreach(workflow, bodies[0])
            case "map":
                self._add_map(workflow, earlier)
            case "sleep":
                workflow.sleep(self.id or "", self.size)
            case _:
                getattr(workflow, self.kind)(*bodies)

    def _add_foreach(self, workflow: Workflow, body: Step[..., Any] | Workflow) -> None:
        async def items(value: Any) -> list[str]:
            return [f"{trace(value)}{index}" for index in range(self.size)]

        workflow.map(self.id or "", items).foreach(body, concurrency=self.concurrency)

    def _add_map(self, workflow: Workflow, earlier: tuple["Node", ...]) -> None:
        read = [leaf.id for node in earlier for leaf in node.leaves]
        members: dict[str, Source] = {"init": from_init(), "constant": constant(0)}
        members |= {f"of_{id}": from_step(id) for id in read}
        workflow.map(self.id or "", members)


def lengths() -> st.SearchStrategy[Length]:
    # One in eight raises.
    moduli = st.sampled_from([1, 2, 2, 2, 3, 3, 3, 0])
    return moduli.flatmap(
        lambda modulus: st.builds(Length, st.just(modulus), st.integers(0, max(modulus - 1, 0)))
    )


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    """
    A workflow of up to four nodes, some of them with whole workflows inside.
    """
    return _Drawing(draw).flow("w", depth=0, repeats=False)


_KINDS = (
    *("then", "then", "then", "parallel", "foreach", "do_until", "branch", "when"),
    *("tap", "do_while", "map", "sleep", "race"),
)
_DOES = (
    *(Does.ADD, Does.ADD, Does.ADD, Does.FAIL, Does.FAIL_ONCE, Does.ASK, Does.ASK, Does.ASK_NUMBER),
    *(Does.BAIL, Does.CANCEL, Does.NAP, Does.EMIT, Does.KEEP, Does.TELL, Does.GIVE_NULL),
)


class _Drawing:
    """
    Draws a workflow whose nodes all have ids of their own.

    `repeats` says of each method whether what it draws is inside a loop or foreach.
    """

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._ids = iter(string.ascii_letters)

    def flow(self, id: str, *, depth: int, repeats: bool) -> Flow:
        count = self._draw(st.integers(1, 4 - depth))
        return Flow(id, tuple(self._node(depth, repeats) for _ in range(count)))

    def _node(self, depth: int, repeats: bool) -> Node:
        draw = self._draw
        kind = draw(st.sampled_from(_KINDS))
        match kind:
            case "parallel" | "race" | "branch":
                id = next(self._ids) if draw(st.booleans()) else None
                count = draw(st.integers(2, 3))
                arms = tuple(self._leaf(depth, repeats) for _ in range(count))
                conditions = tuple(draw(lengths()) for _ in arms if kind == "branch")
                return Node(kind, arms, conditions, id)
            case "when":
                return Node(kind, (self._leaf(depth, repeats),), (draw(lengths()),))
            case "do_while" | "do_until":
                return Node(kind, (self._leaf(depth, repeats=True),), (draw(lengths()),))
            case "foreach":
                size, concurrency = draw(st.integers(0, 3)), draw(st.integers(1, 2))
                body = self._leaf(depth, repeats=True)
                return Node(kind, (body,), (), next(self._ids), size, concurrency)
            case "tap":
                return Node(kind, (self._part(repeats),))
            case "map":
                return Node(kind, (), (), next(self._ids))
            case "sleep":
                return Node(kind, (), (), next(self._ids), draw(st.sampled_from([0, 1, 60])))
            case _:
                return Node(kind, (self._leaf(depth, repeats),))

    def _leaf(self, depth: int, repeats: bool) -> Leaf:
        if depth < _NESTED_MAX and self._draw(st.integers(0, 3)) == 3:
            return self.flow(next(self._ids), depth=depth + 1, repeats=repeats)
        return self._part(repeats)

    def _part(self, repeats: bool) -> Part:
        draw = self._draw
        does = draw(st.sampled_from(_DOES))
        is_odd = does is not Does.ADD
        only_in = draw(st.sampled_from([None, 0, 1, 2])) if repeats and is_odd else None
        attempts = draw(st.integers(1, 2)) if does in (Does.FAIL, Does.FAIL_ONCE) else 1
        return Part(next(self._ids), does, only_in, attempts)
