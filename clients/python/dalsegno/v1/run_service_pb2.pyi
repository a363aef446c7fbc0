import datetime

from dalsegno.v1 import error_reason_pb2 as _error_reason_pb2
from dalsegno.v1 import event_pb2 as _event_pb2
from dalsegno.v1 import payload_pb2 as _payload_pb2
from dalsegno.v1 import run_pb2 as _run_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RunRequest(_message.Message):
    __slots__ = ("workflow_id", "input_data", "run_id", "request_id", "initial_state", "request_context", "per_step", "output", "tracing")
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    INPUT_DATA_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    INITIAL_STATE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    PER_STEP_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    TRACING_FIELD_NUMBER: _ClassVar[int]
    workflow_id: str
    input_data: _payload_pb2.Payload
    run_id: str
    request_id: str
    initial_state: _payload_pb2.Payload
    request_context: _payload_pb2.Payload
    per_step: bool
    output: _run_pb2.OutputOptions
    tracing: _run_pb2.TracingOptions
    def __init__(self, workflow_id: _Optional[str] = ..., input_data: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., run_id: _Optional[str] = ..., request_id: _Optional[str] = ..., initial_state: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., request_context: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., per_step: _Optional[bool] = ..., output: _Optional[_Union[_run_pb2.OutputOptions, _Mapping]] = ..., tracing: _Optional[_Union[_run_pb2.TracingOptions, _Mapping]] = ...) -> None: ...

class RunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: _run_pb2.Run
    def __init__(self, run: _Optional[_Union[_run_pb2.Run, _Mapping]] = ...) -> None: ...

class RunStreamRequest(_message.Message):
    __slots__ = ("workflow_id", "input_data", "run_id", "request_id", "initial_state", "request_context", "per_step", "follow", "tracing")
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    INPUT_DATA_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    INITIAL_STATE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    PER_STEP_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    TRACING_FIELD_NUMBER: _ClassVar[int]
    workflow_id: str
    input_data: _payload_pb2.Payload
    run_id: str
    request_id: str
    initial_state: _payload_pb2.Payload
    request_context: _payload_pb2.Payload
    per_step: bool
    follow: bool
    tracing: _run_pb2.TracingOptions
    def __init__(self, workflow_id: _Optional[str] = ..., input_data: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., run_id: _Optional[str] = ..., request_id: _Optional[str] = ..., initial_state: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., request_context: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., per_step: _Optional[bool] = ..., follow: _Optional[bool] = ..., tracing: _Optional[_Union[_run_pb2.TracingOptions, _Mapping]] = ...) -> None: ...

class RunStreamResponse(_message.Message):
    __slots__ = ("event",)
    EVENT_FIELD_NUMBER: _ClassVar[int]
    event: _event_pb2.RunEvent
    def __init__(self, event: _Optional[_Union[_event_pb2.RunEvent, _Mapping]] = ...) -> None: ...

class StartRunRequest(_message.Message):
    __slots__ = ("workflow_id", "input_data", "run_id", "request_id", "initial_state", "request_context", "per_step", "output", "tracing")
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    INPUT_DATA_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    INITIAL_STATE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    PER_STEP_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    TRACING_FIELD_NUMBER: _ClassVar[int]
    workflow_id: str
    input_data: _payload_pb2.Payload
    run_id: str
    request_id: str
    initial_state: _payload_pb2.Payload
    request_context: _payload_pb2.Payload
    per_step: bool
    output: _run_pb2.OutputOptions
    tracing: _run_pb2.TracingOptions
    def __init__(self, workflow_id: _Optional[str] = ..., input_data: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., run_id: _Optional[str] = ..., request_id: _Optional[str] = ..., initial_state: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., request_context: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., per_step: _Optional[bool] = ..., output: _Optional[_Union[_run_pb2.OutputOptions, _Mapping]] = ..., tracing: _Optional[_Union[_run_pb2.TracingOptions, _Mapping]] = ...) -> None: ...

class StartRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: _run_pb2.Run
    def __init__(self, run: _Optional[_Union[_run_pb2.Run, _Mapping]] = ...) -> None: ...

class WaitRunRequest(_message.Message):
    __slots__ = ("run_id", "output")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    output: _run_pb2.OutputOptions
    def __init__(self, run_id: _Optional[str] = ..., output: _Optional[_Union[_run_pb2.OutputOptions, _Mapping]] = ...) -> None: ...

class WaitRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: _run_pb2.Run
    def __init__(self, run: _Optional[_Union[_run_pb2.Run, _Mapping]] = ...) -> None: ...

class ResumeRequest(_message.Message):
    __slots__ = ("run_id", "step", "label", "resume_data", "request_context", "per_step", "request_id", "output")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    RESUME_DATA_FIELD_NUMBER: _ClassVar[int]
    REQUEST_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    PER_STEP_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    step: str
    label: str
    resume_data: _payload_pb2.Payload
    request_context: _payload_pb2.Payload
    per_step: bool
    request_id: str
    output: _run_pb2.OutputOptions
    def __init__(self, run_id: _Optional[str] = ..., step: _Optional[str] = ..., label: _Optional[str] = ..., resume_data: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., request_context: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., per_step: _Optional[bool] = ..., request_id: _Optional[str] = ..., output: _Optional[_Union[_run_pb2.OutputOptions, _Mapping]] = ...) -> None: ...

class ResumeResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: _run_pb2.Run
    def __init__(self, run: _Optional[_Union[_run_pb2.Run, _Mapping]] = ...) -> None: ...

class ResumeStreamRequest(_message.Message):
    __slots__ = ("run_id", "step", "label", "resume_data", "request_context", "per_step", "request_id", "follow")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    RESUME_DATA_FIELD_NUMBER: _ClassVar[int]
    REQUEST_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    PER_STEP_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    step: str
    label: str
    resume_data: _payload_pb2.Payload
    request_context: _payload_pb2.Payload
    per_step: bool
    request_id: str
    follow: bool
    def __init__(self, run_id: _Optional[str] = ..., step: _Optional[str] = ..., label: _Optional[str] = ..., resume_data: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., request_context: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., per_step: _Optional[bool] = ..., request_id: _Optional[str] = ..., follow: _Optional[bool] = ...) -> None: ...

class ResumeStreamResponse(_message.Message):
    __slots__ = ("event",)
    EVENT_FIELD_NUMBER: _ClassVar[int]
    event: _event_pb2.RunEvent
    def __init__(self, event: _Optional[_Union[_event_pb2.RunEvent, _Mapping]] = ...) -> None: ...

class TimeTravelRequest(_message.Message):
    __slots__ = ("run_id", "workflow_id", "step", "input_data", "resume_data", "initial_state", "context", "request_context", "per_step", "force", "allow_definition_change", "new_run_id", "request_id", "output", "tracing")
    class ContextEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _run_pb2.StepResult
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_run_pb2.StepResult, _Mapping]] = ...) -> None: ...
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    INPUT_DATA_FIELD_NUMBER: _ClassVar[int]
    RESUME_DATA_FIELD_NUMBER: _ClassVar[int]
    INITIAL_STATE_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    PER_STEP_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    ALLOW_DEFINITION_CHANGE_FIELD_NUMBER: _ClassVar[int]
    NEW_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    TRACING_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    workflow_id: str
    step: str
    input_data: _payload_pb2.Payload
    resume_data: _payload_pb2.Payload
    initial_state: _payload_pb2.Payload
    context: _containers.MessageMap[str, _run_pb2.StepResult]
    request_context: _payload_pb2.Payload
    per_step: bool
    force: bool
    allow_definition_change: bool
    new_run_id: str
    request_id: str
    output: _run_pb2.OutputOptions
    tracing: _run_pb2.TracingOptions
    def __init__(self, run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., step: _Optional[str] = ..., input_data: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., resume_data: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., initial_state: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., context: _Optional[_Mapping[str, _run_pb2.StepResult]] = ..., request_context: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., per_step: _Optional[bool] = ..., force: _Optional[bool] = ..., allow_definition_change: _Optional[bool] = ..., new_run_id: _Optional[str] = ..., request_id: _Optional[str] = ..., output: _Optional[_Union[_run_pb2.OutputOptions, _Mapping]] = ..., tracing: _Optional[_Union[_run_pb2.TracingOptions, _Mapping]] = ...) -> None: ...

class TimeTravelResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: _run_pb2.Run
    def __init__(self, run: _Optional[_Union[_run_pb2.Run, _Mapping]] = ...) -> None: ...

