"""
The nodes of a workflow, as the engine walks them. `Workflow` builds them, checked and frozen.

A sequence is a tuple of nodes. Arms of a block and bodies of loops are steps or whole workflows;
whatever is deeper lies in a nested workflow, which has a sequence of its own.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, assert_never

from dalsegno.model.record import NodeKind
from dalsegno.workflow.context import Context
from dalsegno.workflow.retry import Retry
from dalsegno.workflow.types import Type

if TYPE_CHECKING:
    from dalsegno.workflow.builder import Workflow


@dataclass(frozen=True, slots=True)
class StepNode:
    """
    User code.

    Attributes:
        body: Called with `arguments`.
        is_coroutine: It runs on the event loop; otherwise on a worker thread.
        resume: Type of resume data; any JSON value if the step declares none.
        retry: Its own, else the workflow's, else one attempt.
        timeout: Of one attempt; None for no limit.
    """

    id: str
    body: Callable[..., Any]
    takes_context: bool
    is_coroutine: bool
    input: Type
    output: Type
    resume: Type
    retry: Retry
    timeout: timedelta | None
    description: str = ""
    takes_input: bool = True
    context_first: bool = False
    kind: NodeKind = NodeKind.STEP

    def arguments(self, value: Any, context: Context | None) -> tuple[Any, ...]:
        """
        What to call the body with: the decoded input, the context, both, or nothing. The context
        may be None if the body does not take one.
        """
        given = (value,) if self.takes_input else ()
        if not self.takes_context:
            return given
        return (context, *given) if self.context_first else (*given, context)


@dataclass(frozen=True, slots=True)
class WorkflowNode:
    """
    A whole workflow, run inside the same run.
    """

    id: str
    workflow: "Workflow"
    kind: NodeKind = NodeKind.WORKFLOW


Leaf = StepNode | WorkflowNode


@dataclass(frozen=True, slots=True)
class Predicate:
    """
    A condition on a value.

    Attributes:
        check: Called with the decoded value; may return an awaitable.
        input: What the value is decoded as.
    """

    check: Callable[[Any], Any]
    input: Type


@dataclass(frozen=True, slots=True)
class FromStep:
    """
    Output of an earlier node of the same workflow, or a part of it; null if it has none.
    """

    step_id: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class FromInit:
    """
    The run's input, or a part of it.
    """

    path: str = ""


@dataclass(frozen=True, slots=True)
class FromRequestContext:
    """
    One key of the request context.
    """

    key: str


@dataclass(frozen=True, slots=True)
class Constant:
    """
    A fixed JSON value.
    """

    value: Any


Source = FromStep | FromInit | FromRequestContext | Constant


@dataclass(frozen=True, slots=True)
class MapNode:
    """
    Builds a value: an object of *sources*, or what *function* (a body like a step's) returns.
    Exactly one of the two is set.
    """

    id: str
    sources: Mapping[str, Source] | None
    function: StepNode | None
    kind: NodeKind = NodeKind.MAP


@dataclass(frozen=True, slots=True)
class ParallelNode:
    """
    All arms at once on the same input; a race takes the first success.
    """

    id: str | None
    arms: tuple[Leaf, ...]
    kind: NodeKind = NodeKind.PARALLEL


@dataclass(frozen=True, slots=True)
class BranchNode:
    """
    Every arm whose condition holds.
    """

    id: str | None
    arms: tuple[Leaf, ...]
    conditions: tuple[Predicate, ...]
    kind: NodeKind = NodeKind.BRANCH


@dataclass(frozen=True, slots=True)
class WhenNode:
    """
    The body if the condition holds, else nothing. Its address is the body's.
    """

    body: Leaf
    condition: Predicate
    kind: NodeKind = NodeKind.WHEN

    @property
    def id(self) -> str:
        return self.body.id


@dataclass(frozen=True, slots=True)
class TapNode:
    """
    The body for its effect alone; the input passes through. Its address is the body's.
    """

    body: Leaf
    kind: NodeKind = NodeKind.TAP

    @property
    def id(self) -> str:
        return self.body.id


@dataclass(frozen=True, slots=True)
class SleepNode:
    """
    A durable pause; the input passes through.

    Attributes:
        duration: For kind SLEEP.
        until: For kind SLEEP_UNTIL: an aware time, or a function from the input to one.
    """

    id: str
    duration: timedelta | None = None
    until: datetime | Callable[[Any], datetime] | None = None
    kind: NodeKind = NodeKind.SLEEP


@dataclass(frozen=True, slots=True)
class LoopNode:
    """
    The body again and again: while the condition on its output holds, or until it does.
    Its address is the body's; iterations are ``id[i]``.
    """

    body: Leaf
    condition: Predicate
    kind: NodeKind
    max_iterations: int | None = None

    @property
    def id(self) -> str:
        return self.body.id


@dataclass(frozen=True, slots=True)
class ForeachNode:
    """
    The body for every item of an array. Its address is the body's; items are ``id[i]``.
    """

    body: Leaf
    concurrency: int = 1
    kind: NodeKind = NodeKind.FOREACH

    @property
    def id(self) -> str:
        return self.body.id


Block = ParallelNode | BranchNode
Node = (
    StepNode
    | WorkflowNode
    | MapNode
    | ParallelNode
    | BranchNode
    | WhenNode
    | TapNode
    | SleepNode
    | LoopNode
    | ForeachNode
)
Part = Leaf | MapNode | SleepNode | Block  # what an id can name


def named_parts(node: Node) -> Iterator[tuple[str, Part]]:
    """
    All ids that a node brings into its sequence, and what each names.
    """
    match node:
        case ParallelNode() | BranchNode():
            if node.id is not None:
                yield node.id, node
            yield from ((arm.id, arm) for arm in node.arms)
        case WhenNode() | TapNode() | LoopNode() | ForeachNode():
            yield node.id, node.body
        case StepNode() | WorkflowNode() | MapNode() | SleepNode():
            yield node.id, node
        case _:
            assert_never(node)
