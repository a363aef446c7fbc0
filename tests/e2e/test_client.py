"""
The client against a real server.
"""

import asyncio
from pathlib import Path

import pytest

from dalsegno.client import (
    UNSET,
    Client,
    RunStatus,
    StepResult,
    StepStatus,
    TracingOptions,
    errors,
    events,
)
from tests.e2e.service import Service

GOOD = {"bows": 2, "card": "visa"}
BAD = {"bows": 2, "card": "vsia"}


async def test_a_run_answers_with_its_result_and_its_steps(client: Client) -> None:
    run = await client.run("checkout", input_data=GOOD)

    assert (run.status, run.result) == (RunStatus.SUCCESS, "paid 19000, thank you")
    assert list(run.steps) == ["price", "charge", "thank"]
    assert run.steps["price"].output == {"cents": 19000, "card": "visa"}
    assert run.state is UNSET


@pytest.mark.parametrize(
    "value",
    [None, 0, "", False, 2**53 + 1, 10**60, 3.0, -0.0, {"b": 1, "a": [None, "\x00é😀"]}, []],
)
async def test_a_payload_comes_back_as_it_was_sent(client: Client, value: object) -> None:
    run = await client.run("asking", input_data=value)
    done = await client.resume(run.run_id, resume_data=True)

    assert repr(done.result) == repr(value)


async def test_a_failed_run_travels_back_with_other_input(client: Client) -> None:
    failed = await client.run("checkout", input_data=BAD)
    assert (failed.status, failed.result) == (RunStatus.FAILED, UNSET)
    assert failed.error
    assert failed.error.message == "no such card: vsia"

    bill = failed.steps["charge"].input | {"card": "visa"}
    replay = await client.time_travel(failed.run_id, "charge", input_data=bill)

    assert replay.result == "paid 19000, thank you"
    assert replay.steps["price"].reused_from_run_id == failed.run_id
    assert replay.lineage
    assert replay.lineage.overrides == ("input_data",)
    assert await client.get_run(failed.run_id) == failed


async def test_context_replaces_what_lies_before_the_target(client: Client) -> None:
    source = await client.run("checkout", input_data=BAD)

    bill = StepResult(output={"cents": 1, "card": "visa"})
    replay = await client.time_travel(source.run_id, "charge", context={"price": bill})

    assert replay.result == "paid 1, thank you"
    assert replay.steps["price"].given


async def test_a_replay_streams_its_events(client: Client) -> None:
    source = await client.run("checkout", input_data=BAD)
    bill = {"cents": 5, "card": "visa"}

    stream = client.time_travel_stream(source.run_id, "charge", input_data=bill)
    told = [event async for event in stream]

    assert [event.sequence for event in told] == list(range(1, len(told) + 1))
    match told:
        case [
            events.RunStarted(lineage=lineage),
            events.StepStarted(address="charge", input=given, attempt=1),
            events.StepCompleted(address="charge", output="paid 5"),
            events.StepStarted(address="thank"),
            events.StepCompleted(address="thank"),
            events.RunCompleted(result="paid 5, thank you"),
        ]:
            assert given == bill
            assert lineage
            assert lineage.source_run_id == source.run_id
        case _:
            pytest.fail(f"{told}")


async def test_another_client_answers_while_the_first_follows(
    client: Client, service: Service
) -> None:
    stream = client.run_stream("asking", input_data="parcel", follow=True)
    seen = []

    async for event in stream:
        seen.append(event.type)
        if isinstance(event, events.RunSuspended):
            async with Client(service.address) as other:
                run = await other.get_run(event.run_id)
                assert run.suspensions[0].payload == {"question": "ship it?", "of": "parcel"}
                done = await other.resume(event.run_id, label="boss", resume_data=True)
                assert done.result == "parcel"

    assert seen[-1] == "run_completed"
    assert "run_resumed" in seen


async def test_a_resumed_stream_begins_with_the_resumption(client: Client) -> None:
    run = await client.run("asking", input_data=1)

    stream = client.resume_stream(run.run_id, step="approve", resume_data=False)
    told = [event async for event in stream]

    assert isinstance(told[0], events.RunResumed)
    assert told[0].sequence == run.newest_sequence + 1
    assert isinstance(told[-1], events.RunFailed)


async def test_a_run_pauses_after_each_step_if_asked(client: Client) -> None:
    run = await client.run("checkout", input_data=GOOD, per_step=True)
    assert (run.status, list(run.steps)) == (RunStatus.PAUSED, ["price"])

    run = await client.resume(run.run_id, per_step=True)
    assert (run.status, list(run.steps)) == (RunStatus.PAUSED, ["price", "charge"])

    run = await client.resume(run.run_id)
    assert run.status is RunStatus.SUCCESS


async def test_a_call_that_is_repeated_takes_effect_once(client: Client) -> None:
    first = await client.run("checkout", input_data=GOOD, request_id="once")
    again = await client.run("checkout", input_data=GOOD, request_id="once")

    assert again == first
    with pytest.raises(errors.RequestIdReused):
        await client.run("checkout", input_data=BAD, request_id="once")


