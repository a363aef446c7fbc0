"""
What a step's body is given beside its input.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from dalsegno.model.lineage import Lineage
from dalsegno.workflow.signals import Bail, CancelRun, Suspend

_UNSET: Any = object()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """
    What the engine lends a context: values, and the calls that reach into the run.

    Attributes:
        resume_data: Decoded answer; only meaningful if `is_resumed`.
        result_of: Reads the output of an earlier node of the same workflow, None if it has none.
        emit: Appends an event with this value to the run.
        loop: The event loop the run lives on, for bodies on worker threads.
    """

    run_id: str
    workflow_id: str
    address: str
    attempt: int
    input: Any
    init_data: Any
    state: Any
    request_context: Mapping[str, Any]
    is_resumed: bool
    resume_data: Any
    suspend_payload: Any
    lineage: Lineage | None
    result_of: Callable[[str], Awaitable[Any]]
    emit: Callable[[Any], None]
    loop: asyncio.AbstractEventLoop


class Context:
    """
    Where a body is, what its run knows, and what it can ask of it.

    Attributes:
        run_id: Of the run.
        workflow_id: Of the run's workflow (the outermost one).
        address: Of this step, e.g. ``items[7].enrich``.
        attempt: Number of this try, from 1; rises with retries and resumptions.
        input: The step's input as plain JSON data.
        init_data: The run's input as plain JSON data.
        request_context: JSON object given by the caller; changing it changes nothing.
        resume_data: The answer this try was resumed with, None if it was not resumed (see
            `is_resumed`, as an answer may be None).
        is_resumed: Whether this try has an answer.
        suspend_payload: What the step asked when it suspended, None if it did not.
        lineage: Where a replay comes from; None for a run that is none.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings
        self._state = _UNSET
        self.run_id = surroundings.run_id
        self.workflow_id = surroundings.workflow_id
        self.address = surroundings.address
        self.attempt = surroundings.attempt
        self.input = surroundings.input
        self.init_data = surroundings.init_data
        self.request_context = surroundings.request_context
        self.is_resumed = surroundings.is_resumed
        self.resume_data = surroundings.resume_data
        self.suspend_payload = surroundings.suspend_payload
        self.lineage = surroundings.lineage

    @property
    def is_replay(self) -> bool:
        """
        Whether the run was made by a time travel.
        """
        return self.lineage is not None

    @property
    def idempotency_key(self) -> str:
        """
        The same over all attempts, resumptions and restarts of this address in this run, and
        different from that of any other; give it to what must not happen twice.
        """
        return f"{self.run_id}/{self.address}"

    @property
    def state(self) -> Any:
        """
        The run's state, with what this try has set.
        """
        return self._around.state if self._state is _UNSET else self._state

    def set_state(self, state: Any) -> None:
        """
        Replace the run's state; later steps see it once this step has succeeded.

        A try that fails, suspends or is canceled changes nothing. A state of the wrong type
        fails the step.
        """
        self._state = state

    async def result_of(self, step_id: str) -> Any:
        """
        Output of an earlier successful step of the same workflow, else None.
        """
        return await self._around.result_of(step_id)

    def blocking_result_of(self, step_id: str) -> Any:
        """
        As `result_of`, for plain functions: they run on worker threads and may block.

        Raises:
            RuntimeError: Called from a coroutine, where it would stop the server.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            reading = asyncio.run_coroutine_threadsafe(self.result_of(step_id), self._around.loop)
            return reading.result()
        message = "a coroutine must use `await ctx.result_of(...)`"
        raise RuntimeError(message)

    def emit(self, data: Any) -> None:
        """
        Tell the run's streams something: one `step_output` event, durable before it is sent.

        Raises:
            ValueError: JSON cannot hold the data; the message names the path inside it.
        """
        self._around.emit(data)

    def suspend(self, payload: Any = None, *, label: str | None = None) -> Any:
        """
        Wait for resume data: the body ends here, and runs again from its start when it is
        resumed; then this returns the data (`None`, `0` and `False` are data, too).

        Args:
            payload: What is asked, shown to callers.
            label: A name callers may resume by.
        """
        if self._around.is_resumed:
            return self._around.resume_data
        raise Suspend(payload, label)

    def bail(self, result: Any = None) -> NoReturn:
        """
        End the workflow around this step with success and this result.
        """
        raise Bail(result)

    def cancel(self, reason: str | None = None) -> NoReturn:
        """
        End the run as canceled.
        """
        raise CancelRun(reason)


def new_state(context: Context) -> tuple[bool, Any]:
    """
    Whether the body has set a state, and which; for the engine.
    """
    return context._state is not _UNSET, context._state  # noqa: SLF001 - its own module
