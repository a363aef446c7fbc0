"""
The languages there are clients for: their samples, and the program `tell` in each.

`tell` prints the events of a run as they come; `programs/tell.py` says how it is called.
"""

import fcntl
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.toolchains import ROOT, need_go, need_node

SAMPLES = ("basic", "approval", "time_travel", "watch")

_PROGRAMS = ROOT / "tests" / "e2e" / "programs"
_GO = ROOT / "clients" / "go"
_TYPESCRIPT = ROOT / "clients" / "typescript"


@dataclass(frozen=True)
class Language:
    """
    Attributes:
        tell: The command that `tell` is, without its arguments.
    """

    tell: tuple[str, ...]
    sample: Callable[[str], tuple[str, ...]]


def python(_: Path) -> Language:
    return Language(
        tell=(sys.executable, str(_PROGRAMS / "tell.py")),
        sample=lambda name: (sys.executable, "-m", f"examples.samples.{name}"),
    )


def go(folder: Path) -> Language:
    """
    Builds everything into the folder, unless that was done.
    """
    need_go()
    out = folder / "go"
    tell = str(_PROGRAMS / "tell.go")

    def build() -> None:
        out.mkdir()
        for packages in (["./samples/..."], [tell]):
            _execute("go", "build", "-o", f"{out}/", *packages, cwd=_GO)

    _once(folder / "go.lock", build)
    return Language(tell=(str(out / "tell"),), sample=lambda name: (str(out / name),))


def typescript(folder: Path) -> Language:
    """
    Builds the client into `dist` and the samples into `build`, beside their sources.
    """
    need_node()
    _once(folder / "typescript.lock", lambda: _execute("bash", "tools/build.sh", cwd=_TYPESCRIPT))
    built = _TYPESCRIPT / "build" / "samples"
    return Language(
        tell=("node", str(_PROGRAMS / "tell.mjs")),
        sample=lambda name: ("node", str(built / f"{name}.js")),
    )


LANGUAGES = {"python": python, "go": go, "typescript": typescript}


def _once(lock: Path, build: Callable[[], None]) -> None:
    """
    Build in one process, while others that share the tests wait.
    """
    with lock.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        if not file.read():
            build()
            file.write("built")


def _execute(*command: str, cwd: Path) -> None:
    done = subprocess.run(
        command,
        cwd=cwd,
        check=False,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout
