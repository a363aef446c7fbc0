"""
Enums: by name, so that a value that only we have is an error when the server starts.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from dalsegno.model.record import NodeKind, StepStatus
from dalsegno.model.run import RunStatus
from dalsegno.v1 import run_pb2 as pb

E = TypeVar("E", bound=StrEnum)


def _names(ours: type[E], theirs: EnumTypeWrapper, prefix: str) -> Mapping[E, str]:
    names = {it: f"{prefix}_{it.name}" for it in ours}
    assert set(names.values()) <= set(theirs.keys())
    return names


RUN_STATUS = _names(RunStatus, pb.RunStatus, "RUN_STATUS")
STEP_STATUS = _names(StepStatus, pb.StepStatus, "STEP_STATUS")
NODE_KIND = _names(NodeKind, pb.NodeKind, "NODE_KIND")

RUN_STATUS_FROM = {pb.RunStatus.Value(name): status for status, name in RUN_STATUS.items()}
STEP_STATUS_FROM = {pb.StepStatus.Value(name): status for status, name in STEP_STATUS.items()}
