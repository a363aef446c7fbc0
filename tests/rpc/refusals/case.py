"""
One way to be refused: what is asked, and all that the caller is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import grpc

from tests.rpc.refusals.asking import Fields
from tests.rpc.refused import Refusal

# semantics.md §7, and the reasons that docs/errors.md adds.
CODES: Mapping[str, grpc.StatusCode] = {
    "WORKFLOW_NOT_FOUND": grpc.StatusCode.NOT_FOUND,
    "RUN_NOT_FOUND": grpc.StatusCode.NOT_FOUND,
    "STEP_NOT_FOUND": grpc.StatusCode.NOT_FOUND,
    "INVALID_REQUEST": grpc.StatusCode.INVALID_ARGUMENT,
    "INVALID_INPUT": grpc.StatusCode.INVALID_ARGUMENT,
    "INVALID_STATE": grpc.StatusCode.INVALID_ARGUMENT,
    "INVALID_RESUME_DATA": grpc.StatusCode.INVALID_ARGUMENT,
    "INVALID_CONTEXT": grpc.StatusCode.INVALID_ARGUMENT,
    "INVALID_ADDRESS": grpc.StatusCode.INVALID_ARGUMENT,
    "INVALID_PAGE_TOKEN": grpc.StatusCode.INVALID_ARGUMENT,
    "WORKFLOW_MISMATCH": grpc.StatusCode.INVALID_ARGUMENT,
    "RUN_EXISTS": grpc.StatusCode.ALREADY_EXISTS,
    "REQUEST_ID_REUSED": grpc.StatusCode.ALREADY_EXISTS,
    "SOURCE_RUN_ACTIVE": grpc.StatusCode.FAILED_PRECONDITION,
    "MISSING_HISTORY": grpc.StatusCode.FAILED_PRECONDITION,
    "DEFINITION_CHANGED": grpc.StatusCode.FAILED_PRECONDITION,
    "TARGET_NOT_REACHED": grpc.StatusCode.FAILED_PRECONDITION,
    "NOTHING_TO_RESUME": grpc.StatusCode.FAILED_PRECONDITION,
    "NOT_SUSPENDED": grpc.StatusCode.FAILED_PRECONDITION,
    "AMBIGUOUS_SUSPENSION": grpc.StatusCode.FAILED_PRECONDITION,
    "RUN_ACTIVE": grpc.StatusCode.FAILED_PRECONDITION,
    "RUN_FINISHED": grpc.StatusCode.FAILED_PRECONDITION,
    "RUN_HAS_REPLAYS": grpc.StatusCode.FAILED_PRECONDITION,
    "CONFLICT": grpc.StatusCode.ABORTED,
    "CORRUPT_HISTORY": grpc.StatusCode.DATA_LOSS,
    "CORRUPT_STORE": grpc.StatusCode.DATA_LOSS,
    "SEQUENCE_OUT_OF_RANGE": grpc.StatusCode.OUT_OF_RANGE,
    "PAYLOAD_TOO_LARGE": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "TOO_MANY_RUNS": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "TOO_MANY_STREAMS": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "TOO_MANY_EVENTS": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "BACKUP_ACTIVE": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "BACKUP_NO_SPACE": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "STORE_UNAVAILABLE": grpc.StatusCode.UNAVAILABLE,
    "SHUTTING_DOWN": grpc.StatusCode.UNAVAILABLE,
    "READER_STALLED": grpc.StatusCode.UNAVAILABLE,
}

_DETAILS_BYTES_MAX = 4096  # docs/errors.md


@dataclass(frozen=True)
class Case:
    """
    A request, and the refusal that each form of it gets.

    Attributes:
        method: The RPC; its streaming form, and others that ask the same, are refused alike.
        metadata: All facts, exactly.
        violations: Each field at fault, and words of what is told of it.
    """

    method: str
    fields: Fields
    reason: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: Mapping[str, str] = field(default_factory=dict)

    def check(self, told: Refusal) -> None:
        """
        Compare all that was told with what must be.
        """
        assert told.reason == self.reason, told
        assert told.code is CODES[self.reason]
        assert told.domain == "dalsegno.dev"
        assert told.metadata == self.metadata
        assert told.violations.keys() == self.violations.keys()
        for path, words in self.violations.items():
            assert words in told.violations[path]
        assert told.preconditions == self._preconditions()
        assert told.bytes <= _DETAILS_BYTES_MAX

    def _preconditions(self) -> list[tuple[str, str]]:
        """
        The run a failed precondition is about, or the step if there is no run.
        """
        if CODES[self.reason] is not grpc.StatusCode.FAILED_PRECONDITION:
            return []
        return [(self.reason, self.metadata.get("run_id") or self.metadata["step"])]


def unfit(method: str, fields: Fields, reason: str, path: str, words: str) -> Case:
    """
    A payload that does not fit: the field at fault is told as a fact, too.
    """
    return Case(method, fields, reason, {"field": path}, {path: words})
