"""
Streams keep their guarantees at every cursor, at every seam, and however often they are left.
"""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio

from dalsegno.v1 import run_service_pb2 as pb
from dalsegno.v1.event_pb2 import RunEvent
from dalsegno.v1.payload_pb2 import Payload
from tests.rpc.refused import refused
from tests.streams.assembled import EXACT, Assembled, assembled
from tests.streams.guarantees import (
    GUARANTEES,
    Transcript,
    Validator,
    atomic,
    bookmarkable,
    check,
    complete,
    ordered,
    read,
    reliable,
    resumable,
    unique,
)

_OK = grpc.StatusCode.OK
_CURSOR_MAX = 2**63 - 1


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest_asyncio.fixture
async def server(db: Path) -> AsyncIterator[Assembled]:
    """
    Heartbeats come whenever a stream has nothing better to do.
    """
    async with assembled(db, heartbeat_s=0.002) as server:
        yield server


async def log_of(server: Assembled, run_id: str) -> list[RunEvent]:
    events: list[RunEvent] = []
    token = ""
    while True:
        request = pb.ListEventsRequest(run_id=run_id, page_size=1000, page_token=token)
        page = await server.runs.ListEvents(request, metadata=EXACT)
        events += page.events
        token = page.next_page_token
        if not token:
            return events


def stored_newest(db: Path, run_id: str) -> Callable[[], int]:
    """
    What another connection to the database sees of a run: all that is committed, and no more.
    """
    connection = sqlite3.connect(f"file:{db}?mode=ro", uri=True)

    def newest() -> int:
        query = "SELECT newest_sequence FROM runs WHERE run_id = ?"
        return int(connection.execute(query, [run_id]).fetchone()[0])

    return newest


# Validators that cannot fail would prove nothing.

LOG = [
    RunEvent(run_id="r", sequence=1, run_started={}),
    RunEvent(run_id="r", sequence=2, step_started={"attempt": 1}, address="a"),
    RunEvent(run_id="r", sequence=3, step_completed={}, address="a"),
    RunEvent(run_id="r", sequence=4, run_completed={}),
]
HEARTBEAT = RunEvent(run_id="r", heartbeat={})
AHEAD = RunEvent(run_id="r", sequence=3, heartbeat={})
OTHER = RunEvent(run_id="r", sequence=2, step_started={"attempt": 2}, address="a")

BROKEN: list[tuple[Validator, Transcript]] = [
    (ordered, Transcript(0, [LOG[1], LOG[0]])),
    (unique, Transcript(0, [LOG[0], LOG[0]])),
    (reliable, Transcript(0, [LOG[0], LOG[2]])),
    (atomic, Transcript(0, [LOG[0], OTHER])),
    (atomic, Transcript(0, LOG[:2], stored=[1, 1])),
    (resumable, Transcript(1, LOG[:2])),
    (resumable, Transcript(1, LOG[2:])),
    (bookmarkable, Transcript(0, [LOG[0], AHEAD, LOG[1]])),
    (bookmarkable, Transcript(0, [LOG[0], HEARTBEAT, LOG[2]])),
    (complete, Transcript(0, LOG[:3], code=_OK)),
]


@pytest.mark.parametrize(("guarantee", "transcript"), BROKEN)
def test_a_stream_that_breaks_a_guarantee_is_caught(
    guarantee: Validator, transcript: Transcript
) -> None:
    with pytest.raises(AssertionError):
        guarantee(transcript, LOG)


def test_a_stream_that_keeps_them_is_not() -> None:
    messages = [HEARTBEAT, *LOG[:2], HEARTBEAT, *LOG[2:]]
    check(Transcript(0, messages, [1, 3, 3, 4], _OK), LOG)
    assert {validator for validator, _ in BROKEN} == set(GUARANTEES)


# Cursors.


async def test_from_every_cursor_a_stream_brings_exactly_the_rest(server: Assembled) -> None:
    await server.run("ticking", b"[1, 2, 3]", run_id="r")
    log = await log_of(server, "r")

    for after in range(len(log) + 1):
        for follow in (False, True):
            transcript = await read(server.watch("r", after, follow=follow), after)
            check(transcript, log)
            assert transcript.code is _OK


@pytest.mark.parametrize("ahead", [1, 1_000_000, None])
@pytest.mark.parametrize("follow", [False, True])
async def test_a_cursor_in_the_future_is_refused_and_told_the_newest(
    server: Assembled, ahead: int | None, follow: bool
) -> None:
    for workflow_id, newest in (("echo", 4), ("asking", 4)):
        await server.run(workflow_id, run_id=workflow_id)
        after = _CURSOR_MAX if ahead is None else newest + ahead
        with refused() as refusal:
            await server.watch(workflow_id, after, follow=follow).read()

        assert (refusal.code, refusal.reason) == (
            grpc.StatusCode.OUT_OF_RANGE,
            "SEQUENCE_OUT_OF_RANGE",
        )
        assert refusal.metadata["newest"] == str(newest)


