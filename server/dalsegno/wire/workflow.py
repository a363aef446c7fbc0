"""
Workflows as callers see them: schemas and graph, no source text.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from dalsegno.model.address import join
from dalsegno.model.payload import Payload
from dalsegno.model.record import NodeKind
from dalsegno.v1 import payload_pb2
from dalsegno.v1 import workflow_service_pb2 as pb
from dalsegno.wire.enums import NODE_KIND
from dalsegno.wire.payload import Form, payload_to_proto
from dalsegno.workflow import Workflow

_ANY_INDEX = "[]"


def workflow_summary_to_proto(workflow: Workflow) -> pb.Workflow:
    """
    A workflow as lists show it: without schemas and graph.
    """
    return pb.Workflow(
        workflow_id=workflow.id,
        definition_hash=workflow.definition_hash,
        description=workflow.description,
    )


def workflow_to_proto(workflow: Workflow, form: Form) -> pb.Workflow:
    """
    A workflow with everything, read from its definition.
    """
    definition = json.loads(workflow.definition_json())
    message = pb.Workflow(
        nodes=[_node(node, "", form) for node in definition["nodes"]],
        input_schema=_schema(definition["input"], form),
        output_schema=_schema(definition["output"], form),
        state_schema=_schema(definition["state"], form),
    )
    message.MergeFrom(workflow_summary_to_proto(workflow))
    return message


def _node(node: Mapping[str, Any], base: str, form: Form) -> pb.Node:
    """
    The node of the sequence at *base*, an address with `[]` for any index.
    """
    if node["kind"] == NodeKind.TAP:
        body = _node(node["body"], base, form)
        body.MergeFrom(pb.Node(kind=NODE_KIND[NodeKind.TAP]))
        return body
    id = node["body"]["id"] if "body" in node else node["id"]
    return _node_at(node, join(base, id) if id else "", base, form)


def _node_at(node: Mapping[str, Any], address: str, base: str, form: Form) -> pb.Node:
    settings = node.get("settings", {})
    definition = node.get("workflow", node)
    return pb.Node(
        address=address,
        kind=NODE_KIND[NodeKind(node["kind"])],
        nodes=_inside(node, address, base, form),
        input_schema=_schema(definition.get("input"), form),
        output_schema=_schema(definition.get("output"), form),
        resume_schema=_schema(node.get("resume"), form),
        retry=_retry(settings.get("retry")),
        timeout=_duration(settings.get("timeout_s")),
        max_iterations=settings.get("max_iterations"),
        concurrency=settings.get("concurrency"),
    )


def _inside(node: Mapping[str, Any], address: str, base: str, form: Form) -> list[pb.Node]:
    match NodeKind(node["kind"]):
        case NodeKind.PARALLEL | NodeKind.RACE | NodeKind.BRANCH:
            return [_node(arm, base, form) for arm in node["arms"]]
        case NodeKind.WHEN:
            return [_node(node["body"], base, form)]
        case NodeKind.DO_WHILE | NodeKind.DO_UNTIL | NodeKind.FOREACH:
            return [_node_at(node["body"], address + _ANY_INDEX, base, form)]
        case NodeKind.WORKFLOW:
            return [_node(inner, address, form) for inner in node["workflow"]["nodes"]]
        case _:
            return []


def _schema(schema: Any, form: Form) -> payload_pb2.Payload | None:
    if schema is None:
        return None
    return payload_to_proto(Payload(json.dumps(schema, ensure_ascii=False).encode()), form)


def _retry(retry: Mapping[str, Any] | None) -> pb.RetryPolicy | None:
    if retry is None:
        return None
    return pb.RetryPolicy(
        max_attempts=retry["max_attempts"],
        initial_interval=_duration(retry["initial_interval_s"]),
        backoff=retry["backoff"],
        max_interval=_duration(retry["max_interval_s"]),
        non_retryable=retry["non_retryable"],
    )


def _duration(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
