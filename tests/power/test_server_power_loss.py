"""
The power fails under a whole server.

The goal: what a client was told is there, and the runs go on from it. The method: clients drive a
real server with its default settings, whose disk calls are recorded, and put a mark behind each
answer and each event they see; then as in `test_power_loss`.
"""

import asyncio
import random
from pathlib import Path

import pytest

from dalsegno.client import Client, RunStatus
from tests.e2e.service import Service
from tests.faults import shims
from tests.faults.recording import Call, Done, Marker, read
from tests.power.looking import STATES, assert_complete, look, tell
from tests.power.states import State, states

RUNS = 30
WORKFLOWS = ("counting", "counting", "echoes", "asking", "asking_twice")
INPUTS = {"counting": 0, "echoes": list(range(30)), "asking": 1, "asking_twice": 2}

pytestmark = pytest.mark.timeout(60 + STATES // 50)


async def drive(address: str, marker: Marker) -> None:
    """
    Start runs, watch them, answer those that ask, and remove some; mark what was seen.
    """

    async def live_with(client: Client, number: int) -> None:
        workflow = WORKFLOWS[number % len(WORKFLOWS)]
        run_id = f"run-{number}"
        async for event in client.run_stream(workflow, run_id=run_id, input_data=INPUTS[workflow]):
            marker.mark(wrote=run_id, sequence=event.sequence)
        if workflow == "asking":
            run = await client.resume(run_id, resume_data=True)
            marker.mark(wrote=run_id, sequence=run.newest_sequence)
        if workflow == "echoes":
            marker.mark(deleting=run_id)
            await client.delete_run(run_id)
            marker.mark(deleted=run_id)

    async with Client(address) as client:
        await asyncio.gather(*(live_with(client, number) for number in range(RUNS)))


@pytest.fixture(scope="module")
async def calls(recorder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Done]:
    """
    What a server did to its disk, and what its clients were told meanwhile.
    """
    folder = tmp_path_factory.mktemp("server")
    recording = folder / "recording"
    service = Service(folder / "runs.db")
    with pytest.MonkeyPatch.context() as environment:
        for name, value in shims.recorded(recorder, service.db, recording).items():
            environment.setenv(name, value)
        await asyncio.to_thread(service.start)
    marker = Marker(recording)
    marker.mark(opened=True)
    try:
        await drive(service.address, marker)
    finally:
        marker.close()
        service.kill()
    made = list(read(recording))
    assert_complete(made, service.db)
    return made


async def test_what_clients_were_told_survives_a_power_failure(
    calls: list[Done], in_memory: Path, seed: int
) -> None:
    found = await asyncio.to_thread(
        look, calls, in_memory / "runs.db", count=STATES // 4, seed=seed, is_uniform=False
    )

    tell("a server", calls, found)
    assert not found.broken, found.broken[:5]


async def test_a_server_goes_on_from_what_the_power_left(
    calls: list[Done], tmp_path: Path, seed: int
) -> None:
    service = Service(tmp_path / "after" / "runs.db")
    service.db.parent.mkdir()
    state = one_of(calls, seed)
    state.write(service.db)
    newest = dict(state.told.newest)

    await asyncio.to_thread(service.start)
    try:
        async with Client(service.address) as client:
            for run_id, sequence in newest.items():
                events = [event async for event in client.watch_run(run_id)]
                run = await client.get_run(run_id)

                assert [event.sequence for event in events] == list(range(1, len(events) + 1))
                assert len(events) >= sequence, f"POWER_SEED={seed}, {state}"
                assert run.status in (RunStatus.SUCCESS, RunStatus.SUSPENDED)
    finally:
        assert service.stop() == 0


def one_of(calls: list[Done], seed: int) -> State:
    """
    A state in the middle of it all.
    """
    told = sum(done.call is Call.MARK for done in calls)
    moments = [moment for moment, done in enumerate(calls) if done.call is Call.MARK]
    until = calls[: moments[told // 2] + random.Random(seed).randrange(100)]
    *_, last = states(until, count=30, seed=seed)
    return last
