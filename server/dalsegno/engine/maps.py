"""
Walking a map: building a value from what is there.
"""

from typing import Any

from dalsegno.engine.outcome import Done, Outcome
from dalsegno.engine.steps import walk_step
from dalsegno.engine.walk import Entry, Walk
from dalsegno.model import address as addresses
from dalsegno.model import jsontext
from dalsegno.model.payload import Payload
from dalsegno.model.record import NodeKind, StepStatus
from dalsegno.workflow.graph import (
    Constant,
    FromInit,
    FromRequestContext,
    FromStep,
    MapNode,
    Source,
)


async def walk_map(
    walk: Walk, node: MapNode, base: str, value: Payload, entry: Entry | None
) -> Outcome:
    """
    Walk a map; it is recorded like a step.
    """
    address = addresses.join(base, node.id)
    if node.function is not None:
        return await walk_step(walk, node.function, address, base, value, entry, NodeKind.MAP)
    record = await walk.entered(address, entry) or walk.start(address, NodeKind.MAP, value)
    members = [
        (key, jsontext.dumps(await _value(walk, source, base)))
        for key, source in (node.sources or {}).items()
    ]
    outcome = walk.computed(Payload(jsontext.join_object(members)))
    if isinstance(outcome, Done):
        return Done(walk.complete(record, outcome.value))
    return walk.fail(record, outcome.error)


async def _value(walk: Walk, source: Source, base: str) -> Any:
    run = walk.live.run
    match source:
        case FromStep(step_id, path):
            record = await walk.history.record(addresses.join(base, step_id))
            if record is None or record.status is not StepStatus.SUCCESS or record.output is None:
                return None
            return pick(jsontext.parse(record.output.json), path)
        case FromInit(path):
            return pick(jsontext.parse(run.input.json), path)
        case FromRequestContext(key):
            return jsontext.parse(run.request_context.json).get(key)
        case Constant(value):
            return value


def pick(value: Any, path: str) -> Any:
    """
    A part of a value: keys joined by dots, digits for elements of arrays; None if not there.
    """
    for key in path.split(".") if path else ():
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value
