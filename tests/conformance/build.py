"""
Builds workflows from their descriptions, with the public authoring API alone.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

from dalsegno.workflow import (
    Context,
    Retry,
    Workflow,
    constant,
    from_init,
    from_request_context,
    from_step,
    step,
)
from tests.conformance import ops
from tests.conformance.ledger import Ledger
from tests.conformance.scenario import Definition, Malformed

Number = int | float
# A schema names what must be there, not all there is.
_open = with_config(ConfigDict(extra="allow"))


@_open
class _Num(TypedDict):
    v: Number


@_open
class _Add(TypedDict):
    add: Number


@_open
class _Ask(TypedDict):
    ask: Number


@_open
class _State(TypedDict, total=False):
    total: Number
    log: list[str]


_SCHEMAS: Mapping[str, Any] = {
    "any": Any,
    "num": _Num,
    "list": list[_Num],
    "int": int,
    "add": _Add,
    "ask": _Ask,
    "flag": bool,
    "state": _State,
}

_SOURCES: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "step": lambda source: from_step(source["step"], source.get("path", "")),
    "init": lambda source: from_init(source["init"]),
    "value": lambda source: constant(source["value"]),
    "request_context": lambda source: from_request_context(source["request_context"]),
}


def build(workflow_id: str, definition: Definition, ledger: Ledger) -> Workflow:
    """
    The workflow a definition describes.

    Raises:
        InvalidDefinition: The authoring API refuses it.
        Malformed: The description has a node, an op or a schema this runner does not know.
    """
    workflow = Workflow(
        workflow_id,
        input=_schema(definition.get("input")),
        output=_schema(definition.get("output")),
        state=_schema(definition.get("state")),
        retry=_retry(definition.get("retry")),
    )
    arm = partial(_arm, definition["steps"], ledger)
    for node in definition["graph"]:
        _add(workflow, node, arm)
    return workflow.commit()


def _add(workflow: Workflow, node: Any, arm: Callable[[str], Any]) -> None:
    match node:
        case str():
            workflow.then(arm(node))
        case {"parallel": arms}:
            workflow.parallel(*map(arm, arms), id=node.get("id"))
        case {"race": arms}:
            workflow.race(*map(arm, arms), id=node.get("id"))
        case {"branch": arms}:
            pairs = [(_condition(case["if"]), arm(case["step"])) for case in arms]
            workflow.branch(*pairs, id=node.get("id"))
        case {"when": condition, "step": body}:
            workflow.when(_condition(condition), arm(body))
        case {"do_while": body, "cond": condition}:
            workflow.do_while(arm(body), _condition(condition), node.get("max_iterations"))
        case {"do_until": body, "cond": condition}:
            workflow.do_until(arm(body), _condition(condition), node.get("max_iterations"))
        case {"foreach": body}:
            workflow.foreach(arm(body), concurrency=node.get("concurrency", 1))
        case {"map": sources, "id": id}:
            workflow.map(id, {key: _source(source) for key, source in sources.items()})
        case {"tap": body}:
            workflow.tap(arm(body))
        case {"sleep": seconds, "id": id}:
            workflow.sleep(id, seconds)
        case _:
            raise Malformed(f"node {node!r} is unknown")


def _arm(steps: Mapping[str, Any], ledger: Ledger, id: str) -> Any:
    """
    The step or workflow of this id; the bare id if there is none, for the authoring API to refuse.
    """
    spec = steps.get(id)
    if spec is None:
        return id
    if "workflow" in spec:
        return build(id, spec["workflow"], ledger)
    body = ops.body_of(spec, ledger)
    body.__annotations__ = {
        "value": _schema(spec.get("input"), Any),
        "ctx": Context,
        "return": _schema(spec.get("output"), Any),
    }
    return step(
        id=id,
        retry=_retry(spec.get("retry")),
        timeout=spec.get("timeout"),
        resume=_schema(spec.get("resume")),
    )(body)


def _schema(name: str | None, default: Any = None) -> Any:
    if name is None:
        return default
    if name not in _SCHEMAS:
        raise Malformed(f"schema {name!r} is unknown")
    return _SCHEMAS[name]


def _retry(spec: Mapping[str, Any] | None) -> Retry | None:
    if spec is None:
        return None
    interval = timedelta(seconds=spec.get("initial_interval", 1))
    return Retry(max_attempts=spec["max_attempts"], initial_interval=interval)


def _source(spec: Mapping[str, Any]) -> Any:
    for kind, source in _SOURCES.items():
        if kind in spec:
            return source(spec)
    raise Malformed(f"source {spec!r} is unknown")


def _condition(spec: Mapping[str, Any]) -> Callable[[Any], bool]:
    match spec:
        case {"always": answer}:
            return lambda _value: bool(answer)
        case {"gte": bound}:
            return lambda value: bool(value["v"] >= bound)
        case {"lt": bound}:
            return lambda value: bool(value["v"] < bound)
        case {"eq": bound}:
            return lambda value: bool(value["v"] == bound)
        case {"raises": message}:
            return partial(_raise, message)
        case _:
            raise Malformed(f"condition {spec!r} is unknown")


def _raise(message: str, _value: Any) -> bool:
    raise RuntimeError(message)