async def test_a_started_run_is_waited_for_watched_and_canceled(
    client: Client, tmp_path: Path
) -> None:
    run = await client.start_run("gated", input_data=str(tmp_path / "opens"), run_id="opens")
    assert not run.status.is_at_rest
    with pytest.raises(errors.DeadlineExceeded):
        await client.wait_run("opens", timeout_s=0.05)
    waiting = asyncio.create_task(client.wait_run("opens"))
    (tmp_path / "opens").touch()
    assert (await waiting).status is RunStatus.SUCCESS

    await client.start_run("gated", input_data=str(tmp_path / "never"), run_id="never")
    watched = client.watch_run("never")
    assert (await anext(watched)).type == "run_started"
    canceled = await client.cancel("never", reason="a test")
    assert canceled.status is RunStatus.CANCELED
    assert [event.type async for event in watched][-2:] == ["step_canceled", "run_canceled"]
    assert (await client.get_run("never")).steps["gate"].status is StepStatus.CANCELED


async def test_a_run_is_paused_between_two_steps(client: Client, tmp_path: Path) -> None:
    await client.start_run("gated", input_data=str(tmp_path / "gate"), run_id="to-pause")
    async for event in client.watch_run("to-pause"):
        if isinstance(event, events.StepStarted):
            break

    asked = await client.pause("to-pause", reason="lunch")
    assert asked.status is RunStatus.RUNNING
    (tmp_path / "gate").touch()
    paused = await client.wait_run("to-pause")

    assert (paused.status, list(paused.steps)) == (RunStatus.PAUSED, ["gate"])
    assert (await client.resume("to-pause")).status is RunStatus.SUCCESS


async def test_a_run_is_deleted_after_its_replays(client: Client) -> None:
    source = await client.run("checkout", input_data=GOOD)
    replay = await client.time_travel(source.run_id, "charge")

    with pytest.raises(errors.RunHasReplays):
        await client.delete_run(source.run_id)
    await client.delete_run(replay.run_id)
    await client.delete_run(source.run_id)

    with pytest.raises(errors.RunNotFound):
        await client.get_run(source.run_id)


async def test_restarting_what_nobody_lost_changes_nothing(client: Client) -> None:
    done = await client.run("checkout", input_data=GOOD)
    asked = await client.run("asking", input_data=1)

    assert await client.restart(done.run_id) == done
    with pytest.raises(errors.RunActive):
        await client.restart(asked.run_id)
    assert asked.run_id not in (await client.restart_active(workflow_id="asking")).run_ids


async def test_a_run_belongs_to_the_trace_it_was_given(client: Client) -> None:
    tracing = TracingOptions(trace_id="0af7651916cd43dd8448eb211c80319c", tags=("test",))

    run = await client.run("checkout", input_data=GOOD, tracing=tracing)

    assert (run.trace_id, run.tracing) == (tracing.trace_id, tracing)


async def test_runs_steps_events_and_lineage_are_listed(client: Client) -> None:
    source = await client.run("echoes", input_data=list(range(30)), run_id="many")
    await client.time_travel("many", "echo[7]", input_data="seven", new_run_id="replay")

    steps = [step async for step in client.list_steps("many", page_size=7)]
    told = [event async for event in client.list_events("many", page_size=7)]
    later = [event async for event in client.list_events("many", after_sequence=50)]
    replays = [run.run_id async for run in client.list_runs(source_run_id="many")]
    tree = await client.get_lineage("replay")

    assert {step.address: step for step in steps} == source.steps
    assert [event.sequence for event in told] == list(range(1, source.newest_sequence + 1))
    assert later == told[50:]
    assert replays == ["replay"]
    assert [(run.run_id, run.depth, run.step) for run in tree] == [
        ("many", 0, None),
        ("replay", 1, "echo[7]"),
    ]
    runs = [run async for run in client.list_runs(statuses=[RunStatus.SUCCESS], page_size=2)]
    assert [run.create_time for run in runs] == sorted(
        (run.create_time for run in runs), reverse=True
    )
    assert all(run.status is RunStatus.SUCCESS and not run.steps for run in runs)


async def test_workflows_tell_their_schemas_and_graph(client: Client) -> None:
    listed = [workflow async for workflow in client.list_workflows(page_size=3)]
    checkout = await client.get_workflow("checkout")

    assert [item.workflow_id for item in listed] == sorted(item.workflow_id for item in listed)
    assert "checkout" in [item.workflow_id for item in listed]
    assert checkout.description == "Price a cart and charge a card."
    assert checkout.input_schema
    assert set(checkout.input_schema["properties"]) == {"bows", "card"}
    assert [node.address for node in checkout.nodes] == ["price", "charge", "thank"]


async def test_refusals_are_typed_and_carry_facts(client: Client) -> None:
    source = await client.run("checkout", input_data=GOOD)

    with pytest.raises(errors.StepNotFound) as missing:
        await client.time_travel(source.run_id, "chrage")
    with pytest.raises(errors.InvalidInput) as invalid:
        await client.run("checkout", input_data={"bows": "two", "card": "visa"})
    with pytest.raises(errors.SequenceOutOfRange) as beyond:
        await anext(client.watch_run(source.run_id, after_sequence=99))

    assert missing.value.metadata["addresses"] == "price, charge, thank"
    assert "bows" in str(invalid.value.violations)
    assert beyond.value.metadata["newest"] == str(source.newest_sequence)
