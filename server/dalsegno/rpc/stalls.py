"""
Readers that take nothing.
"""

import asyncio

from dalsegno.model.errors import ReaderStalled
from dalsegno.rpc.ending import Ending

# How late a stalled reader may be noticed: this part of the time it has.
_LATE = 1 / 32


class Sending:
    """
    What one stream is about to write.

    Attributes:
        written: How many messages its reader has taken; counted up by who writes.
    """

    __slots__ = ("_seen", "_since_s", "stream", "written")

    def __init__(self, stream: Ending, now_s: float) -> None:
        self.stream = stream
        self.written = 0
        self._seen = 0
        self._since_s = now_s

    def waits_s(self, now_s: float) -> float:
        """
        For how long the same message has been seen to wait.
        """
        if self._seen != self.written:
            self._seen, self._since_s = self.written, now_s
        return now_s - self._since_s


class Stalls:
    """
    Ends streams that have had one message to write for too long.

    One timer looks at all of them, and only while something is being written: a time-out around
    each write took a tenth of what sending takes, one per stream much of what an idle one does.

    Args:
        write_s: Seconds that a message may wait for its reader.
    """

    def __init__(self, write_s: float) -> None:
        self._write_s = write_s
        self._sending: set[Sending] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, stream: Ending) -> Sending:
        """
        Look at a stream from now on.
        """
        loop = asyncio.get_running_loop()
        sending = Sending(stream, loop.time())
        self._sending.add(sending)
        if self._timer is None:
            self._timer = loop.call_later(self._write_s * _LATE / 2, self._look, loop)
        return sending

    def end(self, sending: Sending) -> None:
        """
        Look at it no more: nothing waits to be written.
        """
        self._sending.discard(sending)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s = loop.time()
        for sending in self._sending:
            if sending.waits_s(now_s) >= self._write_s:
                sending.stream.end(ReaderStalled(self._write_s))
        is_busy = bool(self._sending)
        again_s = self._write_s * _LATE / 2
        self._timer = loop.call_later(again_s, self._look, loop) if is_busy else None
