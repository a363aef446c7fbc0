import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import grpc
import pytest

from dalsegno.client import Client, EventStream, Unavailable, errors
from dalsegno.client.events import RunCompleted, StepCompleted
from dalsegno.v1 import run_service_pb2 as pb
from tests.unit.client.conftest import QUICK
from tests.unit.client.scripted import HEARTBEAT, ScriptedRuns, Wire, event, refusal

WHOLE = [
    event(1, "run_started", input={"json": b"1"}, workflow_id="w", definition_hash="h"),
    event(2, "step_started", input={"json": b"1"}, attempt=1),
    event(3, "step_completed", output={"json": b"2"}),
    event(4, "run_completed", result={"json": b"2"}),
]
SUSPENDED = [*WHOLE[:2], event(3, "run_suspended", addresses=["a"])]
RESUMED = [event(4, "run_resumed", addresses=["a"]), event(5, "run_suspended", addresses=["b"])]


async def read(
    stream: EventStream,
    seen: list[int] | None = None,
    *,
    at: int = 0,
    then: Callable[[], Awaitable[None]] | None = None,
) -> list[int]:
    """
    The sequences a stream brings. *then* happens in the loop, at the event numbered *at*.
    """
    seen = [] if seen is None else seen
    async for got in stream:
        seen.append(got.sequence)
        if then is not None and got.sequence == at:
            await then()
    return seen


async def test_a_stream_brings_every_event_with_its_values_and_ends(
    client: Client, runs: ScriptedRuns
) -> None:
    await runs.tell(*WHOLE)

    events = [event async for event in client.run_stream("w", input_data=1)]

    assert [event.sequence for event in events] == [1, 2, 3, 4]
    match events[2:]:
        case [StepCompleted(address="a", output=2), RunCompleted(address="", result=2)]:
            pass
        case other:
            pytest.fail(f"{other}")
    assert runs.metadata["dalsegno-payload-form"] == "json"


@pytest.mark.parametrize("last", [1, 2, 3])
async def test_a_stream_goes_on_after_the_last_event_when_its_connection_is_cut(
    client: Client, runs: ScriptedRuns, wire: Wire, last: int
) -> None:
    await runs.tell(*WHOLE[:last])

    async def cut() -> None:
        wire.cut()
        await runs.tell(*WHOLE[last:])

    assert await read(client.run_stream("w"), at=last, then=cut) == [1, 2, 3, 4]
    assert runs.requests[1] == pb.WatchRunRequest(run_id="r-1", after_sequence=last)


