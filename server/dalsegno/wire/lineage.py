"""
Lineage: where a replay comes from, and the runs of its tree.
"""

from dalsegno.model.lineage import Lineage
from dalsegno.model.run import Run
from dalsegno.v1 import run_pb2, run_service_pb2
from dalsegno.wire.enums import RUN_STATUS
from dalsegno.wire.time import time_to_proto


def lineage_to_proto(lineage: Lineage | None) -> run_pb2.Lineage | None:
    if lineage is None:
        return None
    return run_pb2.Lineage(
        source_run_id=lineage.source_run_id or "",
        step=lineage.step,
        root_run_id=lineage.root_run_id,
        depth=lineage.depth,
        overrides=lineage.overrides,
    )


def lineage_run_to_proto(run: Run) -> run_service_pb2.LineageRun:
    """
    A run as one place in its tree.
    """
    message = run_service_pb2.LineageRun(
        run_id=run.run_id,
        workflow_id=run.workflow_id,
        status=RUN_STATUS[run.status],
        create_time=time_to_proto(run.created_us),
    )
    if run.lineage is not None:
        message.source_run_id = run.lineage.source_run_id or ""
        message.step = run.lineage.step
        message.depth = run.lineage.depth
    return message
