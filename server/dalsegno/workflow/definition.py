"""
What a definition is to others: its JSON, and the hash that tells definitions apart.

The JSON is compact, with keys in this order::

    {"id", "nodes": [NODE...], "input", "output", "state", "settings"?}

    NODE = {"kind": "step", "id", "input", "output", "resume"}
         | {"kind": "workflow", "id", "workflow": {a definition}}
         | {"kind": "map" | "sleep" | "sleep_until", "id"}
         | {"kind": "parallel" | "race" | "branch", "id": id or null, "arms": [NODE...]}
         | {"kind": "when" | "tap" | "do_while" | "do_until" | "foreach", "body": NODE}

Types are JSON schemas, null for any JSON value. Each object may end with ``settings``: what a
caller may want to see and no history depends on. The hash leaves them out, and the titles and
descriptions of schemas, too, so that it changes with the graph and its types alone.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, assert_never

from dalsegno.workflow.graph import (
    BranchNode,
    ForeachNode,
    LoopNode,
    MapNode,
    Node,
    ParallelNode,
    SleepNode,
    StepNode,
    TapNode,
    WhenNode,
    WorkflowNode,
)
from dalsegno.workflow.retry import Retry
from dalsegno.workflow.types import Type

if TYPE_CHECKING:
    from dalsegno.workflow.builder import Workflow

# Keywords of JSON schema: prose, and those whose members are named by the author.
_PROSE = ("title", "description", "examples")
_NAMED_SCHEMAS = ("properties", "patternProperties", "dependentSchemas", "$defs")
_VALUES = ("default", "const", "enum", "required", "mapping")


def to_json(workflow: "Workflow", nodes: Sequence[Node]) -> bytes:
    """
    The definition of a workflow of these nodes, with its settings.

    Raises:
        TypeError: JSON schema cannot say one of its types.
        ValueError: A schema holds what JSON cannot, such as NaN as a default.
    """
    return _dump(_workflow(workflow, nodes, is_bare=False))


def to_hash(workflow: "Workflow", nodes: Sequence[Node]) -> str:
    """
    SHA-256 of the definition without settings and prose, in hexadecimal digits.
    """
    return hashlib.sha256(_dump(_workflow(workflow, nodes, is_bare=True))).hexdigest()


def _dump(definition: dict[str, Any]) -> bytes:
    # Not jsontext: a definition of deeply nested workflows is no payload and may nest deeper.
    text = json.dumps(definition, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode()


def _workflow(workflow: "Workflow", nodes: Sequence[Node], *, is_bare: bool) -> dict[str, Any]:
    described = {
        "id": workflow.id,
        "nodes": [_node(node, is_bare=is_bare) for node in nodes],
        "input": _schema(workflow.input, is_bare=is_bare),
        "output": _schema(workflow.output, is_bare=is_bare),
        "state": _schema(workflow.state, is_bare=is_bare),
    }
    timeout = workflow.timeout.total_seconds() if workflow.timeout else None
    settings = _settings(timeout_s=timeout, description=workflow.description)
    return described if is_bare else described | settings


def _node(node: Node, *, is_bare: bool) -> dict[str, Any]:
    described: dict[str, Any] = {"kind": node.kind.value}
    settings: dict[str, Any] = {}
    match node:
        case StepNode():
            described["id"] = node.id
            for name in ("input", "output", "resume"):
                described[name] = _schema(getattr(node, name), is_bare=is_bare)
            settings = _step_settings(node)
        case WorkflowNode():
            described["id"] = node.id
            described["workflow"] = _workflow(node.workflow, node.workflow.nodes, is_bare=is_bare)
        case MapNode():
            described["id"] = node.id
            settings = _step_settings(node.function) if node.function else {}
        case SleepNode():
            described["id"] = node.id
        case ParallelNode() | BranchNode():
            described["id"] = node.id
            described["arms"] = [_node(arm, is_bare=is_bare) for arm in node.arms]
        case WhenNode() | TapNode() | LoopNode() | ForeachNode():
            described["body"] = _node(node.body, is_bare=is_bare)
            settings = _loop_settings(node)
        case _:
            assert_never(node)
    return described if is_bare else described | settings


def _step_settings(node: StepNode) -> dict[str, Any]:
    return _settings(
        retry=_retry(node.retry),
        timeout_s=node.timeout.total_seconds() if node.timeout else None,
        description=node.description,
    )


def _loop_settings(node: WhenNode | TapNode | LoopNode | ForeachNode) -> dict[str, Any]:
    return _settings(
        concurrency=node.concurrency if isinstance(node, ForeachNode) else None,
        max_iterations=node.max_iterations if isinstance(node, LoopNode) else None,
    )


def _settings(**settings: Any) -> dict[str, Any]:
    given = {name: value for name, value in settings.items() if value}
    return {"settings": given} if given else {}


def _retry(retry: Retry) -> dict[str, Any] | None:
    if retry.max_attempts == 1:
        return None
    return {
        "max_attempts": retry.max_attempts,
        "initial_interval_s": retry.initial_interval.total_seconds(),
        "backoff": retry.backoff,
        "max_interval_s": retry.max_interval.total_seconds(),
        "jitter": retry.jitter,
        "non_retryable": [error.__name__ for error in retry.non_retryable],
    }


def _schema(type_: Type, *, is_bare: bool) -> Any:
    schema = type_.schema()
    return _without_prose(schema) if is_bare else schema


def _without_prose(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_prose(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _keyword(key, item) for key, item in schema.items() if key not in _PROSE}


def _keyword(key: str, item: Any) -> Any:
    if key in _VALUES:
        return item
    if key in _NAMED_SCHEMAS:
        return {name: _without_prose(schema) for name, schema in item.items()}
    return _without_prose(item)
