"""
Steps whose outputs tell the way a value has come.

A step adds its id to what it gets: ``a`` and ``b`` make ``"ab"`` of ``""``. Of an object or array
(a join) it makes ``(x|y)`` first, so ``"(ap|aq)j"`` is what ``j`` makes of arms ``p`` and ``q``.
"""

import inspect
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from dalsegno.workflow import Context, Retry, step
from dalsegno.workflow.step import Step

Does = Callable[[Any, Context], Any]


class Bodies:
    """
    Makes steps, notes every call of their bodies, and lets a test change what they do.

    Attributes:
        calls: Address of each call, in order.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._does: dict[str, Does] = {}

    def step(
        self,
        id: str,
        does: Does | None = None,
        *,
        retry: Retry | None = None,
        timeout: timedelta | float | None = None,
    ) -> Step[..., Any]:
        """
        A step; *does* may be a coroutine function. Without it the step adds its id.
        """
        self._does.setdefault(id, does or add_id(id))

        @step(id=id, retry=retry, timeout=timeout)
        async def body(value: Any, ctx: Context) -> Any:
            self.calls.append(ctx.address)
            result = self._does[id](value, ctx)
            return await result if inspect.isawaitable(result) else result

        return body

    def steps(self, ids: str) -> list[Step[..., Any]]:
        """
        A step for each letter.
        """
        return [self.step(id) for id in ids]

    def will(self, id: str, does: Does) -> None:
        """
        From now on the step does this.
        """
        self._does[id] = does

    def will_add(self, id: str) -> None:
        """
        From now on the step adds its id, as it does by nature.
        """
        self._does[id] = add_id(id)


def add_id(id: str) -> Does:
    return lambda value, _: trace(value) + id


def trace(value: Any) -> str:
    """
    The text that stands for a value on its way.
    """
    if value is None:
        return ""
    if isinstance(value, dict):
        return f"({'|'.join(trace(member) for member in value.values())})"
    if isinstance(value, list):
        return f"[{'|'.join(trace(item) for item in value)}]"
    return str(value)


def fails(_: Any, ctx: Context) -> Any:
    """
    Raises, naming its address.
    """
    message = f"{ctx.address} failed"
    raise ValueError(message)


def asks(_: Any, ctx: Context) -> Any:
    """
    Suspends once, and returns the answer.
    """
    return ctx.suspend({"ask": ctx.address})


def asks_and_adds(value: Any, ctx: Context) -> str:
    """
    Suspends once, and adds the answer in angle brackets.
    """
    return f"{trace(value)}<{ctx.suspend({'ask': ctx.address})}>"
