"""
Workflows: graphs of nodes, built by chained calls and checked while they are.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Union

from dalsegno.model.address import NODE_ID
from dalsegno.model.errors import InvalidDefinition
from dalsegno.model.record import NodeKind
from dalsegno.workflow import definition, sources
from dalsegno.workflow.conditions import Condition, of_one_value, predicate
from dalsegno.workflow.duration import to_limit, to_timedelta
from dalsegno.workflow.graph import (
    BranchNode,
    ForeachNode,
    Leaf,
    LoopNode,
    MapNode,
    Node,
    ParallelNode,
    Part,
    Predicate,
    SleepNode,
    Source,
    TapNode,
    WhenNode,
    WorkflowNode,
    named_parts,
)
from dalsegno.workflow.inheritance import leaf_with_retry, step_with_retry, with_retry
from dalsegno.workflow.retry import NOT_DECLARED, Retry
from dalsegno.workflow.step import Step, step
from dalsegno.workflow.types import Type

Body = Union[Step[..., Any], "Workflow", WorkflowNode]


class Workflow:
    """
    A graph of nodes, and what its runs take and give.

    Each method adds a node at the end and returns the workflow. It is frozen by `commit`, which
    its first use (in another workflow, by a server) brings about as well.
    """

    def __init__(
        self,
        id: str,
        *,
        input: Any = None,
        output: Any = None,
        state: Any = None,
        retry: Retry | None = None,
        timeout: timedelta | float | None = None,
        description: str = "",
    ) -> None:
        """
        Args:
            input: Type of a run's input, as an annotation; any JSON value if not given.
            output: Likewise of its result.
            state: Likewise of its state.
            retry: Of its steps that declare none, and of those of nested workflows that
                declare none either.
            timeout: Of a whole run, in seconds if it is a number; no limit if not given.

        Raises:
            InvalidDefinition: One of these cannot be; the message says what to change. So does
                every method below.
        """
        self.id = id
        self._check_id(id)
        self.input = self._type("input", input)
        self.output = self._type("output", output)
        self.state = self._type("state", state)
        with self._refusing("timeout"):
            self.timeout = to_limit(timeout)
        self.description = description
        self._retry = retry or NOT_DECLARED
        self._building: list[Node] = []
        self._flow = self.input  # type of what the next node gets
        self._parts: dict[str, Part] = {}
        self._positions: dict[str, int] = {}
        self._nodes: tuple[Node, ...] = ()  # empty until it is committed
        self._json = b""
        self._hash = ""

    def then(self, body: Body, *more: Body) -> "Workflow":
        """
        Run a step or a whole workflow; several are run one after the other.
        """
        for each in (body, *more):
            leaf = self._leaf(each)
            self._add(leaf, flow=_output(leaf))
        return self

    def parallel(self, *arms: Body, id: str | None = None) -> "Workflow":
        """
        Run all arms at once on the same input; gives an object of their outputs by id.

        Args:
            id: A name under which a time travel can enter the block as a whole.
        """
        return self._block(NodeKind.PARALLEL, arms, id)

    def race(self, *arms: Body, id: str | None = None) -> "Workflow":
        """
        Run all arms at once on the same input; gives the output of the first that succeeds.
        """
        return self._block(NodeKind.RACE, arms, id)

    def branch(self, *arms: tuple[Condition, Body], id: str | None = None) -> "Workflow":
        """
        Run every arm whose condition on the input holds; gives an object of their outputs by id.
        """
        if not arms:
            raise self._invalid("a branch has no arms; give it (condition, step) pairs")
        with self._refusing("a branch takes (condition, step) pairs"):
            pairs = [(condition, body) for condition, body in arms]
        leaves = tuple(self._leaf(body) for _, body in pairs)
        conditions = tuple(self._predicate(condition, self._flow) for condition, _ in pairs)
        return self._add(BranchNode(id, leaves, conditions))

    def when(self, condition: Condition, body: Body) -> "Workflow":
        """
        Run the body if the condition on the input holds; else the input passes through.
        """
        return self._add(WhenNode(self._leaf(body), self._predicate(condition, self._flow)))

    def tap(self, body: Body) -> "Workflow":
        """
        Run the body for its effect; the input passes through, even if it fails. Nothing inside
        may suspend.
        """
        return self._add(TapNode(self._leaf(body)), flow=self._flow)

    def foreach(self, body: Body, concurrency: int = 1) -> "Workflow":
        """
        Run the body for every item of the input, an array; gives the array of its outputs.

        Args:
            concurrency: How many items may be in progress at once.
        """
        leaf = self._leaf(body)
        if concurrency < 1:
            raise self._invalid(f"foreach {leaf.id!r} has concurrency {concurrency}; 1 is least")
        return self._add(ForeachNode(leaf, concurrency))

    def do_while(
        self, body: Body, condition: Condition, max_iterations: int | None = None
    ) -> "Workflow":
        """
        Run the body on its own output as long as the condition on that output holds.

        Args:
            max_iterations: Going on after so many fails the loop; no limit if not given.
        """
        return self._loop(NodeKind.DO_WHILE, body, condition, max_iterations)

    def do_until(
        self, body: Body, condition: Condition, max_iterations: int | None = None
    ) -> "Workflow":
        """
        Run the body on its own output until the condition on that output holds.

        Args:
            max_iterations: Going on after so many fails the loop; no limit if not given.
        """
        return self._loop(NodeKind.DO_UNTIL, body, condition, max_iterations)

    def map(self, id: str, source: Mapping[str, Source] | Callable[..., Any]) -> "Workflow":
        """
        Build a value: an object with members from somewhere, or what a function returns.

        Args:
            source: The members (`from_step`, `from_init`, `from_request_context`, `constant`),
                or a function like that of a step.
        """
        if isinstance(source, Mapping):
            return self._map_of(id, dict(source))
        with self._refusing(f"map {id!r}"):
            body = source if isinstance(source, Step) else step(id=id)(source)
        function = step_with_retry(body.named(id).node, self._retry)
        return self._add(MapNode(id, None, function), flow=function.output)

    def sleep(self, id: str, duration: timedelta | float) -> "Workflow":
        """
        Wait, in seconds if it is a number; the input passes through.
        """
        with self._refusing(f"sleep {id!r}"):
            node = SleepNode(id, duration=to_timedelta(duration))
        return self._add(node, flow=self._flow)

    def sleep_until(self, id: str, until: datetime | Callable[[Any], datetime]) -> "Workflow":
        """
        Wait for a time; the input passes through.

        Args:
            until: With a time zone, or a function of the input (plain JSON data) that gives one.
        """
        if not isinstance(until, datetime):
            with self._refusing(f"sleep_until {id!r}"):
                of_one_value(until)
        elif until.utcoffset() is None:
            raise self._invalid(f"sleep_until {id!r} has no time zone; give it one")
        node = SleepNode(id, until=until, kind=NodeKind.SLEEP_UNTIL)
        return self._add(node, flow=self._flow)

    def named(self, id: str) -> WorkflowNode:
        """
        The same workflow as a node with another id, for use in other workflows.
        """
        return WorkflowNode(id, self)

    def commit(self) -> "Workflow":
        """
        Check what can be checked only now, and freeze.

        Raises:
            InvalidDefinition: It has no nodes, or a type that JSON schema cannot say.
        """
        if not self._nodes:
            if not self._building:
                raise self._invalid("has no nodes; add one with .then(step)")
            self._freeze(tuple(self._building))
        return self

    def inheriting(self, retry: Retry) -> "Workflow":
        """
        The same workflow inside one of this retry, which its steps get if neither they nor the
        workflow declare one.
        """
        self.commit()
        if retry is NOT_DECLARED:
            return self
        twin = copy.copy(self)
        nodes = tuple(with_retry(node, retry) for node in self._nodes)
        twin._freeze(nodes)  # noqa: SLF001 - a copy of this very object
        return twin

    @property
    def nodes(self) -> tuple[Node, ...]:
        """
        In the order of their execution.
        """
        self.commit()
        return self._nodes

    @property
    def definition_hash(self) -> str:
        """
        Of the graph (ids, kinds, order, nesting) and the types, not of any code.
        """
        self.commit()
        return self._hash

    def definition_json(self) -> bytes:
        """
        Graph, types and settings as others see them; see `definition`.
        """
        self.commit()
        return self._json

    def node_index(self, id: str) -> int | None:
        """
        Index in `nodes` of the node with this id or with an arm of this id; None without one.
        """
        return self._positions.get(id)

    def leaf(self, id: str) -> Part | None:
        """
        What has this id: a step, a nested workflow, a map, a sleep or a block, be it a node, an
        arm or the body of one; None without one.
        """
        return self._parts.get(id)

    def _block(self, kind: NodeKind, arms: tuple[Body, ...], id: str | None) -> "Workflow":
        if not arms:
            raise self._invalid(f"a {kind} has no arms; give it a step at least")
        return self._add(ParallelNode(id, tuple(map(self._leaf, arms)), kind))

    def _loop(
        self, kind: NodeKind, body: Body, condition: Condition, max_iterations: int | None
    ) -> "Workflow":
        leaf = self._leaf(body)
        if max_iterations is not None and max_iterations < 1:
            raise self._invalid(
                f"{kind} {leaf.id!r} has max_iterations {max_iterations}; 1 is least"
            )
        output = _output(leaf)
        predicate = self._predicate(condition, output)
        return self._add(LoopNode(leaf, predicate, kind, max_iterations), flow=output)

    def _add(self, node: Node, flow: Type | None = None) -> "Workflow":
        """
        Append a node; *flow* is the type of its output, any if not known.
        """
        if self._nodes:
            raise self._invalid("is committed or in use; add all nodes before that")
        for id, part in named_parts(node):
            self._check_id(id)
            if id in self._parts:
                raise self._invalid(f"has id {id!r} twice; .named(...) gives a step another")
            self._parts[id] = part
            self._positions[id] = len(self._building)
        self._building.append(node)
        self._flow = flow or Type.any()
        return self

    def _leaf(self, body: Body) -> Leaf:
        match body:
            case Step():
                return step_with_retry(body.node, self._retry)
            case Workflow():
                return self._leaf(body.named(body.id))
            case WorkflowNode():
                if body.workflow is self:
                    raise self._invalid("contains itself; use a loop")
                return leaf_with_retry(body, self._retry)
            case _:
                raise self._invalid(f"{body!r} is no step; put @step above the function")

    def _map_of(self, id: str, members: dict[str, Source]) -> "Workflow":
        for key, source in members.items():
            with self._refusing(f"map {id!r}, {key!r}"):
                sources.check(source, self._parts)
        return self._add(MapNode(id, MappingProxyType(members), None))

    def _predicate(self, condition: Condition, flow: Type) -> Predicate:
        with self._refusing("a condition"):
            return predicate(condition, flow)

    def _type(self, what: str, annotation: Any) -> Type:
        with self._refusing(what):
            return Type.any() if annotation is None else Type(annotation)

    def _check_id(self, id: str) -> None:
        if not NODE_ID.fullmatch(id):
            raise self._invalid(
                f"{id!r} is no id; use letters, digits, _ and -, and begin with a letter or _"
            )

    def _freeze(self, nodes: tuple[Node, ...]) -> None:
        with self._refusing("its definition"):
            self._json = definition.to_json(self, nodes)
        self._hash = definition.to_hash(self, nodes)
        self._nodes = nodes
        self._parts = {id: part for node in nodes for id, part in named_parts(node)}

    @contextmanager
    def _refusing(self, what: str) -> Iterator[None]:
        """
        Turn what is wrong with a part into what is wrong with the workflow.
        """
        try:
            yield
        except (TypeError, ValueError) as error:
            raise self._invalid(f"{what}: {error}") from error

    def _invalid(self, problem: str) -> InvalidDefinition:
        return InvalidDefinition(self.id, problem)


def _output(leaf: Leaf) -> Type:
    return leaf.workflow.output if isinstance(leaf, WorkflowNode) else leaf.output
