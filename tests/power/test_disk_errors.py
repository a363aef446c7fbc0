"""
Calls to the disk fail: it is full, or broken, for a while.

The goal: no write is acknowledged that was not kept, the store works again when its disk does, and
a sync that failed is not trusted: what it should have written may never reach the disk, whatever
later ones say. The method: a program drives the store while the nth call of a kind fails, and goes
on until all is written; from what it did to the disk come the disks that a power failure at any
moment may leave, on which what a failed sync covered is missing at random.
"""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults import shims
from tests.faults.recording import read
from tests.power.looking import STATES, assert_complete, look
from tests.power.told import Told
from tests.power.verdict import broken

_log = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]
ROUNDS = STATES // 30
STATES_PER_ROUND = 25

pytestmark = pytest.mark.timeout(60 + STATES // 10)


@pytest.fixture
def rounds(recorder: Path, in_memory: Path, tmp_path: Path, seed: int) -> list[Any]:
    """
    What each round said, the one in which calls failed now and then first.
    """
    arguments = map(str, (in_memory, tmp_path, seed, ROUNDS))
    done = subprocess.run(
        [sys.executable, "-m", "tests.power.troubled", *arguments],
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
    rounds: list[Any], in_memory: Path, tmp_path: Path, seed: int
) -> None:
    states = 0
    for said in rounds:
        database = in_memory / str(said["round"]) / "runs.db"
        calls = list(read(tmp_path / str(said["round"])))
        assert_complete(calls, database)

        count = STATES_PER_ROUND * (1 if said["round"] else 10)
        found = look(calls, in_memory / "states.db", count=count, seed=seed)
        states += found.states

        assert not found.broken, (said, found.broken[:5])
        assert not broken(database, Told.after(calls), is_uniform=True), (seed, said)
    failed = {
        what: sum(said.get(f"failed_{what}", 0) for said in rounds)
        for what in ("calls", "writes", "openings")
    }
    _log.info("%d rounds, failed: %s; %d states, none broken", len(rounds), failed, states)
    assert all(failed.values())
    assert sum(bool(said["failed_calls"]) for said in rounds) > ROUNDS // 2
