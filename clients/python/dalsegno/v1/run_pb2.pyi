import datetime

from dalsegno.v1 import payload_pb2 as _payload_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RunStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RUN_STATUS_UNSPECIFIED: _ClassVar[RunStatus]
    RUN_STATUS_PENDING: _ClassVar[RunStatus]
    RUN_STATUS_RUNNING: _ClassVar[RunStatus]
    RUN_STATUS_WAITING: _ClassVar[RunStatus]
    RUN_STATUS_SUSPENDED: _ClassVar[RunStatus]
    RUN_STATUS_PAUSED: _ClassVar[RunStatus]
    RUN_STATUS_SUCCESS: _ClassVar[RunStatus]
    RUN_STATUS_FAILED: _ClassVar[RunStatus]
    RUN_STATUS_CANCELED: _ClassVar[RunStatus]

class StepStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STEP_STATUS_UNSPECIFIED: _ClassVar[StepStatus]
    STEP_STATUS_RUNNING: _ClassVar[StepStatus]
    STEP_STATUS_WAITING: _ClassVar[StepStatus]
    STEP_STATUS_SUSPENDED: _ClassVar[StepStatus]
    STEP_STATUS_SUCCESS: _ClassVar[StepStatus]
    STEP_STATUS_FAILED: _ClassVar[StepStatus]
    STEP_STATUS_SKIPPED: _ClassVar[StepStatus]
    STEP_STATUS_CANCELED: _ClassVar[StepStatus]
    STEP_STATUS_NOT_RUN: _ClassVar[StepStatus]

class NodeKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NODE_KIND_UNSPECIFIED: _ClassVar[NodeKind]
    NODE_KIND_STEP: _ClassVar[NodeKind]
    NODE_KIND_WORKFLOW: _ClassVar[NodeKind]
    NODE_KIND_MAP: _ClassVar[NodeKind]
    NODE_KIND_SLEEP: _ClassVar[NodeKind]
    NODE_KIND_SLEEP_UNTIL: _ClassVar[NodeKind]
    NODE_KIND_TAP: _ClassVar[NodeKind]
    NODE_KIND_WHEN: _ClassVar[NodeKind]
    NODE_KIND_DO_WHILE: _ClassVar[NodeKind]
    NODE_KIND_DO_UNTIL: _ClassVar[NodeKind]
    NODE_KIND_FOREACH: _ClassVar[NodeKind]
    NODE_KIND_PARALLEL: _ClassVar[NodeKind]
    NODE_KIND_RACE: _ClassVar[NodeKind]
    NODE_KIND_BRANCH: _ClassVar[NodeKind]

class RunView(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RUN_VIEW_UNSPECIFIED: _ClassVar[RunView]
    RUN_VIEW_BASIC: _ClassVar[RunView]
    RUN_VIEW_FULL: _ClassVar[RunView]
RUN_STATUS_UNSPECIFIED: RunStatus
RUN_STATUS_PENDING: RunStatus
RUN_STATUS_RUNNING: RunStatus
RUN_STATUS_WAITING: RunStatus
RUN_STATUS_SUSPENDED: RunStatus
RUN_STATUS_PAUSED: RunStatus
RUN_STATUS_SUCCESS: RunStatus
RUN_STATUS_FAILED: RunStatus
RUN_STATUS_CANCELED: RunStatus
STEP_STATUS_UNSPECIFIED: StepStatus
STEP_STATUS_RUNNING: StepStatus
STEP_STATUS_WAITING: StepStatus
STEP_STATUS_SUSPENDED: StepStatus
STEP_STATUS_SUCCESS: StepStatus
STEP_STATUS_FAILED: StepStatus
STEP_STATUS_SKIPPED: StepStatus
STEP_STATUS_CANCELED: StepStatus
STEP_STATUS_NOT_RUN: StepStatus
NODE_KIND_UNSPECIFIED: NodeKind
NODE_KIND_STEP: NodeKind
NODE_KIND_WORKFLOW: NodeKind
NODE_KIND_MAP: NodeKind
NODE_KIND_SLEEP: NodeKind
NODE_KIND_SLEEP_UNTIL: NodeKind
NODE_KIND_TAP: NodeKind
NODE_KIND_WHEN: NodeKind
NODE_KIND_DO_WHILE: NodeKind
NODE_KIND_DO_UNTIL: NodeKind
NODE_KIND_FOREACH: NodeKind
NODE_KIND_PARALLEL: NodeKind
NODE_KIND_RACE: NodeKind
NODE_KIND_BRANCH: NodeKind
RUN_VIEW_UNSPECIFIED: RunView
RUN_VIEW_BASIC: RunView
RUN_VIEW_FULL: RunView

class OutputOptions(_message.Message):
    __slots__ = ("view", "include_state", "include_resume_labels")
    VIEW_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_STATE_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_RESUME_LABELS_FIELD_NUMBER: _ClassVar[int]
    view: RunView
    include_state: bool
    include_resume_labels: bool
    def __init__(self, view: _Optional[_Union[RunView, str]] = ..., include_state: _Optional[bool] = ..., include_resume_labels: _Optional[bool] = ...) -> None: ...

class TracingOptions(_message.Message):
    __slots__ = ("trace_id", "parent_span_id", "tags", "metadata", "request_context_keys")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_SPAN_ID_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    REQUEST_CONTEXT_KEYS_FIELD_NUMBER: _ClassVar[int]
    trace_id: str
    parent_span_id: str
    tags: _containers.RepeatedScalarFieldContainer[str]
    metadata: _containers.ScalarMap[str, str]
    request_context_keys: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, trace_id: _Optional[str] = ..., parent_span_id: _Optional[str] = ..., tags: _Optional[_Iterable[str]] = ..., metadata: _Optional[_Mapping[str, str]] = ..., request_context_keys: _Optional[_Iterable[str]] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ("type", "message", "retryable", "cause")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    type: str
    message: str
    retryable: bool
    cause: Error
    def __init__(self, type: _Optional[str] = ..., message: _Optional[str] = ..., retryable: _Optional[bool] = ..., cause: _Optional[_Union[Error, _Mapping]] = ...) -> None: ...

class Run(_message.Message):
    __slots__ = ("run_id", "workflow_id", "definition_hash", "status", "input", "result", "error", "state", "steps", "suspensions", "labels", "lineage", "definition_changed", "request_context", "create_time", "start_time", "end_time", "due_time", "newest_sequence", "steps_truncated", "trace_id", "tracing")
    class StepsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: StepRecord
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[StepRecord, _Mapping]] = ...) -> None: ...
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_HASH_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    SUSPENSIONS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    LINEAGE_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_CHANGED_FIELD_NUMBER: _ClassVar[int]
    REQUEST_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    DUE_TIME_FIELD_NUMBER: _ClassVar[int]
    NEWEST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    STEPS_TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    TRACING_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    workflow_id: str
    definition_hash: str
    status: RunStatus
    input: _payload_pb2.Payload
    result: _payload_pb2.Payload
    error: Error
    state: _payload_pb2.Payload
    steps: _containers.MessageMap[str, StepRecord]
    suspensions: _containers.RepeatedCompositeFieldContainer[Suspension]
    labels: _containers.ScalarMap[str, str]
    lineage: Lineage
    definition_changed: bool
    request_context: _payload_pb2.Payload
    create_time: _timestamp_pb2.Timestamp
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    due_time: _timestamp_pb2.Timestamp
    newest_sequence: int
    steps_truncated: bool
    trace_id: str
    tracing: TracingOptions
    def __init__(self, run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., definition_hash: _Optional[str] = ..., status: _Optional[_Union[RunStatus, str]] = ..., input: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., result: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., error: _Optional[_Union[Error, _Mapping]] = ..., state: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., steps: _Optional[_Mapping[str, StepRecord]] = ..., suspensions: _Optional[_Iterable[_Union[Suspension, _Mapping]]] = ..., labels: _Optional[_Mapping[str, str]] = ..., lineage: _Optional[_Union[Lineage, _Mapping]] = ..., definition_changed: _Optional[bool] = ..., request_context: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., due_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., newest_sequence: _Optional[int] = ..., steps_truncated: _Optional[bool] = ..., trace_id: _Optional[str] = ..., tracing: _Optional[_Union[TracingOptions, _Mapping]] = ...) -> None: ...

