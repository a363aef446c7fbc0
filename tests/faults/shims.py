"""
Small C libraries that a child process is started with, and that come between it and the system.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_SOURCES = Path(__file__).parent


def build(name: str, folder: Path) -> Path:
    """
    Compile one of the libraries beside this file.

    Where that cannot be, the test is skipped and says why; but not on CI, where nobody would see.
    """
    compiler = shutil.which("cc")
    if sys.platform != "linux" or compiler is None:
        why = "there is no C compiler" if sys.platform == "linux" else "LD_PRELOAD is Linux's"
        assert not os.environ.get("CI"), why
        pytest.skip(why)
    library = folder / f"{name}.so"
    flags = ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread"]
    source = _SOURCES / f"{name}.c"
    subprocess.run([compiler, *flags, "-o", library, source], check=True, timeout=50)
    return library


def preloaded(library: Path) -> dict[str, str]:
    """
    What the environment of a process must hold so that it begins with the library.
    """
    return {"LD_PRELOAD": str(library)}


def recorded(library: Path, database: Path, recording: Path) -> dict[str, str]:
    """
    Likewise, so that it also records what it does to a database.
    """
    return {
        **preloaded(library),
        "DISK_DATABASE": str(database.resolve()),
        "DISK_RECORDING": str(recording),
    }
