"""
The demo, as `make demo` starts it, in a folder of its own.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.service import ROOT


@pytest.mark.slow
def test_the_demo_tells_its_story_and_ends_well_without_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")

    demo = subprocess.run(
        [sys.executable, "-m", "examples.orders.demo"],
        cwd=tmp_path,
        env={**os.environ, "DEMO_EXIT": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )

    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "replay: order-1001-again" in demo.stdout
    assert "grpcurl -plaintext" in demo.stdout
