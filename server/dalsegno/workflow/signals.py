"""
How a step's body ends early: raised by its context, caught by the engine.

They derive from BaseException so that a body's own ``except Exception`` does not swallow them.
"""

from typing import Any


class Signal(BaseException):
    """
    Base of what ends a body early.
    """


class Suspend(Signal):
    """
    The step waits for resume data.
    """

    def __init__(self, payload: Any, label: str | None) -> None:
        super().__init__("suspend")
        self.payload = payload
        self.label = label


class Bail(Signal):
    """
    The workflow around the step ends with success.
    """

    def __init__(self, result: Any) -> None:
        super().__init__("bail")
        self.result = result


class CancelRun(Signal):
    """
    The run ends as canceled.
    """

    def __init__(self, reason: str | None) -> None:
        super().__init__("cancel")
        self.reason = reason
