"""
Calls to the disk fail: it is full, or broken, for a while.

The goal: no write is acknowledged that was not kept, the store works again when its disk does, and
a sync that failed is not trusted: what it should have written may never reach the disk, whatever
later ones say. The method: a program drives the store while the nth call of a kind fails, and goes
on until all is written; from what it did to the disk come the disks that a power failure at any
moment may leave, on which what a failed sync covered is missing at random.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults import shims
from tests.faults.recording import read
from tests.power.looking import STATES, assert_complete, look, tell
from tests.power.told import Told
from tests.power.verdict import broken

ROOT = Path(__file__).parents[2]
ROUNDS = STATES // 30
STATES_PER_ROUND = 25

pytestmark = pytest.mark.timeout(60 + STATES // 10)


@pytest.fixture
def rounds(recorder: Path, in_memory: Path, seed: int) -> list[Any]:
    """
    What each round said, the one in which calls failed now and then first.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.power.troubled", str(in_memory), str(seed), str(ROUNDS)],
        cwd=ROOT,
        env={**os.environ, **shims.preloaded(recorder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=40 + STATES // 10,
    )
    assert done.returncode == 0, f"POWER_SEED={seed}: {done.stderr[-3000:]}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_calls_that_fail_cost_nothing_that_was_acknowledged(
    rounds: list[Any], in_memory: Path, seed: int
) -> None:
    for said in rounds:
        folder = in_memory / str(said["round"])
        calls = list(read(folder / "recording"))
        assert_complete(calls, folder / "runs.db")

        count = STATES_PER_ROUND * (1 if said["round"] else 10)
        found = look(calls, in_memory / "states.db", count=count, seed=seed)
        if said["round"] == 0:
            tell("calls that fail now and then", calls, found)

        assert not found.broken, (said, found.broken[:5])
        assert not broken(folder / "runs.db", Told.after(calls), is_uniform=True), (seed, said)
    assert sum(bool(said["failed_calls"]) for said in rounds) > ROUNDS // 2
    assert any(said["failed_writes"] for said in rounds)
    assert any(said.get("failed_openings") for said in rounds)
