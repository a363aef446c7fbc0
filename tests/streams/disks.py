"""
Disks that are really full, and have room again.
"""

import resource
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import pytest

_SMALLEST = 4096  # bytes that a file may still have: none of the database's is smaller


class Disk(Protocol):
    """
    Where a server has its database.

    Attributes:
        folder: Its folder, as the server sees it.
        wrapped_in: What its server is to be started by.
    """

    folder: Path
    wrapped_in: Sequence[str]

    @contextmanager
    def full(self, pid: int) -> Iterator[None]:
        """
        No room inside for what that server writes.
        """


class SmallDisk:
    """
    A file system of 16 MiB in memory, which only its server's namespace has: no need to be root.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        mount = f'mount -t tmpfs -o size=16m none "{folder}" && exec "$@"'
        self.wrapped_in = ("unshare", "--map-root-user", "--mount", "sh", "-c", mount, "sh")
        try:
            subprocess.run([*self.wrapped_in, "true"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("this system lets nobody mount in a namespace")

    @contextmanager
    def full(self, pid: int) -> Iterator[None]:
        filler = Path(f"/proc/{pid}/root{self.folder}/filler")
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(b"x" * _SMALLEST):
                    pass
            except OSError:
                pass  # it is full
        try:
            yield
        finally:
            filler.unlink(missing_ok=True)  # the server took it along, if it has ended


class LimitedFiles:
    """
    Any disk, for a server that is told that its files must not grow: what it tries fails as EFBIG.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wrapped_in: Sequence[str] = ()

    @contextmanager
    def full(self, pid: int) -> Iterator[None]:
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (_SMALLEST, before[1]))
        try:
            yield
        finally:
            with suppress(ProcessLookupError):  # the server has ended
                resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