@pytest.mark.parametrize(
    "failure",
    [
        (grpc.StatusCode.UNAVAILABLE, "away"),
        (grpc.StatusCode.CANCELLED, "away"),
        (grpc.StatusCode.INTERNAL, "Received RST_STREAM with error code 2"),
    ],
    ids=lambda failure: failure[0].name,
)
async def test_a_call_that_fails_before_its_first_event_is_repeated_with_its_request_id(
    client: Client, runs: ScriptedRuns, failure: tuple[grpc.StatusCode, str]
) -> None:
    await runs.tell(*WHOLE)
    runs.failures = [failure, refusal(grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")]

    assert await read(client.run_stream("w", input_data=None)) == [1, 2, 3, 4]

    first, *others = runs.requests
    assert first.request_id
    assert first.input_data.json == b"null"
    assert others == [first, first]


async def test_a_resumed_stream_that_was_cut_ends_where_it_would_have_ended(
    client: Client, runs: ScriptedRuns, wire: Wire
) -> None:
    """
    The goal: losing the connection does not change what a stream brings.
    The method: cut it before the run is suspended again, and let somebody else resume the run
    before the stream is back. WatchRun then goes on beyond the end of this resumption.
    """
    await runs.tell(*SUSPENDED, RESUMED[0])

    async def cut() -> None:
        wire.cut()
        await runs.tell(RESUMED[1], event(6, "run_resumed"), event(7, "run_completed"))

    stream = client.resume_stream("r-1", step="a", resume_data=False)
    assert await read(stream, at=4, then=cut) == [4, 5]
    assert [type(r) for r in runs.requests] == [pb.ResumeStreamRequest, pb.WatchRunRequest]


async def test_a_stream_that_has_told_of_the_end_needs_no_other_call(
    client: Client, runs: ScriptedRuns
) -> None:
    await runs.tell(*SUSPENDED)
    runs.breaks_at_end = True

    assert await read(client.run_stream("w")) == [1, 2, 3]
    assert len(runs.requests) == 1


async def test_a_stream_that_follows_stays_open_while_the_run_is_suspended(
    client: Client, runs: ScriptedRuns, wire: Wire
) -> None:
    await runs.tell(*SUSPENDED)

    async def cut() -> None:
        wire.cut()
        await runs.tell(RESUMED[0], event(5, "run_completed"))

    stream = client.run_stream("w", follow=True)
    assert await read(stream, at=3, then=cut) == [1, 2, 3, 4, 5]
    assert runs.requests[1].follow


async def test_events_that_come_twice_are_delivered_once_and_heartbeats_never(
    client: Client, runs: ScriptedRuns
) -> None:
    await runs.tell(*WHOLE)
    runs.extra = [HEARTBEAT, WHOLE[0], WHOLE[1]]

    assert await read(client.watch_run("r-1")) == [1, 2, 3, 4]
    assert await read(client.watch_run("r-1", after_sequence=2)) == [3, 4]


async def test_a_heartbeat_before_the_first_event_of_a_resumption_is_none(
    client: Client, runs: ScriptedRuns
) -> None:
    await runs.tell(*SUSPENDED, *RESUMED)
    runs.extra = [HEARTBEAT]

    assert await read(client.resume_stream("r-1", resume_data=1)) == [4, 5]


async def test_a_gap_is_refused(client: Client, runs: ScriptedRuns) -> None:
    await runs.tell(WHOLE[0], *WHOLE[2:])
    seen: list[int] = []

    with pytest.raises(errors.EventGap, match="event 3 of run 'r-1' came after 1"):
        await read(client.watch_run("r-1"), seen)

    assert seen == [1]
    await runs.until(open_streams=0)


async def test_a_silent_connection_is_replaced(runs: ScriptedRuns, wire: Wire) -> None:
    await runs.tell(*WHOLE[:2])
    patience = replace(QUICK, silence_s=0.2)

    async def fall_silent() -> None:
        wire.silence()
        await runs.tell(*WHOLE[2:])

    async with Client(f"127.0.0.1:{wire.port}", patience=patience) as client:
        assert await read(client.watch_run("r-1"), at=2, then=fall_silent) == [1, 2, 3, 4]


async def test_heartbeats_keep_an_idle_stream_from_being_replaced(
    runs: ScriptedRuns, wire: Wire
) -> None:
    await runs.tell(*WHOLE[:1])
    patience = replace(QUICK, silence_s=0.2)

    async with Client(f"127.0.0.1:{wire.port}", patience=patience) as client:
        stream = client.watch_run("r-1")
        assert (await anext(stream)).sequence == 1
        rest = asyncio.create_task(read(stream))
        for _ in range(8):
            await asyncio.sleep(0.05)
            await runs.beat()
        await runs.tell(*WHOLE[1:])
        assert await rest == [2, 3, 4]

    assert len(runs.requests) == 1


async def test_a_server_that_stays_away_is_given_up_and_the_stream_can_go_on_later(
    runs: ScriptedRuns, wire: Wire
) -> None:
    await runs.tell(*WHOLE[:2])
    patience = replace(QUICK, give_up_s=0.3)
    seen: list[int] = []

    async def refuse() -> None:
        wire.refuse()

    async with Client(f"127.0.0.1:{wire.port}", patience=patience) as client:
        stream = client.watch_run("r-1")
        with pytest.raises(Unavailable):
            await read(stream, seen, at=2, then=refuse)
        await runs.tell(*WHOLE[2:])
        await wire.listen()
        await read(stream, seen)

    assert seen == [1, 2, 3, 4]


async def test_a_server_that_never_answered_is_waited_for_as_long_as_asked(wire: Wire) -> None:
    wire.refuse()

    patience = replace(QUICK, connect_s=0.0, give_up_s=60.0)
    async with Client(f"127.0.0.1:{wire.port}", patience=patience) as client:
        with pytest.raises(Unavailable, match="Connection refused"):
            await anext(client.run_stream("w"))


async def test_a_refusal_is_raised_typed_and_not_repeated(
    client: Client, runs: ScriptedRuns
) -> None:
    runs.failures = [refusal(grpc.StatusCode.NOT_FOUND, "WORKFLOW_NOT_FOUND", workflow_id="w")]

    with pytest.raises(errors.WorkflowNotFound) as caught:
        await anext(client.run_stream("w"))

    assert caught.value.metadata == {"workflow_id": "w"}
    assert len(runs.requests) == 1


async def test_a_bug_of_the_server_is_raised_and_not_repeated(
    client: Client, runs: ScriptedRuns
) -> None:
    runs.failures = [(grpc.StatusCode.INTERNAL, "a bug")]

    with pytest.raises(errors.DalsegnoError, match="a bug"):
        await anext(client.run_stream("w"))

    assert len(runs.requests) == 1


async def test_a_cursor_that_a_new_server_does_not_know_is_raised(
    client: Client, runs: ScriptedRuns, wire: Wire
) -> None:
    await runs.tell(*WHOLE[:2])
    unknown = refusal(grpc.StatusCode.OUT_OF_RANGE, "SEQUENCE_OUT_OF_RANGE", newest="1")

    async def forget() -> None:
        runs.failures = [unknown]
        wire.cut()

    with pytest.raises(errors.SequenceOutOfRange):
        await read(client.watch_run("r-1"), at=2, then=forget)


async def test_leaving_the_loop_cancels_the_call(client: Client, runs: ScriptedRuns) -> None:
    await runs.tell(*WHOLE[:2])
    stream = client.watch_run("r-1")

    async for got in stream:
        if got.sequence == 2:
            await runs.until(open_streams=1)
            break

    await runs.until(open_streams=0)
    assert stream.last_sequence == 2


async def test_an_exception_in_the_loop_cancels_the_call(
    client: Client, runs: ScriptedRuns
) -> None:
    await runs.tell(*WHOLE[:2])

    async def fail() -> None:
        raise ZeroDivisionError

    stream = client.watch_run("r-1")
    with pytest.raises(ZeroDivisionError):
        await read(stream, at=2, then=fail)

    await runs.until(open_streams=0)


async def test_closing_a_stream_cancels_the_call_and_ends_the_loop(
    client: Client, runs: ScriptedRuns
) -> None:
    await runs.tell(*WHOLE[:2])

    async with client.watch_run("r-1") as stream:
        assert (await anext(stream)).sequence == 1
        await runs.until(open_streams=1)

    await runs.until(open_streams=0)
    assert await read(stream) == []


async def test_a_stream_can_be_closed_while_another_task_waits_for_it(
    client: Client, runs: ScriptedRuns
) -> None:
    await runs.tell(*WHOLE[:2])
    stream = client.watch_run("r-1")
    is_read = asyncio.Event()

    async def tell() -> None:
        is_read.set()

    reader = asyncio.create_task(read(stream, at=2, then=tell))
    await is_read.wait()

    await stream.aclose()

    assert await reader == [1, 2]


async def test_closing_the_client_is_told_to_whoever_waits_for_a_stream(
    client: Client, runs: ScriptedRuns
) -> None:
    await runs.tell(*WHOLE[:2])
    reader = asyncio.create_task(read(client.watch_run("r-1")))
    await runs.until(open_streams=1)

    await client.close()

    with pytest.raises(Unavailable, match="the client was closed"):
        await reader


async def test_canceling_the_reader_cancels_the_call_and_loses_no_event(
    client: Client, runs: ScriptedRuns
) -> None:
    await runs.tell(*WHOLE[:2])
    stream = client.watch_run("r-1")
    assert [(await anext(stream)).sequence for _ in range(2)] == [1, 2]

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(stream), 0.05)

    await runs.until(open_streams=0)
    await runs.tell(*WHOLE[2:])
    assert await read(stream) == [3, 4]


async def test_a_further_loop_goes_on_where_the_first_was_left(
    client: Client, runs: ScriptedRuns
) -> None:
    await runs.tell(*WHOLE)
    stream = client.watch_run("r-1")

    async for got in stream:
        if got.sequence == 2:
            break

    assert await read(stream) == [3, 4]


async def test_a_loop_that_was_left_long_ago_does_not_disturb_the_next(
    client: Client, runs: ScriptedRuns
) -> None:
    await runs.tell(*WHOLE[:2])
    stream = client.watch_run("r-1")
    left = aiter(stream)
    assert (await anext(left)).sequence == 1

    async def delete() -> None:
        nonlocal left
        del left
        await runs.tell(*WHOLE[2:])

    assert await read(stream, at=2, then=delete) == [2, 3, 4]
    assert len(runs.requests) == 1


async def test_streams_have_a_connection_of_their_own(
    client: Client, runs: ScriptedRuns, wire: Wire
) -> None:
    await runs.tell(*WHOLE)

    await client.run("w")
    assert wire.connections == 1
    await read(client.watch_run("r-1"))
    await read(client.watch_run("r-1"))
    await client.run("w")

    assert wire.connections == 2