class Suspension(_message.Message):
    __slots__ = ("address", "label", "payload", "suspend_time", "resume_schema")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    SUSPEND_TIME_FIELD_NUMBER: _ClassVar[int]
    RESUME_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    address: str
    label: str
    payload: _payload_pb2.Payload
    suspend_time: _timestamp_pb2.Timestamp
    resume_schema: _payload_pb2.Payload
    def __init__(self, address: _Optional[str] = ..., label: _Optional[str] = ..., payload: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., suspend_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., resume_schema: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ...) -> None: ...

class StepRecord(_message.Message):
    __slots__ = ("address", "step_id", "kind", "status", "input", "output", "error", "attempts", "suspend_payload", "suspend_label", "suspend_time", "resume_time", "resume_data", "start_time", "end_time", "due_time", "iteration", "reused_from_run_id", "given", "first_sequence")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    SUSPEND_PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    SUSPEND_LABEL_FIELD_NUMBER: _ClassVar[int]
    SUSPEND_TIME_FIELD_NUMBER: _ClassVar[int]
    RESUME_TIME_FIELD_NUMBER: _ClassVar[int]
    RESUME_DATA_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    DUE_TIME_FIELD_NUMBER: _ClassVar[int]
    ITERATION_FIELD_NUMBER: _ClassVar[int]
    REUSED_FROM_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    GIVEN_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    address: str
    step_id: str
    kind: NodeKind
    status: StepStatus
    input: _payload_pb2.Payload
    output: _payload_pb2.Payload
    error: Error
    attempts: _containers.RepeatedCompositeFieldContainer[Attempt]
    suspend_payload: _payload_pb2.Payload
    suspend_label: str
    suspend_time: _timestamp_pb2.Timestamp
    resume_time: _timestamp_pb2.Timestamp
    resume_data: _payload_pb2.Payload
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    due_time: _timestamp_pb2.Timestamp
    iteration: int
    reused_from_run_id: str
    given: bool
    first_sequence: int
    def __init__(self, address: _Optional[str] = ..., step_id: _Optional[str] = ..., kind: _Optional[_Union[NodeKind, str]] = ..., status: _Optional[_Union[StepStatus, str]] = ..., input: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., output: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., error: _Optional[_Union[Error, _Mapping]] = ..., attempts: _Optional[_Iterable[_Union[Attempt, _Mapping]]] = ..., suspend_payload: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., suspend_label: _Optional[str] = ..., suspend_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., resume_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., resume_data: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., due_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., iteration: _Optional[int] = ..., reused_from_run_id: _Optional[str] = ..., given: _Optional[bool] = ..., first_sequence: _Optional[int] = ...) -> None: ...

class Attempt(_message.Message):
    __slots__ = ("number", "start_time", "end_time", "error")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    number: int
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    error: Error
    def __init__(self, number: _Optional[int] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., error: _Optional[_Union[Error, _Mapping]] = ...) -> None: ...

class Lineage(_message.Message):
    __slots__ = ("source_run_id", "step", "root_run_id", "depth", "overrides")
    SOURCE_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    ROOT_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    OVERRIDES_FIELD_NUMBER: _ClassVar[int]
    source_run_id: str
    step: str
    root_run_id: str
    depth: int
    overrides: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, source_run_id: _Optional[str] = ..., step: _Optional[str] = ..., root_run_id: _Optional[str] = ..., depth: _Optional[int] = ..., overrides: _Optional[_Iterable[str]] = ...) -> None: ...

class StepResult(_message.Message):
    __slots__ = ("status", "output", "payload")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    status: StepStatus
    output: _payload_pb2.Payload
    payload: _payload_pb2.Payload
    def __init__(self, status: _Optional[_Union[StepStatus, str]] = ..., output: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., payload: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ...) -> None: ...
