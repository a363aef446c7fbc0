"""
A store one of whose calls fails.
"""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from dalsegno.model.errors import StoreUnavailable
from dalsegno.model.event import EventType
from dalsegno.store.contract import Append, Store
from tests.fakes import JumpingClock

_WRITES = ("append", "delete", "put_definition", "take_lease", "renew_lease", "end_lease")


class FailingStore:
    """
    Passes every call on to a real store, but for one.

    Attributes:
        calls: Names of the methods that were called, in order.
        completed: Addresses, with their runs, whose completion is stored.

    Args:
        fatal: The number of the call that fails, from 1; 0 for none.
        is_kept: It is done all the same: what fails is its answer.
    """

    def __init__(
        self, store: Store, clock: JumpingClock, *, fatal: int, is_kept: bool, text: str
    ) -> None:
        self._store = store
        self._clock = clock
        self._fatal = fatal
        self._is_kept = is_kept
        self._text = text
        self.calls: list[str] = []
        self.completed: set[tuple[str, str]] = set()

    @property
    def as_store(self) -> Store:
        return cast("Store", self)

    @property
    def writes(self) -> list[int]:
        """
        Numbers of the calls that wrote.
        """
        return [number for number, name in enumerate(self.calls, 1) if name in _WRITES]

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._store, name)

        async def passed_on(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            is_fatal = len(self.calls) == self._fatal
            with self._clock.still():
                answer = None
                if not is_fatal or self._is_kept:
                    answer = await method(*args, **kwargs)
                    self._note(args)
            if is_fatal:
                raise StoreUnavailable(self._text)
            return answer

        return passed_on

    def _note(self, args: tuple[Any, ...]) -> None:
        """
        Remember what an append that is stored completed.
        """
        for append in args:
            if isinstance(append, Append):
                self.completed |= {
                    (event.run_id, event.address)
                    for event in append.events
                    if event.type is EventType.STEP_COMPLETED
                }
