"""
The measurements at sizes that say nothing, so that they still work when somebody measures.
"""

import asyncio
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import footprint, lineage, lists, memory, startup, streams, throughput, travel
from bench.__main__ import PARTS
from bench.findings import Findings

TINY = {
    "throughput": throughput.Sizes(callers=(1, 64), rounds=1, seconds=0.1),
    "travel": travel.Sizes(lengths=(2, 3), sequences_max=2, rounds=1, weighed=20),
    "footprint": footprint.Sizes(lengths=(2, 3), steps=3, large_runs=1),
    "streams": streams.Sizes(events=20, rounds=1, first_rounds=1),
    "lists": lists.Sizes(few=500, many=2_000, rounds=1),
    "startup": startup.Sizes(suspended=2, rounds=1),
    "memory": memory.Sizes(watchers=4, runs=4),
    "lineage": lineage.Sizes(depths=(1, 2), rounds=1),
}


@pytest.mark.slow
@pytest.mark.timeout(150)  # it starts a score of processes
async def test_every_part_measures_and_shows_what_it_found(tmp_path: Path) -> None:
    async def measure(part: str) -> Findings:
        folder = tmp_path / part
        folder.mkdir()
        return await PARTS[part](folder, TINY[part])

    # All at once: most of the time is the start of their servers.
    found = await asyncio.gather(*map(measure, PARTS))

    for findings in found:
        assert json.loads(json.dumps(findings.figures))
        for table in findings.tables:
            assert {len(row) for row in table.rows} == {len(table.columns)}
        for picture in findings.pictures.values():
            assert ET.fromstring(picture).tag.endswith("svg")
    assert sum(len(findings.bars) for findings in found) >= 8
