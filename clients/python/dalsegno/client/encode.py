"""
Plain Python to what requests have beside payloads.
"""

from collections.abc import Mapping
from uuid import uuid4

from dalsegno.client.model import OutputOptions, RunView, StepResult, TracingOptions
from dalsegno.client.payloads import encode
from dalsegno.v1 import run_pb2


def request_id(given: str | None) -> str:
    """
    The id given, or a new one: it makes repeating the call safe.
    """
    return given or str(uuid4())


def output(options: OutputOptions | None) -> run_pb2.OutputOptions | None:
    if options is None:
        return None
    is_full = options.view is RunView.FULL
    return run_pb2.OutputOptions(
        view=run_pb2.RUN_VIEW_FULL if is_full else run_pb2.RUN_VIEW_BASIC,
        include_state=options.include_state,
        include_resume_labels=options.include_resume_labels,
    )


def tracing(options: TracingOptions | None) -> run_pb2.TracingOptions | None:
    if options is None:
        return None
    return run_pb2.TracingOptions(
        trace_id=options.trace_id,
        parent_span_id=options.parent_span_id,
        tags=options.tags,
        metadata=options.metadata,
        request_context_keys=options.request_context_keys,
    )


def context(given: Mapping[str, StepResult] | None) -> dict[str, run_pb2.StepResult]:
    return {
        address: run_pb2.StepResult(
            status=result.status and f"STEP_STATUS_{result.status.upper()}",
            output=encode(f"context[{address}].output", result.output),
            payload=encode(f"context[{address}].payload", result.payload),
        )
        for address, result in (given or {}).items()
    }
