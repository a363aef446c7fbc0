"""
Running user code: one try of a step's body, and conditions.
"""

import asyncio
import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from dalsegno.model.failpoint import Failpoint, hit
from dalsegno.model.record import Error
from dalsegno.workflow.context import Context
from dalsegno.workflow.graph import Predicate, StepNode
from dalsegno.workflow.signals import Signal

_MESSAGE_MAX = 4096  # bytes of an error's text; histories keep every one
_CAUSES_MAX = 3


class BodyCanceled(Exception):
    """
    A body ended with CancelledError although nobody canceled its run.
    """


@dataclass(frozen=True, slots=True)
class Returned:
    """
    The body returned.
    """

    value: Any


@dataclass(frozen=True, slots=True)
class Raised:
    """
    The body raised.
    """

    error: Exception


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where a body is being tried.

    Attributes:
        body: The function itself.
        is_function: It is executed on a thread, not on the event loop.
    """

    run_id: str
    workflow_id: str
    address: str
    body: Callable[..., Any]
    is_function: bool = False


class Bodies:
    """
    Tries bodies: coroutines on the event loop, plain functions on threads of its own.

    Knows which task is in which body, so that one that keeps the event loop can be named. Tasks
    that a body makes itself are not known.
    """

    def __init__(self, threads_max: int) -> None:
        self._pool = ThreadPoolExecutor(threads_max, thread_name_prefix="body")
        self._places: dict[asyncio.Task[Any], Place] = {}

    async def call(
        self, node: StepNode, value: Any, context: Context | None, place: Place
    ) -> Returned | Raised | Signal:
        """
        See `call_body`.
        """
        task = asyncio.current_task()
        assert task is not None  # walks are tasks
        self._places[task] = place
        try:
            return await call_body(node, value, context, self._pool)
        finally:
            del self._places[task]

    def of(self, task: asyncio.Task[Any]) -> Place | None:
        """
        The coroutine that a task is in; None if it is in none. May be asked from any thread.
        """
        place = self._places.get(task)
        return place if place is not None and not place.is_function else None

    @property
    def functions(self) -> int:
        """
        How many plain functions are waited for. May be asked from any thread.
        """
        return sum(place.is_function for place in list(self._places.values()))

    def close(self) -> None:
        """
        Begin no more plain functions; those that execute are left alone.
        """
        self._pool.shutdown(wait=False, cancel_futures=True)


async def call_body(
    node: StepNode, value: Any, context: Context | None, pool: ThreadPoolExecutor
) -> Returned | Raised | Signal:
    """
    Try a body once, within its time-out.

    A plain function runs on a worker thread. When its time is over or its run is canceled the
    thread cannot be stopped: the try ends, and what the function returns later is dropped.

    Raises:
        CancelledError: The run is being canceled or the server stops.
    """
    arguments = node.arguments(value, context)
    limit = node.timeout.total_seconds() if node.timeout is not None else None
    clock = asyncio.timeout(limit) if limit is not None else None
    try:
        if clock is None:
            result = await _try(node, arguments, pool)
        else:
            async with clock:
                result = await _try(node, arguments, pool)
    except Signal as signal:
        return signal
    except TimeoutError as error:
        return _overdue(limit) if clock is not None and clock.expired() else Raised(error)
    except asyncio.CancelledError:
        current = asyncio.current_task()
        if current is None or current.cancelling():
            raise
        return Raised(BodyCanceled("the body ended as if it had been canceled"))
    except Exception as error:  # noqa: BLE001 - whatever a body raises is its failure
        return Raised(error)
    hit(Failpoint.BODY_AFTER)
    return _overdue(limit) if clock is not None and clock.expired() else result


async def _try(
    node: StepNode, arguments: tuple[Any, ...], pool: ThreadPoolExecutor
) -> Returned | Raised | Signal:
    if node.is_coroutine:
        return Returned(await node.body(*arguments))
    return await asyncio.get_running_loop().run_in_executor(pool, _call, node.body, arguments)


def _overdue(limit: float | None) -> Raised:
    """
    What comes of a try whose time is over, even if the body went on and returned.
    """
    return Raised(TimeoutError(f"no result within {limit:g} s"))


def _call(body: Callable[..., Any], arguments: tuple[Any, ...]) -> Returned | Raised | Signal:
    """
    Call a plain function; nothing it raises may cross the thread (StopIteration cannot).
    """
    try:
        return Returned(body(*arguments))
    except Signal as signal:
        return signal
    except Exception as error:  # noqa: BLE001 - whatever a body raises is its failure
        return Raised(error)


async def holds(predicate: Predicate, payload: bytes) -> bool:
    """
    Ask a condition.

    Raises:
        Exception: Whatever it raises, and a value that is not of its type.
    """
    answer = predicate.check(predicate.input.decode(payload))
    if inspect.isawaitable(answer):
        answer = await answer
    return bool(answer)


def error_of(error: BaseException, *, is_retryable: bool = True, depth: int = 0) -> Error:
    """
    An exception as it is recorded: type and text, and what caused it, but no stack.
    """
    cause = error.__cause__
    return Error(
        type=type(error).__name__,
        message=cut(str(error)),
        is_retryable=is_retryable,
        cause=error_of(cause, depth=depth + 1) if cause and depth < _CAUSES_MAX else None,
    )


def cut(text: str) -> str:
    """
    The text, ended after 4 KiB; what JSON cannot hold of it is replaced.
    """
    data = text.encode("utf-8", "replace")
    if len(data) <= _MESSAGE_MAX:
        return data.decode()
    return data[:_MESSAGE_MAX].decode("utf-8", "ignore") + "…"
