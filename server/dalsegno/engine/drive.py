"""
Driving a live run: walking it, and recording how the walk ended.
"""

import asyncio

from dalsegno.engine.live import LiveRun
from dalsegno.engine.nodes import walk_sequence
from dalsegno.engine.outcome import (
    Bailed,
    Canceled,
    Done,
    Failed,
    Outcome,
    Paused,
    Suspended,
    Waiting,
)
from dalsegno.engine.telling import Telling, cancel_inside, newest_records
from dalsegno.engine.walk import Entry, Walk, mismatch
from dalsegno.model.address import parse
from dalsegno.model.clock import SECOND_US
from dalsegno.model.event import EventType
from dalsegno.model.payload import Payload
from dalsegno.model.record import Error, NodeKind, Record, StepStatus
from dalsegno.model.run import RunStatus
from dalsegno.model.shape import GraphShape
from dalsegno.store.contract import Store

_RESUMABLE = (NodeKind.STEP,)  # what has resume data; containers are suspended only with these


async def drive(walk: Walk, value: Payload, entry: Entry | None) -> None:
    """
    Walk a run until it rests or waits, and record that. Durable when this returns.

    Raises:
        CancelledError: The server stops, or a write failed (`LiveRun.error`); what was recorded
            stays for recovery.
        DalsegnoError: The history cannot be read, or the store failed.
    """
    live = walk.live
    try:
        outcome = await _within_limits(walk, value, entry)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if live.error is not None or not live.is_canceling or task is None:
            raise
        task.uncancel()
        outcome = Canceled(live.cancel_reason)
    await record_outcome(walk, outcome)
    if live.cancel_request is not None and isinstance(outcome, Canceled):
        live.attach(live.cancel_request)  # to the append that tells of the end, and to none before
    live.release()
    await live.commit()


async def _within_limits(walk: Walk, value: Payload, entry: Entry | None) -> Outcome:
    """
    Walk until the run has taken too long, or has too many events: then it is cut off, and fails.
    """
    live = walk.live
    limit = asyncio.timeout(_left_s(live))

    def cut_off() -> None:
        live.on_full = None
        limit.reschedule(0)

    try:
        async with limit:
            live.on_full = cut_off
            if live.is_full:
                cut_off()
            return await walk_sequence(walk, walk.root, "", value, entry)
    except TimeoutError:
        if not limit.expired():
            raise
        is_full = live.is_full  # and not only by what is told now
        await walk.cancel_inside("")
        return Failed(_too_many_events(walk) if is_full else _timeout())
    finally:
        live.on_full = None


def _left_s(live: LiveRun) -> float | None:
    if live.run.deadline_us is None:
        return None
    return max((live.run.deadline_us - live.clock.now_us()) / SECOND_US, 0)


def _timeout() -> Error:
    return Error("RunTimeout", "the run did not end within its time-out")


def _too_many_events(walk: Walk) -> Error:
    limit = walk.settings.events_max
    return Error(
        "TooManyEvents", f"the run has {limit} events, which is the limit", is_retryable=False
    )


async def record_outcome(walk: Walk, outcome: Outcome) -> None:
    """
    Put the run into the status that an outcome means, and tell of it.
    """
    match outcome:
        case Done(value) | Bailed(value):
            error = mismatch(walk.root.output, value)
            if error is None:
                _complete(walk, value)
            else:
                _fail(walk, error)
        case Failed(error):
            _fail(walk, error)
        case Canceled(reason):
            await record_canceled(walk, walk.history.store, reason)
        case Suspended():
            suspended = await suspended_steps(walk)
            at = tuple(record.address for record in suspended)
            walk.live.tell(EventType.RUN_SUSPENDED, addresses=at)
            walk.live.change(
                status=RunStatus.SUSPENDED,
                due_us=None,
                deadline_us=None,
                is_pausing=False,
                pause_reason=None,
                step_scope=None,
                is_stepping_in=False,
            )
        case Paused():
            at = tuple(walk.paused_at)
            walk.live.tell(EventType.RUN_PAUSED, addresses=at, reason=walk.live.run.pause_reason)
            walk.live.change(
                status=RunStatus.PAUSED,
                paused_at=at,
                due_us=None,
                deadline_us=None,
                is_pausing=False,
                pause_reason=None,
                step_scope=None,
                is_stepping_in=False,
            )
        case Waiting():
            pass  # recorded when the last strand began to wait


async def record_canceled(telling: Telling, store: Store, reason: str | None) -> None:
    """
    End a run as canceled, with all that is under way in it.
    """
    await cancel_inside(telling, store, "")
    telling.live.tell(EventType.RUN_CANCELED, reason=reason)
    _end(telling.live, RunStatus.CANCELED)


async def record_failed(telling: Telling, store: Store, error: Error) -> None:
    """
    End a run as failed that is cut off, with all that is under way in it canceled.
    """
    await cancel_inside(telling, store, "")
    _fail(telling, error)


def _complete(walk: Walk, value: Payload) -> None:
    event = walk.live.tell(EventType.RUN_COMPLETED, payload=value)
    walk.live.change(result=walk.live.stored(value, event))
    _end(walk.live, RunStatus.SUCCESS)


def _fail(telling: Telling, error: Error) -> None:
    telling.live.tell(EventType.RUN_FAILED, error=error)
    telling.live.change(error=error)
    _end(telling.live, RunStatus.FAILED)


def _end(live: LiveRun, status: RunStatus) -> None:
    live.change(
        status=status,
        ended_us=live.clock.now_us(),
        due_us=None,
        deadline_us=None,
        paused_at=(),
        kept_resume_data=(),
        is_pausing=False,
        pause_reason=None,
        step_scope=None,
        is_stepping_in=False,
    )


async def suspended_steps(walk: Walk) -> list[Record]:
    """
    The steps of the run that wait for resume data, in graph order.
    """
    store = walk.history.store
    records = await newest_records(walk.live, store, (StepStatus.SUSPENDED,))
    waiting = [record for record in records if is_resumable(record)]
    return in_graph_order(waiting, walk.shape)


def is_resumable(record: Record) -> bool:
    """
    Whether a record is of a step, not of a container, that waits for resume data.
    """
    return record.status is StepStatus.SUSPENDED and record.kind in _RESUMABLE


def in_graph_order(records: list[Record], shape: GraphShape) -> list[Record]:
    """
    Records sorted by their place in the graph; those it no longer has come last.
    """
    return sorted(records, key=lambda record: graph_order(record.address, shape))


def graph_order(address: str, shape: GraphShape) -> tuple[tuple[int, int, int], ...]:
    """
    A key that sorts addresses as they stand in the graph.
    """
    place = shape.find(parse(address))
    if place is None:
        return ((len(shape.nodes), 0, 0),)
    key = []
    for level in place.levels:
        arms = level.node.arms
        arm = next((number for number, arm in enumerate(arms) if arm is level.leaf), 0)
        key.append((level.position, arm, level.index or 0))
    return tuple(key)
