"""
The power fails while the store writes.

The goal: nothing acknowledged is lost, and nothing is there by half, whatever the disk made of
what was not synced. The method: a program drives the store while a preloaded library records
writes and syncs; from the recording come thousands of disks as a power failure may leave them, and
each is read. The same with `synchronous = NORMAL` must find losses: it shows that the test can.
"""

import logging
import os
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

from dalsegno.store.contract import RunFilter
from tests.faults import shims
from tests.faults.disk import Loss
from tests.faults.recording import Done, read
from tests.power.author import EVENTS, payload
from tests.power.looking import STATES, assert_complete, look, tell
from tests.power.states import states
from tests.power.told import Told
from tests.store.conftest import opened_sqlite
from tests.store.samples import Pen, new_run, told

ROOT = Path(__file__).parents[2]
# So that a small database has many checkpoints; what is safe does not depend on it.
OFTEN = "wal_autocheckpoint = 60"

pytestmark = pytest.mark.timeout(60 + STATES // 50)


def written(recorder: Path, folder: Path, seed: int, *pragmas: str) -> list[Done]:
    """
    All that the workload did to its disk.
    """
    database, recording = folder / "runs.db", folder / "recording"
    subprocess.run(
        [sys.executable, "-m", "tests.power.workload", database, recording, str(seed), *pragmas],
        cwd=ROOT,
        env={**os.environ, **shims.recorded(recorder, database, recording)},
        stderr=subprocess.DEVNULL,
        check=True,
        timeout=50,
    )
    calls = list(read(recording))
    assert_complete(calls, database)
    return calls


def test_a_power_failure_takes_nothing_that_was_acknowledged(
    recorder: Path, tmp_path: Path, in_memory: Path, seed: int
) -> None:
    calls = written(recorder, tmp_path, seed, OFTEN)

    found = look(calls, in_memory / "runs.db", count=STATES * 3 // 4, seed=seed)

    tell("the store", calls, found)
    assert not found.broken, found.broken[:5]
    # With everything dropped there is one state per sync, however many are asked for.
    assert all(found.looked_at[loss] > min(STATES // 40, 100) for loss in Loss)


def test_a_store_that_does_not_wait_for_the_disk_loses_what_it_acknowledged(
    recorder: Path, tmp_path: Path, in_memory: Path, seed: int
) -> None:
    calls = written(recorder, tmp_path, seed, OFTEN, "synchronous = NORMAL")

    found = look(calls, in_memory / "runs.db", count=STATES // 10, seed=seed)

    tell("the store with synchronous = NORMAL", calls, found)
    assert len(found.broken) > found.states // 50


async def test_the_store_opens_whatever_the_power_left_and_goes_on(
    recorder: Path,
    tmp_path: Path,
    in_memory: Path,
    seed: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR, "dalsegno.store")  # its warning, at every opening, is not news
    calls = written(recorder, tmp_path, seed, OFTEN)
    while_it_is_made = states(calls[:100], count=60, seed=seed)
    later = states(calls, count=STATES // 40, seed=seed)

    for state in chain(while_it_is_made, later):
        state.write(in_memory / "runs.db")
        try:
            await go_on(in_memory / "runs.db", state.told)
        except Exception as problem:
            raise AssertionError(f"POWER_SEED={seed}, {state}") from problem


async def go_on(database: Path, promised: Told) -> None:
    """
    Read every run as the engine would, and write another one.
    """
    async with opened_sqlite(database) as store:
        runs = await store.list_runs(RunFilter(), after=None, limit=1000)
        newest = {run.run_id: run.newest_sequence for run in runs}
        assert (
            promised.newest.items()
            <= {
                run_id: min(newest.get(run_id, 0), told) for run_id, told in promised.newest.items()
            }.items()
        )
        for run in runs:
            events = await store.events(run.run_id, after=0, limit=1000)
            assert [event.sequence for event in events] == list(range(1, run.newest_sequence + 1))
            for event in events:
                assert event.payload is not None
                size = len(event.payload.json) - len(payload(run.run_id, event.sequence, 0).json)
                assert event.payload.json == payload(run.run_id, event.sequence, size).json
            steps = await store.steps(run.run_id, after_sequence=0, after_address="", limit=1000)
            assert len(steps) == run.newest_sequence // EVENTS + 1
        await Pen(store, new_run("afterwards")).write(told())
        assert len(await store.events("afterwards", after=0, limit=9)) == 1
