"""
How streams are ended when the server stops.
"""

from dalsegno.model.errors import ShuttingDown
from dalsegno.rpc.ending import Ending


class Drain:
    """
    Knows the open streams, and ends them all at once.

    Without it `grpc.aio.Server.stop` waits its whole grace for every one of them.
    """

    def __init__(self) -> None:
        self._open: set[Ending] = set()
        self._is_ended = False

    def add(self, stream: Ending) -> None:
        """
        Let a stream be ended by `end`, until it is removed.

        Raises:
            ShuttingDown: `end` was called before.
        """
        if self._is_ended:
            raise ShuttingDown
        self._open.add(stream)

    def remove(self, stream: Ending) -> None:
        self._open.discard(stream)

    def end(self) -> None:
        """
        End what is open, and whatever would be opened later.
        """
        self._is_ended = True
        while self._open:
            self._open.pop().end(ShuttingDown())