class TimeTravelStreamRequest(_message.Message):
    __slots__ = ("run_id", "workflow_id", "step", "input_data", "resume_data", "initial_state", "context", "request_context", "per_step", "force", "allow_definition_change", "new_run_id", "request_id", "follow", "tracing")
    class ContextEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _run_pb2.StepResult
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_run_pb2.StepResult, _Mapping]] = ...) -> None: ...
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    INPUT_DATA_FIELD_NUMBER: _ClassVar[int]
    RESUME_DATA_FIELD_NUMBER: _ClassVar[int]
    INITIAL_STATE_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    PER_STEP_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    ALLOW_DEFINITION_CHANGE_FIELD_NUMBER: _ClassVar[int]
    NEW_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    TRACING_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    workflow_id: str
    step: str
    input_data: _payload_pb2.Payload
    resume_data: _payload_pb2.Payload
    initial_state: _payload_pb2.Payload
    context: _containers.MessageMap[str, _run_pb2.StepResult]
    request_context: _payload_pb2.Payload
    per_step: bool
    force: bool
    allow_definition_change: bool
    new_run_id: str
    request_id: str
    follow: bool
    tracing: _run_pb2.TracingOptions
    def __init__(self, run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., step: _Optional[str] = ..., input_data: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., resume_data: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., initial_state: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., context: _Optional[_Mapping[str, _run_pb2.StepResult]] = ..., request_context: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., per_step: _Optional[bool] = ..., force: _Optional[bool] = ..., allow_definition_change: _Optional[bool] = ..., new_run_id: _Optional[str] = ..., request_id: _Optional[str] = ..., follow: _Optional[bool] = ..., tracing: _Optional[_Union[_run_pb2.TracingOptions, _Mapping]] = ...) -> None: ...

class TimeTravelStreamResponse(_message.Message):
    __slots__ = ("event",)
    EVENT_FIELD_NUMBER: _ClassVar[int]
    event: _event_pb2.RunEvent
    def __init__(self, event: _Optional[_Union[_event_pb2.RunEvent, _Mapping]] = ...) -> None: ...

class WatchRunRequest(_message.Message):
    __slots__ = ("run_id", "after_sequence", "follow")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    after_sequence: int
    follow: bool
    def __init__(self, run_id: _Optional[str] = ..., after_sequence: _Optional[int] = ..., follow: _Optional[bool] = ...) -> None: ...

class WatchRunResponse(_message.Message):
    __slots__ = ("event",)
    EVENT_FIELD_NUMBER: _ClassVar[int]
    event: _event_pb2.RunEvent
    def __init__(self, event: _Optional[_Union[_event_pb2.RunEvent, _Mapping]] = ...) -> None: ...

class GetRunRequest(_message.Message):
    __slots__ = ("run_id", "output")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    output: _run_pb2.OutputOptions
    def __init__(self, run_id: _Optional[str] = ..., output: _Optional[_Union[_run_pb2.OutputOptions, _Mapping]] = ...) -> None: ...

class GetRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: _run_pb2.Run
    def __init__(self, run: _Optional[_Union[_run_pb2.Run, _Mapping]] = ...) -> None: ...

class ListRunsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "workflow_id", "statuses", "created_after", "created_before", "source_run_id", "root_run_id")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    CREATED_AFTER_FIELD_NUMBER: _ClassVar[int]
    CREATED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ROOT_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    workflow_id: str
    statuses: _containers.RepeatedScalarFieldContainer[_run_pb2.RunStatus]
    created_after: _timestamp_pb2.Timestamp
    created_before: _timestamp_pb2.Timestamp
    source_run_id: str
    root_run_id: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., workflow_id: _Optional[str] = ..., statuses: _Optional[_Iterable[_Union[_run_pb2.RunStatus, str]]] = ..., created_after: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., created_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., source_run_id: _Optional[str] = ..., root_run_id: _Optional[str] = ...) -> None: ...

