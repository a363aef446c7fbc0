"""
A disk that remembers what was never synced, and what it may look like after the power failed.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto

from tests.faults.recording import Call, Done


class Loss(StrEnum):
    """
    What a power failure does with changes that were not synced.

    Subsets are reorderings as well: a later write may be there and an earlier one not.
    """

    NONE = "all kept"
    ALL = "all dropped"
    SOME = "a random part kept"
    TORN_SECTORS = "torn at 512 bytes"
    TORN_PAGES = "torn at 4096 bytes"


# Bytes that are written whole or not at all, if a write can be torn.
_WHOLE = {Loss.TORN_SECTORS: 512, Loss.TORN_PAGES: 4096}


class _Fate(Enum):
    PENDING = auto()  # not synced yet
    DOUBTFUL = auto()  # the sync failed: a later one that succeeds may no longer know of it
    SYNCED = auto()


@dataclass(slots=True)
class _Change:
    """
    A write, or with `data` None a truncation.
    """

    offset: int
    data: bytes | None
    fate: _Fate = _Fate.PENDING


@dataclass(slots=True, eq=False)
class _File:
    """
    Attributes:
        durable: What is on the disk whatever happens.
        later: Changes since, oldest first.
    """

    durable: bytearray = field(default_factory=bytearray)
    later: list[_Change] = field(default_factory=list)

    def sync(self) -> None:
        for change in self.later:
            if change.fate is _Fate.PENDING:
                change.fate = _Fate.SYNCED
        self._forget_what_was_written_over()
        while self.later and self.later[0].fate is _Fate.SYNCED:
            _apply(self.durable, self.later.pop(0))

    def fail_to_sync(self) -> None:
        for change in self.later:
            if change.fate is _Fate.PENDING:
                change.fate = _Fate.DOUBTFUL

    def _forget_what_was_written_over(self) -> None:
        """
        A doubtful write matters no more once another to the same place is on the disk.
        """
        synced: dict[int, int] = {}  # from each offset, how many bytes were written later
        kept: list[_Change] = []
        for change in reversed(self.later):
            size = len(change.data or b"")
            if change.fate is _Fate.SYNCED:
                synced[change.offset] = max(size, synced.get(change.offset, 0))
            elif change.data is not None and size <= synced.get(change.offset, 0):
                continue
            kept.append(change)
        self.later = kept[::-1]

    def after(self, loss: Loss, chance: random.Random) -> bytes:
        image = bytearray(self.durable)
        share = chance.choice((0.1, 0.5, 0.9))
        for change in self.later:
            if change.fate is _Fate.SYNCED or loss is Loss.NONE:
                _apply(image, change)
            elif loss is not Loss.ALL:
                for piece in _pieces(change, _WHOLE.get(loss)):
                    if chance.random() < share:
                        _apply(image, piece)
        return bytes(image)


@dataclass(slots=True)
class _Entry:
    """
    A change of the folder: a name begins to mean a file, or with None nothing.
    """

    name: str
    file: _File | None


class Disk:
    """
    The folder of one database as its recorded calls leave it.
    """

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}
        self._durable: dict[str, _File] = {}
        self._later: list[_Entry] = []
        self._opened: dict[int, _File | None] = {}  # None: the folder

    def do(self, done: Done) -> None:
        """
        Take one record in; marks change nothing.
        """
        match done.call:
            case Call.OPEN:
                self._opened[done.file] = self._open(done.data.decode())
            case Call.UNLINK:
                del self._files[done.data.decode()]
                self._later.append(_Entry(done.data.decode(), None))
            case Call.WRITE:
                self._file(done).later.append(_Change(done.offset, done.data))
            case Call.TRUNCATE:
                self._file(done).later.append(_Change(done.offset, None))
            case Call.SYNC:
                self._sync(self._opened[done.file])
            case Call.FAILED_SYNC:
                file = self._opened[done.file]
                if file is not None:
                    file.fail_to_sync()
            case Call.MARK:
                pass

    @property
    def is_settled(self) -> bool:
        """
        Whether a power failure could take nothing.
        """
        return not self._later and not any(file.later for file in self._files.values())

    def after(self, loss: Loss, chance: random.Random) -> dict[str, bytes]:
        """
        The files that are there after the power failed now, by what follows the database's name.
        """
        names = dict(self._durable)
        for entry in self._later:
            is_kept = loss is Loss.NONE or (loss is not Loss.ALL and chance.random() < 0.5)
            if is_kept and entry.file is None:
                names.pop(entry.name, None)
            elif is_kept and entry.file is not None:
                names[entry.name] = entry.file
        return {name: file.after(loss, chance) for name, file in names.items()}

    def _open(self, name: str) -> _File | None:
        if name == "/":
            return None
        if name not in self._files:
            self._files[name] = _File()
            self._later.append(_Entry(name, self._files[name]))
        return self._files[name]

    def _file(self, done: Done) -> _File:
        file = self._opened[done.file]
        assert file is not None
        return file

    def _sync(self, file: _File | None) -> None:
        if file is not None:
            file.sync()
            return
        for entry in self._later:
            if entry.file is None:
                self._durable.pop(entry.name, None)
            else:
                self._durable[entry.name] = entry.file
        self._later.clear()


def _apply(image: bytearray, change: _Change) -> None:
    if change.data is None:
        del image[change.offset :]
        image.extend(bytes(change.offset - len(image)))
        return
    end = change.offset + len(change.data)
    if len(image) < end:
        image.extend(bytes(end - len(image)))
    image[change.offset : end] = change.data


def _pieces(change: _Change, size: int | None) -> Iterator[_Change]:
    """
    The parts of a change that a disk writes whole: what lies between multiples of *size*.
    """
    if change.data is None or size is None:
        yield change
        return
    at = 0
    while at < len(change.data):
        to = at + size - (change.offset + at) % size
        yield _Change(change.offset + at, change.data[at:to])
        at = to
