"""
What tests need that `make setup` does not install: Go and Node.

Without it they are skipped, and say so in one line; in CI a missing one is a failure.
"""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def need_go() -> None:
    """
    Skip the test, or fail in CI, unless there is a Go that can build our modules.
    """
    _need("Go", ("go", "-C", str(ROOT / "clients" / "go"), "list", "-m"))


def need_node() -> None:
    """
    Skip the test, or fail in CI, unless there is a Node.js that our client supports.
    """
    is_old = "process.exit(+(parseInt(process.versions.node) < 20))"
    _need("Node.js 20 or newer", ("node", "-e", is_old))
    _need("npm", ("npm", "--version"))


@cache
def grpcurl() -> Path:
    """
    The grpcurl of `tools/grpcurl/go.mod`; Go builds it once and keeps it in its cache.
    """
    need_go()
    command = ("go", "-C", str(ROOT / "tools" / "grpcurl"), "tool", "-n", "grpcurl")
    return Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())


def _need(what: str, probe: tuple[str, ...]) -> None:
    if shutil.which(probe[0]):
        done = subprocess.run(probe, check=False, capture_output=True)
        if done.returncode == 0:
            return
    if os.environ.get("CI"):
        pytest.fail(f"there is no {what}, which CI must have", pytrace=False)
    pytest.skip(f"there is no {what}")
