"""
Walking one step: attempts, retries, suspension, and what its body asked for.
"""

import asyncio
import functools
from typing import Any

from msgspec.structs import replace

from dalsegno.engine.body import Place, Raised, Returned, error_of
from dalsegno.engine.live import PutDown
from dalsegno.engine.outcome import Bailed, Canceled, Done, Outcome, Suspended, Waiting
from dalsegno.engine.walk import Entry, Walk
from dalsegno.model import jsontext
from dalsegno.model.address import is_at_or_inside, join
from dalsegno.model.clock import SECOND_US
from dalsegno.model.event import EventType
from dalsegno.model.payload import Payload
from dalsegno.model.record import Attempt, Error, NodeKind, Record, StepStatus
from dalsegno.workflow.context import Context, Surroundings, new_state
from dalsegno.workflow.graph import StepNode
from dalsegno.workflow.signals import Bail, CancelRun, Signal, Suspend
from dalsegno.workflow.types import Type, TypeMismatch


async def walk_step(
    walk: Walk,
    node: StepNode,
    address: str,
    base: str,
    value: Payload,
    entry: Entry | None,
    kind: NodeKind = NodeKind.STEP,
) -> Outcome:
    """
    Walk a step until it completes, suspends, fails for good, or ends more than itself.

    Args:
        base: Address of the sequence it is in, for `result_of`.
        value: Its input; a step that is under way keeps the input it has.
        kind: What its record says it is: a tap and a map run a step's body, too.
    """
    record = await walk.entered(address, entry)
    if record is not None and record.input is not None:
        value = record.input
    step = _Step(walk, node, address, base, kind)
    try:
        decoded = node.input.decode(value.json)
    except TypeMismatch as error:
        problem = Error("TypeMismatch", str(error), is_retryable=False)
        if record is not None:
            return walk.fail(record, problem)
        return walk.refuse_input(address, kind, value, problem)
    try:
        return await step.attempts(record, value, decoded)
    except PutDown:
        return Waiting()


class _Step:
    """
    One step on its way.
    """

    def __init__(self, walk: Walk, node: StepNode, address: str, base: str, kind: NodeKind) -> None:
        self.walk = walk
        self.live = walk.live
        self.node = node
        self.address = address
        self.base = base
        self.kind = kind
        self._trying = 0

    async def attempts(self, record: Record | None, value: Payload, decoded: Any) -> Outcome:
        """
        Try until there is an outcome.
        """
        if record is None:
            record = await self._new(value)
        if record.status is StepStatus.WAITING:
            await self.live.wait_until(record.due_us or 0, is_new=False)
        while True:
            record = self._begin(record)
            await self.live.commit()
            result = await self._call(record, value, decoded)
            settled = self._settle(record, result)
            if not isinstance(settled, Record):
                return settled
            record = settled
            await self.live.commit()
            await self.live.wait_until(record.due_us or 0, is_new=True)
            decoded = self.node.input.decode(value.json)

    async def _new(self, value: Payload) -> Record:
        """
        The record of a step that begins, with the answer a travel has kept for it.
        """
        record = Record(
            run_id=self.live.run.run_id,
            address=self.address,
            kind=self.kind,
            status=StepStatus.RUNNING,
            first_sequence=0,
            started_us=0,
            input=value,
        )
        kept = dict(self.live.run.kept_resume_data)
        answer = kept.pop(self.address, None)
        if answer is None:
            return record
        self.live.change(kept_resume_data=tuple(kept.items()))
        asked = await self.walk.source.record(self.address) if self.walk.source else None
        return replace(
            record,
            resume_data=answer,
            resumed_us=self.live.clock.now_us(),
            suspend_payload=asked.suspend_payload if asked else None,
        )

    def _begin(self, record: Record) -> Record:
        """
        Tell of the next attempt; one that was cut off is made again under its number.
        """
        attempts = record.attempts
        is_cut_off = bool(attempts) and attempts[-1].ended_us is None
        number = attempts[-1].number + (not is_cut_off) if attempts else 1
        answer = record.resume_data if record.resumed_us is not None else None
        event = self.live.tell(
            EventType.STEP_STARTED,
            self.address,
            payload=record.input,
            attempt=number,
            resume_data=answer,
        )
        earlier = attempts[:-1] if is_cut_off else attempts
        return self.live.put(
            replace(
                record,
                status=StepStatus.RUNNING,
                first_sequence=record.first_sequence or event.sequence,
                last_sequence=event.sequence,
                started_us=record.started_us or event.time_us,
                input=record.input and self.live.stored(record.input, event),
                attempts=(*earlier, Attempt(number, event.time_us)),
                due_us=None,
                error=None,
            )
        )

    async def _call(
        self, record: Record, value: Payload, decoded: Any
    ) -> tuple[Returned | Raised | Signal, Context | None]:
        try:
            context = self._context(record, value)
        except TypeMismatch as error:
            return Raised(error), None
        self._trying = record.attempts[-1].number
        self.live.bodies += 1
        try:
            result = await self.walk.bodies.call(self.node, decoded, context, self._place())
        finally:
            self.live.bodies -= 1
            self._trying = 0
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            # The body has swallowed its cancellation; nothing it gave counts.
            raise asyncio.CancelledError
        return result, context

    def _place(self) -> Place:
        run = self.live.run
        is_function = not self.node.is_coroutine
        return Place(run.run_id, run.workflow_id, self.address, self.node.body, is_function)

    def _context(self, record: Record, value: Payload) -> Context | None:
        if not self.node.takes_context:
            return None
        run = self.live.run
        is_resumed = record.resumed_us is not None
        answer = record.resume_data if is_resumed else None
        asked = record.suspend_payload
        return Context(
            Surroundings(
                run_id=run.run_id,
                workflow_id=run.workflow_id,
                address=self.address,
                attempt=record.attempts[-1].number,
                input=jsontext.parse(value.json),
                init_data=jsontext.parse(run.input.json),
                state=self.walk.root.state.decode(run.state.json),
                request_context=jsontext.parse(run.request_context.json),
                is_resumed=is_resumed,
                resume_data=self.node.resume.decode(answer.json) if answer else None,
                suspend_payload=jsontext.parse(asked.json) if asked else None,
                lineage=run.lineage,
                result_of=self._result_of,
                emit=functools.partial(self._emit, record.attempts[-1].number),
                loop=self.walk.loop,
            )
        )

    async def _result_of(self, step_id: str) -> Any:
        record = await self.walk.history.record(join(self.base, step_id))
        if record is None or record.status is not StepStatus.SUCCESS or record.output is None:
            return None
        return jsontext.parse(record.output.json)

    def _emit(self, attempt: int, data: Any) -> None:
        """
        Called by the body, on the loop or on a worker thread.
        """
        payload = Payload(_encoded(Type.any(), data, self.walk.settings.payload_bytes_max))
        if self.node.is_coroutine:
            self._tell_output(attempt, payload)
        else:
            self.walk.loop.call_soon_threadsafe(self._tell_output, attempt, payload)

    def _tell_output(self, attempt: int, payload: Payload) -> None:
        """
        Dropped once the attempt is over, as a function may outlive its time-out on its thread; and
        once the run is full, as a body that never awaits anything cannot be ended.
        """
        if attempt != self._trying or self.live.is_full:
            return
        self.live.tell(EventType.STEP_OUTPUT, self.address, payload=payload)
        self.live.commit_soon()

    def _settle(
        self, record: Record, called: tuple[Returned | Raised | Signal, Context | None]
    ) -> Outcome | Record:
        """
        Record what came of an attempt: the outcome, or the record of one that is retried.
        """
        result, context = called
        record = self._ended(record, result)
        try:
            match result:
                case Returned(value):
                    return Done(self._complete(record, self.node.output, value, context))
                case Bail():
                    bailed = replace(record, is_bailed=True)
                    return Bailed(self._complete(bailed, Type.any(), result.result, context))
                case Suspend():
                    return self._suspend(record, result)
                case CancelRun():
                    self.walk.cancel(record)
                    return Canceled(result.reason)
                case Raised(error):
                    return self._fail(record, error)
                case _:
                    raise AssertionError(result)
        except _Unfit as unfit:
            problem = Error(unfit.type, str(unfit), is_retryable=False)
            return self.walk.fail(_with_error(record, problem), problem, self._number(record))

    def _ended(self, record: Record, result: Returned | Raised | Signal) -> Record:
        last = record.attempts[-1]
        error = None
        if isinstance(result, Raised):
            is_retryable = self.node.retry.allows(0, result.error)
            error = error_of(result.error, is_retryable=is_retryable)
        ended = replace(last, ended_us=self.live.clock.now_us(), error=error)
        return replace(record, attempts=(*record.attempts[:-1], ended))

    @staticmethod
    def _number(record: Record) -> int:
        return record.attempts[-1].number

    def _complete(
        self, record: Record, type_: Type, value: Any, context: Context | None
    ) -> Payload:
        output = Payload(_encoded(type_, value, self.walk.settings.payload_bytes_max))
        state = None
        if context is not None:
            is_set, new = new_state(context)
            if is_set:
                limit = self.walk.settings.payload_bytes_max
                state = Payload(_encoded(self.walk.root.state, new, limit))
                if not state.json.startswith(b"{"):
                    raise _Unfit("TypeMismatch", "the state must be a JSON object")
        return self.walk.complete(record, output, state=state)

    def _suspend(self, record: Record, signal: Suspend) -> Outcome:
        if self.kind is NodeKind.MAP:
            raise _Unfit("SuspendRefused", "a map cannot suspend")
        if any(is_at_or_inside(self.address, tap) for tap in self.walk.taps):
            raise _Unfit("SuspendRefused", "nothing in a tap can suspend")
        limit = self.walk.settings.payload_bytes_max
        asked = Payload(_encoded(Type.any(), signal.payload, limit))
        event = self.live.tell(
            EventType.STEP_SUSPENDED, self.address, payload=asked, label=signal.label
        )
        self.live.put(
            replace(
                record,
                status=StepStatus.SUSPENDED,
                suspend_payload=self.live.stored(asked, event),
                suspend_label=signal.label,
                suspended_us=event.time_us,
                resumed_us=None,
                last_sequence=event.sequence,
            )
        )
        return Suspended()

    def _fail(self, record: Record, error: Exception) -> Outcome | Record:
        problem = record.attempts[-1].error
        assert problem is not None
        failures = sum(attempt.error is not None for attempt in record.attempts)
        if not self.node.retry.allows(failures, error):
            return self.walk.fail(record, problem, self._number(record))
        delay = self.node.retry.delay(failures, self.walk.random)
        due_us = self.live.clock.now_us() + int(delay.total_seconds() * SECOND_US)
        event = self.live.tell(
            EventType.STEP_RETRYING,
            self.address,
            attempt=self._number(record),
            error=problem,
            due_us=due_us,
        )
        return self.live.put(
            replace(
                record,
                status=StepStatus.WAITING,
                error=problem,
                due_us=due_us,
                last_sequence=event.sequence,
            )
        )


class _Unfit(ValueError):
    """
    What a body gave cannot be recorded; another attempt would not help.
    """

    def __init__(self, type_: str, problem: str) -> None:
        super().__init__(problem)
        self.type = type_


def _encoded(type_: Type, value: Any, bytes_max: int) -> bytes:
    try:
        text = type_.encode(value)
    except TypeMismatch as error:
        raise _Unfit("TypeMismatch", str(error)) from error
    if len(text) > bytes_max:
        problem = f"the value takes {len(text)} bytes; the limit is {bytes_max}"
        raise _Unfit("PayloadTooLarge", problem)
    return text


def _with_error(record: Record, problem: Error) -> Record:
    last = replace(record.attempts[-1], error=problem)
    return replace(record, attempts=(*record.attempts[:-1], last))
