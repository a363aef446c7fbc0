"""
The short form of the crash suite; `make test-crash` is the long one.
"""

from pathlib import Path

import pytest

from tests.crash.suite import Plan, run

SEED = 20_261_121


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_nothing_is_lost_when_a_server_is_killed_at_random(tmp_path: Path) -> None:
    """
    The goal: whatever was acknowledged, shown or done survives any death of the server.
    The method: kill a server under load at random moments and at failpoints, start it again, and
    compare what bodies did and what clients were told with what is stored in the end.
    """
    report = await run(Plan(SEED, kills=8, runs=30, watchers=8), tmp_path)

    assert not report.findings.counts, f"seed {SEED}:\n{report.findings.story}"
    assert report.figures["by_failpoint"] > 0
    assert report.figures["success"] >= 30
