"""
How often a step is tried, and how long it waits in between.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta


class NonRetryable(Exception):
    """
    A failure that another attempt cannot help; raise it from a body, or derive from it.
    """


@dataclass(frozen=True, slots=True)
class Retry:
    """
    Attempts of a step's body: how many, and the waits between them.

    Attributes:
        max_attempts: The first one included; 1 means that nothing is retried.
        initial_interval: Wait after the first attempt.
        backoff: Each wait is this many times the one before.
        max_interval: No wait is longer.
        jitter: Each wait is shortened by up to this share of it, at random, so that steps
            that failed together are not tried together again.
        non_retryable: Errors, besides `NonRetryable`, that no other attempt follows.
    """

    max_attempts: int = 1
    initial_interval: timedelta = timedelta(seconds=1)
    backoff: float = 2.0
    max_interval: timedelta = timedelta(minutes=1)
    jitter: float = 0.1
    non_retryable: tuple[type[BaseException], ...] = ()

    def __post_init__(self) -> None:
        """
        Raises:
            ValueError: A number is out of its range.
            TypeError: A class in `non_retryable` is no exception.
        """
        if self.max_attempts < 1:
            raise ValueError(f"max_attempts is {self.max_attempts}; it counts the first, too")
        if self.initial_interval < timedelta(0):
            raise ValueError(f"initial_interval is {self.initial_interval}; it must not be < 0")
        if self.max_interval < self.initial_interval:
            raise ValueError(
                f"max_interval {self.max_interval} is below the initial_interval "
                f"{self.initial_interval}; raise it"
            )
        if not 1 <= self.backoff < float("inf"):
            raise ValueError(f"backoff is {self.backoff}; it must be 1 or more, and finite")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"jitter is {self.jitter}; it is a share, from 0 to 1")
        for error in self.non_retryable:
            if not issubclass(error, BaseException):
                raise TypeError(f"non_retryable has {error!r}, which is no exception")

    def delay(self, attempt: int, random: Callable[[], float]) -> timedelta:
        """
        How long to wait after this attempt has failed.

        Args:
            attempt: Number of the one that failed, from 1.
            random: Gives numbers from 0 up to 1.
        """
        longest = self.max_interval.total_seconds()
        try:
            wait = self.initial_interval.total_seconds() * self.backoff ** (attempt - 1)
        except OverflowError:
            wait = longest
        return timedelta(seconds=min(wait, longest) * (1 - self.jitter * random()))

    def allows(self, attempt: int, error: BaseException) -> bool:
        """
        Whether another attempt may follow this one, which failed with this error.
        """
        is_final = isinstance(error, (NonRetryable, *self.non_retryable))
        return attempt < self.max_attempts and not is_final


NOT_DECLARED = Retry()  # of a step that declares none; found by identity, as equal ones may be
