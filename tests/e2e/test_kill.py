"""
The server dies in the middle of things.
"""

import asyncio

from dalsegno.client import Client, RunEvent, RunStatus, events
from tests.e2e.service import Service


async def test_a_stream_outlives_a_server_that_is_killed(mortal: Service) -> None:
    """
    The goal: no event that was shown is lost or changed, and none is missing, whatever dies.
    The method: kill the server twice in the middle of a run, start it again over the same file,
    and compare what the loop saw with what the last server has stored.
    """
    seen: list[RunEvent] = []
    deaths = [25, 90]

    async with Client(mortal.address) as client:
        async for event in client.run_stream("counting", input_data=0):
            seen.append(event)
            if deaths and event.sequence >= deaths[0]:
                deaths.pop(0)
                mortal.kill()
                await asyncio.to_thread(mortal.start)
        stored = [event async for event in client.list_events(seen[0].run_id)]
        run = await client.get_run(seen[0].run_id)

    assert seen == stored
    assert [event.sequence for event in seen] == list(range(1, len(seen) + 1))
    assert [event.type for event in seen].count("run_restarted") == 2
    assert (run.status, run.result) == (RunStatus.SUCCESS, 60)
    done = [event.address for event in seen if isinstance(event, events.StepCompleted)]
    assert len(done) == len(set(done))


async def test_a_call_that_waits_outlives_a_server_that_is_killed(mortal: Service) -> None:
    async with Client(mortal.address) as client:
        await client.start_run("counting", input_data=0, run_id="r-1", request_id="once")
        call = asyncio.create_task(
            client.run("counting", input_data=0, run_id="r-1", request_id="once")
        )
        async for event in client.watch_run("r-1"):
            if event.sequence == 25:
                break
        assert not call.done()
        mortal.kill()
        await asyncio.to_thread(mortal.start)

        run = await call

    assert (run.run_id, run.status, run.result) == ("r-1", RunStatus.SUCCESS, 60)


async def test_a_suspended_run_is_answered_after_its_server_was_killed(mortal: Service) -> None:
    async with Client(mortal.address) as client:
        run = await client.run("asking", input_data=1)
        mortal.kill()
        await asyncio.to_thread(mortal.start)

        done = await client.resume(run.run_id, resume_data=True)

    assert (done.status, done.result) == (RunStatus.SUCCESS, 1)
