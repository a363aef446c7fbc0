"""
Requests that come five times, over a line that loses their answers.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from dalsegno.client import Client, Patience, Run, RunStatus
from dalsegno.client.errors import RequestIdReused
from tests.crash.life import Life
from tests.crash.proxy import LossyProxy

SEED = 7
REQUESTS = 60
TIMES = 5
LOST_SHARE = 0.3
CLIENTS = 6  # each has a connection of its own, and all its calls are lost together
PATIENCE = Patience(connect_s=60.0, give_up_s=60.0, delay_max_s=0.2)

Ask = Callable[[Client, int], Awaitable[Run]]

CALLS: dict[str, Ask] = {
    "start": lambda client, n: client.start_run("brief", input_data=n, request_id=f"s-{n}"),
    "travel": lambda client, n: client.time_travel("done", "tell", request_id=f"t-{n}"),
    "resume": lambda client, n: client.resume(
        f"asking-{n}", step="ask", resume_data=True, request_id=f"r-{n}"
    ),
}


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", CALLS)
async def test_requests_take_effect_once_however_often_they_come(life: Life, name: str) -> None:
    """
    The goal: a caller who heard nothing may ask again, and never does anything twice.
    The method: five callers send each request at once, through a proxy that loses 3 in 10 answers.
    """
    ask = CALLS[name]
    life.begin()
    async with Client(life.address) as direct:
        await direct.run("brief", input_data=1, run_id="done")
        if name == "resume":
            await asyncio.gather(
                *(direct.run("asks", input_data=n, run_id=f"asking-{n}") for n in range(REQUESTS))
            )
        before = {run.run_id async for run in direct.list_runs()}

        lossy = LossyProxy(life.address, LOST_SHARE, random.Random(SEED))
        async with lossy.listening() as proxy:
            answered = await ask_all(proxy, ask)

        new = {run.run_id async for run in direct.list_runs()} - before
        assert proxy.lost > REQUESTS / 10, "it was no test"
        assert all(len(set(run_ids)) == 1 for run_ids in answered), f"seed {SEED}: {answered}"
        assert len({run_ids[0] for run_ids in answered}) == REQUESTS
        assert len(new) == (0 if name == "resume" else REQUESTS), f"seed {SEED}"
        await check_runs(direct, name, new)
        await check_reuse(direct)
    life.stop()


async def ask_all(proxy: LossyProxy, ask: Ask) -> list[list[str]]:
    """
    Send each request several times at once; the ids that each time was answered with.
    """
    clients = [Client(proxy.address, patience=PATIENCE) for _ in range(CLIENTS)]
    try:
        runs = await asyncio.gather(
            *(
                ask(clients[(number + time) % CLIENTS], number)
                for number in range(REQUESTS)
                for time in range(TIMES)
            )
        )
    finally:
        for client in clients:
            await client.close()
    ids = [run.run_id for run in runs]
    return [ids[first : first + TIMES] for first in range(0, len(ids), TIMES)]


async def check_runs(client: Client, name: str, new: set[str]) -> None:
    """
    What the requests asked for has happened, once.
    """
    for run_id in new:
        assert (await client.wait_run(run_id)).status is RunStatus.SUCCESS
    for number in range(REQUESTS if name == "resume" else 0):
        told = [event.type async for event in client.list_events(f"asking-{number}")]
        assert told.count("run_resumed") == 1


async def check_reuse(client: Client) -> None:
    """
    The id of a request that was accepted is refused with another body, and nothing is written.
    """
    await client.start_run("brief", input_data=1, request_id="mine")
    before = [run.run_id async for run in client.list_runs()]
    with pytest.raises(RequestIdReused):
        await client.start_run("brief", input_data=2, request_id="mine")
    assert [run.run_id async for run in client.list_runs()] == before
