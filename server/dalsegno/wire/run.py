"""
Runs, and the steps that wait in them.
"""

from collections import Counter
from collections.abc import Sequence

from dalsegno.engine.commands import Restarted, RunView, Suspension
from dalsegno.model.record import Record
from dalsegno.model.run import Run, Tracing
from dalsegno.v1 import run_pb2 as pb
from dalsegno.v1.run_service_pb2 import RestartActiveResponse, RestartFailure
from dalsegno.wire.enums import RUN_STATUS
from dalsegno.wire.fit import AROUND_ITEM, leave_out_largest
from dalsegno.wire.lineage import lineage_to_proto
from dalsegno.wire.payload import Form, payload_to_proto
from dalsegno.wire.record import error_to_proto, record_to_proto
from dalsegno.wire.time import time_to_proto


def run_to_proto(view: RunView, output: pb.OutputOptions, *, form: Form, bytes_max: int) -> pb.Run:
    """
    A run as the caller wants to see it, in at most *bytes_max*.

    Records that do not fit are shown without payloads, and `steps_truncated` says so.
    """
    message = run_summary_to_proto(view.run, form=form)
    message.suspensions.extend(_suspension_to_proto(it, form) for it in view.suspensions)
    if output.include_state:
        message.MergeFrom(pb.Run(state=payload_to_proto(view.run.state, form)))
    if output.include_resume_labels:
        message.labels.update(_labels(view.suspensions))
    leave_out_largest(message, bytes_max)
    if view.records is not None:
        _add_steps(message, view.records, form=form, bytes_max=bytes_max)
        message.steps_truncated |= view.is_truncated
    return message


def run_summary_to_proto(run: Run, *, form: Form) -> pb.Run:
    """
    A run as lists show it: without state, records and suspensions.
    """
    return pb.Run(
        run_id=run.run_id,
        workflow_id=run.workflow_id,
        definition_hash=run.definition_hash,
        status=RUN_STATUS[run.status],
        input=payload_to_proto(run.input, form),
        result=payload_to_proto(run.result, form),
        error=error_to_proto(run.error),
        lineage=lineage_to_proto(run.lineage),
        definition_changed=run.definition_changed,
        request_context=payload_to_proto(run.request_context, form),
        create_time=time_to_proto(run.created_us),
        start_time=time_to_proto(run.started_us),
        end_time=time_to_proto(run.ended_us),
        due_time=time_to_proto(run.due_us),
        newest_sequence=run.newest_sequence,
        trace_id=run.tracing.trace_id if run.tracing is not None else "",
        tracing=_tracing_to_proto(run.tracing),
    )


def _tracing_to_proto(tracing: Tracing | None) -> pb.TracingOptions | None:
    """
    What the caller said of the trace; None if it was nothing.
    """
    if tracing is None or tracing == Tracing(tracing.trace_id):
        return None
    return pb.TracingOptions(
        trace_id=tracing.trace_id,
        parent_span_id=tracing.parent_span_id,
        tags=tracing.tags,
        metadata=dict(tracing.metadata),
        request_context_keys=tracing.request_context_keys,
    )


def _add_steps(message: pb.Run, records: Sequence[Record], *, form: Form, bytes_max: int) -> None:
    if sum(map(_text_size, records)) <= bytes_max:
        for record in records:
            step = record_to_proto(record, run_id=message.run_id, form=form)
            message.steps[record.address].CopyFrom(step)
        if message.ByteSize() <= bytes_max:
            return
        message.ClearField("steps")
    message.steps_truncated = True
    size = message.ByteSize()
    for record in records:
        step = record_to_proto(record, run_id=message.run_id, form=form, with_payloads=False)
        size += step.ByteSize() + len(record.address) + AROUND_ITEM
        if size > bytes_max:
            return
        message.steps[record.address].CopyFrom(step)


def _text_size(record: Record) -> int:
    payloads = (record.input, record.output, record.suspend_payload, record.resume_data)
    return sum(len(payload.json) for payload in payloads if payload is not None)


def _suspension_to_proto(suspension: Suspension, form: Form) -> pb.Suspension:
    return pb.Suspension(
        address=suspension.address,
        label=suspension.label or "",
        payload=payload_to_proto(suspension.payload, form),
        suspend_time=time_to_proto(suspension.suspended_us),
        resume_schema=payload_to_proto(suspension.resume_schema, form),
    )


def _labels(suspensions: Sequence[Suspension]) -> dict[str, str]:
    """
    Addresses by label, without labels that several suspensions share: those name none of them.
    """
    counts = Counter(suspension.label for suspension in suspensions)
    return {
        suspension.label: suspension.address
        for suspension in suspensions
        if suspension.label is not None and counts[suspension.label] == 1
    }


def restarted_to_proto(restarted: Restarted) -> RestartActiveResponse:
    return RestartActiveResponse(
        run_ids=restarted.run_ids,
        failures=[
            RestartFailure(
                run_id=run_id,
                reason=f"ERROR_REASON_{error.reason}",
                message=str(error),
            )
            for run_id, error in restarted.failures
        ],
    )