@pytest.mark.parametrize("after", [-1, -(2**63)])
async def test_a_cursor_below_nothing_is_refused(server: Assembled, after: int) -> None:
    await server.run("echo", run_id="r")
    with refused() as refusal:
        await server.watch("r", after).read()

    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "after_sequence" in refusal.violations


# The seam between the log and what is live.


async def test_streams_that_join_a_busy_run_see_no_seam(server: Assembled, db: Path) -> None:
    """
    The goal: whoever joins at any moment, near the newest event, gets all from there on, once.
    The method: as a run emits 600 events as fast as it can, sixty readers join one after the other
    at cursors that have just been seen, so that the log ends for each where the window begins.
    """
    chance = random.Random(7)
    text = Payload(json=b'{"count": 600}')
    await server.runs.StartRun(
        pb.StartRunRequest(workflow_id="emitting", run_id="r", input_data=text)
    )
    newest = stored_newest(db, "r")
    readers: list[asyncio.Task[Transcript]] = []
    async for answer in server.watch("r"):
        if answer.event.sequence % 10 == 0 and len(readers) < 60:
            after = max(0, answer.event.sequence - chance.randrange(3))
            reading = read(server.watch("r", after), after, newest)
            readers.append(asyncio.create_task(reading))
    transcripts = await asyncio.gather(*readers)
    log = await log_of(server, "r")

    assert len(transcripts) == 60
    assert len(log) == 604
    for transcript in transcripts:
        check(transcript, log)
        assert transcript.code is _OK


async def test_watches_that_join_with_each_step_of_a_run_see_no_seam(server: Assembled) -> None:
    """
    The same without gRPC, in the very turn of the event loop in which the run has moved.
    """
    items = Payload(json=f"{list(range(60))}".encode())
    await server.runs.StartRun(
        pb.StartRunRequest(workflow_id="ticking", run_id="r", input_data=items)
    )

    async def sequences(after: int) -> list[int]:
        watch = await server.engine.watch("r", after_sequence=after, follow=True, idle_s=30)
        return [event.sequence async for batch in watch for event in batch]

    watches = []
    lead = await server.engine.watch("r", after_sequence=0, follow=True, idle_s=30)
    async for batch in lead:
        cursors = (batch[-1].sequence, batch[0].sequence - 1)
        watches += [(after, asyncio.create_task(sequences(after))) for after in cursors]
    newest = (await log_of(server, "r"))[-1].sequence

    assert len(watches) > 100
    for after, watch in watches:
        assert await watch == list(range(after + 1, newest + 1))


# Leaving and coming back, suspensions, silence.


async def test_a_stream_may_be_left_after_each_event_and_joined_again(server: Assembled) -> None:
    items = Payload(json=b"[1, 2, 3, 4, 5, 6, 7, 8]")
    await server.runs.StartRun(
        pb.StartRunRequest(workflow_id="ticking", run_id="r", input_data=items)
    )
    seen: list[RunEvent] = []
    is_over = False
    while not is_over:
        stream = server.watch("r", len(seen))
        transcript = Transcript(len(seen))
        while True:
            answer: Any = await stream.read()
            is_over = answer is grpc.aio.EOF
            if is_over or answer.event.sequence:
                break
        if not is_over:
            transcript.messages.append(answer.event)
            seen += transcript.events
            stream.cancel()
    log = await log_of(server, "r")

    assert seen == log
    check(Transcript(0, seen, code=_OK), log)


async def test_following_leads_across_suspensions_to_the_end(server: Assembled) -> None:
    await server.run("asking_twice", run_id="r")
    following = asyncio.create_task(read(server.watch("r", follow=True), 0))
    parts: list[int] = []
    for _ in range(2):
        parts += (await read(server.watch("r", len(parts)), len(parts))).sequences
        await server.runs.Resume(pb.ResumeRequest(run_id="r", resume_data=Payload(json=b"1")))
    parts += (await read(server.watch("r", len(parts)), len(parts))).sequences
    transcript = await following
    log = await log_of(server, "r")

    check(transcript, log)
    assert transcript.code is _OK
    bodies = [event.WhichOneof("body") for event in transcript.events]
    assert bodies.count("run_suspended") == 2
    assert parts == transcript.sequences


async def test_heartbeats_of_a_busy_run_are_never_ahead(server: Assembled, db: Path) -> None:
    items = Payload(json=f"{list(range(30))}".encode())
    await server.runs.StartRun(
        pb.StartRunRequest(workflow_id="ticking", run_id="r", input_data=items)
    )
    newest = stored_newest(db, "r")
    transcripts = await asyncio.gather(*(read(server.watch("r"), 0, newest) for _ in range(5)))
    log = await log_of(server, "r")

    for transcript in transcripts:
        check(transcript, log)
        assert len(transcript.messages) > len(log), "there were heartbeats"
