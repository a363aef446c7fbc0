import datetime

from dalsegno.v1 import payload_pb2 as _payload_pb2
from dalsegno.v1 import run_pb2 as _run_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RunEvent(_message.Message):
    __slots__ = ("run_id", "sequence", "time", "address", "run_started", "run_resumed", "run_restarted", "run_waiting", "run_suspended", "run_paused", "run_completed", "run_failed", "run_canceled", "step_started", "step_output", "step_progress", "step_retrying", "step_waiting", "step_suspended", "step_skipped", "step_completed", "step_failed", "step_canceled", "heartbeat")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    RUN_STARTED_FIELD_NUMBER: _ClassVar[int]
    RUN_RESUMED_FIELD_NUMBER: _ClassVar[int]
    RUN_RESTARTED_FIELD_NUMBER: _ClassVar[int]
    RUN_WAITING_FIELD_NUMBER: _ClassVar[int]
    RUN_SUSPENDED_FIELD_NUMBER: _ClassVar[int]
    RUN_PAUSED_FIELD_NUMBER: _ClassVar[int]
    RUN_COMPLETED_FIELD_NUMBER: _ClassVar[int]
    RUN_FAILED_FIELD_NUMBER: _ClassVar[int]
    RUN_CANCELED_FIELD_NUMBER: _ClassVar[int]
    STEP_STARTED_FIELD_NUMBER: _ClassVar[int]
    STEP_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    STEP_PROGRESS_FIELD_NUMBER: _ClassVar[int]
    STEP_RETRYING_FIELD_NUMBER: _ClassVar[int]
    STEP_WAITING_FIELD_NUMBER: _ClassVar[int]
    STEP_SUSPENDED_FIELD_NUMBER: _ClassVar[int]
    STEP_SKIPPED_FIELD_NUMBER: _ClassVar[int]
    STEP_COMPLETED_FIELD_NUMBER: _ClassVar[int]
    STEP_FAILED_FIELD_NUMBER: _ClassVar[int]
    STEP_CANCELED_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    sequence: int
    time: _timestamp_pb2.Timestamp
    address: str
    run_started: RunStarted
    run_resumed: RunResumed
    run_restarted: RunRestarted
    run_waiting: RunWaiting
    run_suspended: RunSuspended
    run_paused: RunPaused
    run_completed: RunCompleted
    run_failed: RunFailed
    run_canceled: RunCanceled
    step_started: StepStarted
    step_output: StepOutput
    step_progress: StepProgress
    step_retrying: StepRetrying
    step_waiting: StepWaiting
    step_suspended: StepSuspended
    step_skipped: StepSkipped
    step_completed: StepCompleted
    step_failed: StepFailed
    step_canceled: StepCanceled
    heartbeat: Heartbeat
    def __init__(self, run_id: _Optional[str] = ..., sequence: _Optional[int] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., address: _Optional[str] = ..., run_started: _Optional[_Union[RunStarted, _Mapping]] = ..., run_resumed: _Optional[_Union[RunResumed, _Mapping]] = ..., run_restarted: _Optional[_Union[RunRestarted, _Mapping]] = ..., run_waiting: _Optional[_Union[RunWaiting, _Mapping]] = ..., run_suspended: _Optional[_Union[RunSuspended, _Mapping]] = ..., run_paused: _Optional[_Union[RunPaused, _Mapping]] = ..., run_completed: _Optional[_Union[RunCompleted, _Mapping]] = ..., run_failed: _Optional[_Union[RunFailed, _Mapping]] = ..., run_canceled: _Optional[_Union[RunCanceled, _Mapping]] = ..., step_started: _Optional[_Union[StepStarted, _Mapping]] = ..., step_output: _Optional[_Union[StepOutput, _Mapping]] = ..., step_progress: _Optional[_Union[StepProgress, _Mapping]] = ..., step_retrying: _Optional[_Union[StepRetrying, _Mapping]] = ..., step_waiting: _Optional[_Union[StepWaiting, _Mapping]] = ..., step_suspended: _Optional[_Union[StepSuspended, _Mapping]] = ..., step_skipped: _Optional[_Union[StepSkipped, _Mapping]] = ..., step_completed: _Optional[_Union[StepCompleted, _Mapping]] = ..., step_failed: _Optional[_Union[StepFailed, _Mapping]] = ..., step_canceled: _Optional[_Union[StepCanceled, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ...) -> None: ...

class RunStarted(_message.Message):
    __slots__ = ("input", "lineage", "workflow_id", "definition_hash")
    INPUT_FIELD_NUMBER: _ClassVar[int]
    LINEAGE_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_HASH_FIELD_NUMBER: _ClassVar[int]
    input: _payload_pb2.Payload
    lineage: _run_pb2.Lineage
    workflow_id: str
    definition_hash: str
    def __init__(self, input: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., lineage: _Optional[_Union[_run_pb2.Lineage, _Mapping]] = ..., workflow_id: _Optional[str] = ..., definition_hash: _Optional[str] = ...) -> None: ...

class RunResumed(_message.Message):
    __slots__ = ("addresses", "resume_data")
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    RESUME_DATA_FIELD_NUMBER: _ClassVar[int]
    addresses: _containers.RepeatedScalarFieldContainer[str]
    resume_data: _payload_pb2.Payload
    def __init__(self, addresses: _Optional[_Iterable[str]] = ..., resume_data: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ...) -> None: ...

class RunRestarted(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RunWaiting(_message.Message):
    __slots__ = ("due_time",)
    DUE_TIME_FIELD_NUMBER: _ClassVar[int]
    due_time: _timestamp_pb2.Timestamp
    def __init__(self, due_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RunSuspended(_message.Message):
    __slots__ = ("addresses",)
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    addresses: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, addresses: _Optional[_Iterable[str]] = ...) -> None: ...

class RunPaused(_message.Message):
    __slots__ = ("addresses", "reason")
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    addresses: _containers.RepeatedScalarFieldContainer[str]
    reason: str
    def __init__(self, addresses: _Optional[_Iterable[str]] = ..., reason: _Optional[str] = ...) -> None: ...

class RunCompleted(_message.Message):
    __slots__ = ("result",)
    RESULT_FIELD_NUMBER: _ClassVar[int]
    result: _payload_pb2.Payload
    def __init__(self, result: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ...) -> None: ...

class RunFailed(_message.Message):
    __slots__ = ("error",)
    ERROR_FIELD_NUMBER: _ClassVar[int]
    error: _run_pb2.Error
    def __init__(self, error: _Optional[_Union[_run_pb2.Error, _Mapping]] = ...) -> None: ...

class RunCanceled(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class StepStarted(_message.Message):
    __slots__ = ("input", "attempt", "resume_data")
    INPUT_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    RESUME_DATA_FIELD_NUMBER: _ClassVar[int]
    input: _payload_pb2.Payload
    attempt: int
    resume_data: _payload_pb2.Payload
    def __init__(self, input: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., attempt: _Optional[int] = ..., resume_data: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ...) -> None: ...

class StepOutput(_message.Message):
    __slots__ = ("data",)
    DATA_FIELD_NUMBER: _ClassVar[int]
    data: _payload_pb2.Payload
    def __init__(self, data: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ...) -> None: ...

class StepProgress(_message.Message):
    __slots__ = ("done", "total")
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    done: int
    total: int
    def __init__(self, done: _Optional[int] = ..., total: _Optional[int] = ...) -> None: ...

class StepRetrying(_message.Message):
    __slots__ = ("attempt", "error", "due_time")
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    DUE_TIME_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    error: _run_pb2.Error
    due_time: _timestamp_pb2.Timestamp
    def __init__(self, attempt: _Optional[int] = ..., error: _Optional[_Union[_run_pb2.Error, _Mapping]] = ..., due_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class StepWaiting(_message.Message):
    __slots__ = ("due_time",)
    DUE_TIME_FIELD_NUMBER: _ClassVar[int]
    due_time: _timestamp_pb2.Timestamp
    def __init__(self, due_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class StepSuspended(_message.Message):
    __slots__ = ("payload", "label")
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    payload: _payload_pb2.Payload
    label: str
    def __init__(self, payload: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., label: _Optional[str] = ...) -> None: ...

class StepSkipped(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StepCompleted(_message.Message):
    __slots__ = ("output",)
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    output: _payload_pb2.Payload
    def __init__(self, output: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ...) -> None: ...

class StepFailed(_message.Message):
    __slots__ = ("error", "attempt")
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    error: _run_pb2.Error
    attempt: int
    def __init__(self, error: _Optional[_Union[_run_pb2.Error, _Mapping]] = ..., attempt: _Optional[int] = ...) -> None: ...

class StepCanceled(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