class ListRunsResponse(_message.Message):
    __slots__ = ("runs", "next_page_token")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[_run_pb2.Run]
    next_page_token: str
    def __init__(self, runs: _Optional[_Iterable[_Union[_run_pb2.Run, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListStepsRequest(_message.Message):
    __slots__ = ("run_id", "page_size", "page_token")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    page_size: int
    page_token: str
    def __init__(self, run_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListStepsResponse(_message.Message):
    __slots__ = ("steps", "next_page_token")
    STEPS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    steps: _containers.RepeatedCompositeFieldContainer[_run_pb2.StepRecord]
    next_page_token: str
    def __init__(self, steps: _Optional[_Iterable[_Union[_run_pb2.StepRecord, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListEventsRequest(_message.Message):
    __slots__ = ("run_id", "after_sequence", "page_size", "page_token")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    after_sequence: int
    page_size: int
    page_token: str
    def __init__(self, run_id: _Optional[str] = ..., after_sequence: _Optional[int] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListEventsResponse(_message.Message):
    __slots__ = ("events", "next_page_token")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_event_pb2.RunEvent]
    next_page_token: str
    def __init__(self, events: _Optional[_Iterable[_Union[_event_pb2.RunEvent, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetLineageRequest(_message.Message):
    __slots__ = ("run_id", "page_size", "page_token")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    page_size: int
    page_token: str
    def __init__(self, run_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class GetLineageResponse(_message.Message):
    __slots__ = ("runs", "next_page_token")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[LineageRun]
    next_page_token: str
    def __init__(self, runs: _Optional[_Iterable[_Union[LineageRun, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class LineageRun(_message.Message):
    __slots__ = ("run_id", "workflow_id", "source_run_id", "step", "depth", "status", "create_time")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    workflow_id: str
    source_run_id: str
    step: str
    depth: int
    status: _run_pb2.RunStatus
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., source_run_id: _Optional[str] = ..., step: _Optional[str] = ..., depth: _Optional[int] = ..., status: _Optional[_Union[_run_pb2.RunStatus, str]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CancelRequest(_message.Message):
    __slots__ = ("run_id", "reason", "request_id", "output")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    reason: str
    request_id: str
    output: _run_pb2.OutputOptions
    def __init__(self, run_id: _Optional[str] = ..., reason: _Optional[str] = ..., request_id: _Optional[str] = ..., output: _Optional[_Union[_run_pb2.OutputOptions, _Mapping]] = ...) -> None: ...

class CancelResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: _run_pb2.Run
    def __init__(self, run: _Optional[_Union[_run_pb2.Run, _Mapping]] = ...) -> None: ...

class PauseRequest(_message.Message):
    __slots__ = ("run_id", "reason", "request_id", "output")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    reason: str
    request_id: str
    output: _run_pb2.OutputOptions
    def __init__(self, run_id: _Optional[str] = ..., reason: _Optional[str] = ..., request_id: _Optional[str] = ..., output: _Optional[_Union[_run_pb2.OutputOptions, _Mapping]] = ...) -> None: ...

class PauseResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: _run_pb2.Run
    def __init__(self, run: _Optional[_Union[_run_pb2.Run, _Mapping]] = ...) -> None: ...

class RestartRequest(_message.Message):
    __slots__ = ("run_id", "output")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    output: _run_pb2.OutputOptions
    def __init__(self, run_id: _Optional[str] = ..., output: _Optional[_Union[_run_pb2.OutputOptions, _Mapping]] = ...) -> None: ...

class RestartResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: _run_pb2.Run
    def __init__(self, run: _Optional[_Union[_run_pb2.Run, _Mapping]] = ...) -> None: ...

class RestartActiveRequest(_message.Message):
    __slots__ = ("workflow_id",)
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    workflow_id: str
    def __init__(self, workflow_id: _Optional[str] = ...) -> None: ...

class RestartActiveResponse(_message.Message):
    __slots__ = ("run_ids", "failures")
    RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    run_ids: _containers.RepeatedScalarFieldContainer[str]
    failures: _containers.RepeatedCompositeFieldContainer[RestartFailure]
    def __init__(self, run_ids: _Optional[_Iterable[str]] = ..., failures: _Optional[_Iterable[_Union[RestartFailure, _Mapping]]] = ...) -> None: ...

class RestartFailure(_message.Message):
    __slots__ = ("run_id", "reason", "message")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    reason: _error_reason_pb2.ErrorReason
    message: str
    def __init__(self, run_id: _Optional[str] = ..., reason: _Optional[_Union[_error_reason_pb2.ErrorReason, str]] = ..., message: _Optional[str] = ...) -> None: ...

class DeleteRunRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class DeleteRunResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
