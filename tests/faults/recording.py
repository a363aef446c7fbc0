"""
What `disk.c` records, and the marks that others put between its records.
"""

import json
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

_HEADER = struct.Struct("<cIQI")


class Call(StrEnum):
    """
    What was done. A sync that failed may have dropped what it was to write.
    """

    OPEN = "O"
    WRITE = "W"
    TRUNCATE = "T"
    SYNC = "S"
    FAILED_SYNC = "F"
    UNLINK = "U"
    MARK = "M"


@dataclass(frozen=True, slots=True)
class Done:
    """
    One call that took effect, or a mark.

    Attributes:
        file: Number of the open that the call came through; 0 for those that name their file.
        offset: Of a write; the new size of a truncation.
        data: What was written, or the name of the file that was opened or unlinked: what follows
            the database's name, "/" for the folder.
    """

    call: Call
    file: int
    offset: int
    data: bytes

    @property
    def mark(self) -> Any:
        return json.loads(self.data)


def read(recording: Path) -> Iterator[Done]:
    """
    All records, in order.
    """
    text = memoryview(recording.read_bytes())
    at = 0
    while at < len(text):
        call, file, offset, size = _HEADER.unpack_from(text, at)
        at += _HEADER.size
        yield Done(Call(call.decode()), file, offset, bytes(text[at : at + size]))
        at += size


class Marker:
    """
    Puts marks into a recording: each stands behind all calls that were made before it.
    """

    def __init__(self, recording: Path) -> None:
        self._descriptor = os.open(recording, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def mark(self, **facts: Any) -> None:
        text = json.dumps(facts).encode()
        os.write(self._descriptor, _HEADER.pack(b"M", 0, 0, len(text)) + text)

    def close(self) -> None:
        os.close(self._descriptor)
