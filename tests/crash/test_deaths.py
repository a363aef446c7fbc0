"""
Bodies at the time of a death: what is done again, and who is to blame.
"""

import asyncio
import time
from collections import Counter
from pathlib import Path

import pytest

from dalsegno.client import Client, Patience, RunStatus
from tests.crash import ledger
from tests.crash.life import Life
from tests.crash.workflows import RESULTS

PATIENCE = Patience(connect_s=20.0, give_up_s=60.0, delay_max_s=0.1)


@pytest.mark.parametrize("death", [1, 2, 4, 6])
async def test_a_body_that_nothing_is_written_of_is_called_again_under_its_number(
    life: Life, tmp_path: Path, death: int
) -> None:
    """
    The goal: a body runs at least once, and its key tells it that it may be the second time.
    The method: die after a body has returned and before that is written; compare the ledgers.
    """
    with ledger.opened(tmp_path) as book:
        life.begin(f"body.after=kill@{death}")
        async with Client(life.address, patience=PATIENCE) as client:
            context = {ledger.CONTEXT_KEY: str(book.socket)}
            asked = asyncio.create_task(
                client.run("line", input_data=1, run_id="r", request_context=context)
            )
            await life.dies()
            life.begin()
            run = await asked
        life.stop()
        effects = book.effects()

    assert (run.status, run.result) == (RunStatus.SUCCESS, RESULTS["line"](1))
    calls = Counter((effect.address, effect.attempt) for effect in effects)
    told = {
        (address, attempt.number) for address, it in run.steps.items() for attempt in it.attempts
    }
    assert sorted(calls.values())[-2:] == [1, 2]
    assert calls.keys() == told - {("mapped", 1)}  # which keeps no ledger
    assert {effect.key for effect in effects} == {f"r/{effect.address}" for effect in effects}


@pytest.mark.slow
async def test_a_run_that_kills_its_server_each_time_fails_and_the_others_do_not(
    life: Life,
) -> None:
    """
    The goal: one lethal run does not take the service down for ever, nor others with it.
    The method: start servers until they stay alive; then all others have come to their ends.
    """
    life.begin()
    async with Client(life.address, patience=PATIENCE) as client:
        for number in range(6):
            workflow_id = list(RESULTS)[number % 3]
            await client.start_run(workflow_id, input_data=number, run_id=f"harmless-{number}")
        ended = asyncio.create_task(client.run("lethal", run_id="lethal"))
        deaths: list[float] = []
        reviving = asyncio.create_task(revive(life, deaths))
        lethal = await ended
        runs = [await client.wait_run(f"harmless-{number}") for number in range(6)]
        reviving.cancel()

    assert lethal.status is RunStatus.FAILED
    assert {run.status for run in runs} == {RunStatus.SUCCESS}
    assert [run.result for run in runs] == [RESULTS[it.workflow_id](it.input) for it in runs]
    assert len(deaths) == 11  # the first, and as often again as recoveries_max allows


async def revive(life: Life, deaths: list[float]) -> None:
    """
    Begin a new life after each death.
    """
    while True:
        await life.dies()
        deaths.append(time.monotonic())
        life.begin()
