"""
Our side of the comparison with peers. They are not installed here, so they are not asked.
"""

import asyncio
from pathlib import Path

import pytest

from bench.peers.process import Contender, Facts, ours, running, stored


@pytest.mark.slow
async def test_ours_answer_all_that_contenders_are_asked(tmp_path: Path) -> None:
    grpc, in_process = await asyncio.gather(*(_ask_all(item, tmp_path) for item in ours()))

    assert grpc["keeps_source"]
    assert in_process["keeps_source"]
    assert (in_process["journal_mode"], in_process["synchronous"]) == ("wal", 2)


@pytest.mark.slow
async def test_what_a_contender_cannot_do_is_an_error(tmp_path: Path) -> None:
    _, in_process = ours()

    async with running(in_process, tmp_path) as asked:
        with pytest.raises(RuntimeError, match=r"Dal Segno, in process: fill .*numbers_7"):
            await asked.ask("fill", runs=1, steps=7, text=None)


async def _ask_all(contender: Contender, folder: Path) -> Facts:
    async with running(contender, folder) as asked:
        before = stored(await asked.place())
        await asked.ask("fill", runs=1, steps=100, text="abc" * 300)
        await asked.ask("source", steps=10)
        travels = await asked.ask("travel", steps=10, times=2)
        rate = await asked.ask("rate", callers=2, seconds=0.1)
        after = stored(await asked.place())

        assert len(travels["ms"]) == 2
        assert rate["per_s"] > 0
        assert after.bytes > before.bytes
        return await asked.facts(connections=1)
