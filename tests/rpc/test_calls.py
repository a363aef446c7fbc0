"""
What calls answer, through a real server.
"""

import asyncio
import json
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Value

from dalsegno.rpc.run_service import RunService
from dalsegno.rpc.workflow_service import WorkflowService
from dalsegno.v1 import run_pb2
from dalsegno.v1 import run_service_pb2 as pb
from dalsegno.v1 import workflow_service_pb2 as workflow_pb
from dalsegno.v1.event_pb2 import RunEvent
from dalsegno.v1.payload_pb2 import Payload
from tests.rpc.refused import refusal_of, refused
from tests.rpc.serving import EXACT, Served
from tests.rpc.workflows import GATES

MIB = 1024 * 1024
ONE = Payload(json=b'{"v": 1}')


def new_id() -> str:
    return f"t-{uuid4()}"


async def events_of(call: Any) -> list[RunEvent]:
    return [response.event async for response in call]


def kinds(events: list[RunEvent]) -> list[str | None]:
    return [event.WhichOneof("body") for event in events]


async def test_a_run_is_answered_at_rest_with_its_steps(served: Served) -> None:
    run = await served.run("math", b'{"v": 1}')

    assert run.status == run_pb2.RUN_STATUS_SUCCESS
    assert json.loads(run.result.json) == {"v": 4}
    assert set(run.steps) == {"add", "double"}
    assert not run.HasField("state")


async def test_a_step_that_fails_is_no_error_of_the_call(served: Served) -> None:
    run = await served.run("failing", b"1")

    assert run.status == run_pb2.RUN_STATUS_FAILED
    assert run.error.message == "no luck"
    assert not run.HasField("result")


ALL = run_pb2.OutputOptions(
    view=run_pb2.RUN_VIEW_FULL, include_state=True, include_resume_labels=True
)


@pytest.mark.parametrize(
    ("workflow_id", "text"),
    [
        ("math", b'{"v": 1}'),
        ("failing", b"1"),
        ("asking", b"1"),
        ("asking_twice", b"1"),
        ("each", b"[1, 2]"),
    ],
)
async def test_a_call_that_waits_answers_what_is_stored(
    served: Served, workflow_id: str, text: bytes
) -> None:
    """
    Its answer is the run as those who wait are told of it, and is not read.
    """
    options: dict[str, Any] = {"output": ALL, "request_context": Payload(json=b'{"who": "me"}')}
    first = await served.run(workflow_id, text, **options)
    paused = await served.run(workflow_id, text, per_step=True, **options)
    (entry, *_) = first.steps
    travel = pb.TimeTravelRequest(run_id=first.run_id, step=entry, output=ALL)
    replay = (await served.runs.TimeTravel(travel, metadata=EXACT)).run

    for answered in (first, paused, replay):
        asked = pb.GetRunRequest(run_id=answered.run_id, output=ALL)
        assert answered == (await served.runs.GetRun(asked, metadata=EXACT)).run


async def test_a_body_that_cancels_a_task_of_its_own_fails_and_leaves_nobody_waiting(
    served: Served,
) -> None:
    run = await served.run("canceling_inside")

    assert run.status in {run_pb2.RUN_STATUS_FAILED, run_pb2.RUN_STATUS_CANCELED}


async def test_the_basic_view_has_no_steps(served: Served) -> None:
    basic = run_pb2.OutputOptions(view=run_pb2.RUN_VIEW_BASIC, include_state=True)

    run = await served.run("math", b'{"v": 1}', output=basic)

    assert not run.steps
    assert not run.steps_truncated
    assert run.state.json == b"{}"


@pytest.mark.parametrize("text", [b"9007199254740993", b'{"b":  1.50, "a":\t-0}', b"null"])
async def test_exact_payloads_come_back_byte_for_byte(served: Served, text: bytes) -> None:
    run = await served.run("echo", text)

    assert run.input.json == text
    assert run.steps["echo"].input.json == text
    assert json.loads(run.result.json) == json.loads(text)


async def test_readable_payloads_keep_large_integers_as_digits(served: Served) -> None:
    exact = await served.run("echo", b"[9007199254740993, 9007199254740992, 1.5]")

    response = await served.runs.GetRun(pb.GetRunRequest(run_id=exact.run_id))

    result: Any = json_format.MessageToDict(response.run.result.value)
    assert result == ["9007199254740993", 2**53, 1.5]


async def test_readable_whole_numbers_become_integers(served: Served) -> None:
    payload = Payload(value=json_format.Parse("[3.0, 1152921504606846976, 0.5]", Value()))

    response = await served.runs.Run(
        pb.RunRequest(workflow_id="echo", input_data=payload), metadata=EXACT
    )

    assert response.run.input.json == b"[3,1152921504606846976,0.5]"


async def test_a_repeated_request_is_answered_with_the_first_run(served: Served) -> None:
    request = pb.RunRequest(workflow_id="math", input_data=ONE, request_id=new_id())

    first = await served.runs.Run(request)
    again = await served.runs.Run(request)
    fields = pb.RunStreamRequest(workflow_id="math", input_data=ONE, request_id=request.request_id)
    streamed = await events_of(served.runs.RunStream(fields))

    assert again.run == first.run
    assert {event.run_id for event in streamed} == {first.run.run_id}


async def test_a_repeated_request_in_readable_form_is_the_same_request(served: Served) -> None:
    """
    The goal: the order of a message's map, which is none, makes no difference.
    """
    request_id, data = new_id(), {f"key {number}": number for number in range(40)}

    async def ask(ordered: dict[str, int]) -> run_pb2.Run:
        payload = Payload(value=json_format.ParseDict(ordered, Value()))
        request = pb.RunRequest(workflow_id="echo", input_data=payload, request_id=request_id)
        response = await served.runs.Run(request)
        run: run_pb2.Run = response.run
        return run

    first = await ask(data)
    assert await ask(dict(reversed(data.items()))) == first


async def test_starting_answers_before_the_run_is_at_rest(served: Served) -> None:
    run_id = new_id()
    started = await served.runs.StartRun(
        pb.StartRunRequest(
            workflow_id="gated", run_id=run_id, input_data=Payload(json=f'"{run_id}"'.encode())
        )
    )
    assert started.run.status in {run_pb2.RUN_STATUS_PENDING, run_pb2.RUN_STATUS_RUNNING}

    waiting = served.runs.WaitRun(pb.WaitRunRequest(run_id=run_id))
    await GATES.entered(run_id)
    GATES.open(run_id)

    assert (await waiting).run.status == run_pb2.RUN_STATUS_SUCCESS


async def test_a_run_goes_on_when_its_callers_deadline_has_passed(served: Served) -> None:
    run_id = new_id()
    request = pb.RunRequest(
        workflow_id="gated", run_id=run_id, input_data=Payload(json=f'"{run_id}"'.encode())
    )

    told = await refusal_of(served.runs.Run(request, timeout=0.3))
    assert told.code is grpc.StatusCode.DEADLINE_EXCEEDED
    GATES.open(run_id)
    response = await served.runs.WaitRun(pb.WaitRunRequest(run_id=run_id), timeout=5)

    assert response.run.status == run_pb2.RUN_STATUS_SUCCESS


async def test_a_run_goes_on_when_the_reader_of_its_stream_has_left(served: Served) -> None:
    run_id = new_id()
    call = served.runs.RunStream(
        pb.RunStreamRequest(
            workflow_id="gated", run_id=run_id, input_data=Payload(json=f'"{run_id}"'.encode())
        )
    )
    await call.read()
    call.cancel()
    GATES.open(run_id)

    response = await served.runs.WaitRun(pb.WaitRunRequest(run_id=run_id), timeout=5)

    assert response.run.status == run_pb2.RUN_STATUS_SUCCESS


async def test_a_stream_tells_a_whole_run_and_can_be_joined_anywhere(served: Served) -> None:
    events = await events_of(
        served.runs.RunStream(pb.RunStreamRequest(workflow_id="math", input_data=ONE))
    )
    run_id = events[0].run_id

    assert kinds(events) == [
        "run_started",
        "step_started",
        "step_completed",
        "step_started",
        "step_completed",
        "run_completed",
    ]
    for after in range(len(events) + 1):
        watch = pb.WatchRunRequest(run_id=run_id, after_sequence=after)
        assert await events_of(served.runs.WatchRun(watch)) == events[after:]


async def test_a_stream_is_open_before_its_first_event(served: Served) -> None:
    run_id = new_id()
    await served.runs.StartRun(
        pb.StartRunRequest(
            workflow_id="gated", run_id=run_id, input_data=Payload(json=f'"{run_id}"'.encode())
        )
    )
    await GATES.entered(run_id)
    response = await served.runs.GetRun(pb.GetRunRequest(run_id=run_id))
    newest = response.run.newest_sequence

    call = served.runs.WatchRun(pb.WatchRunRequest(run_id=run_id, after_sequence=newest))
    await asyncio.wait_for(call.initial_metadata(), 5)
    GATES.open(run_id)

    assert kinds(await events_of(call))[-1] == "run_completed"


async def test_a_suspended_run_is_resumed_as_a_stream_from_there_on(served: Served) -> None:
    run = await served.run("asking", b"1")
    assert [(it.address, it.label) for it in run.suspensions] == [("ask", "question")]
    assert run.suspensions[0].HasField("resume_schema")

    request = pb.ResumeStreamRequest(run_id=run.run_id, label="question", resume_data=ONE)
    events = await events_of(served.runs.ResumeStream(request, metadata=EXACT))

    assert kinds(events)[0] == "run_resumed"
    assert events[0].sequence == run.newest_sequence + 1
    assert events[0].run_resumed.resume_data.json == b'{"v": 1}'
    assert kinds(events)[-1] == "run_completed"


async def test_a_stream_that_follows_stays_open_over_a_suspension(served: Served) -> None:
    request = pb.RunStreamRequest(workflow_id="asking", input_data=Payload(json=b"1"), follow=True)
    call = served.runs.RunStream(request)
    seen: list[RunEvent] = []
    async for response in call:
        seen.append(response.event)
        if kinds(seen)[-1] == "run_suspended":
            resume = pb.ResumeRequest(run_id=response.event.run_id, resume_data=ONE)
            await served.runs.Resume(resume)

    assert kinds(seen)[-1] == "run_completed"
    assert [event.sequence for event in seen] == list(range(1, len(seen) + 1))


async def test_a_replay_reuses_what_lies_before_its_target(served: Served) -> None:
    source = await served.run("math", b'{"v": 1}')
    request = pb.TimeTravelRequest(
        run_id=source.run_id, step="double", input_data=Payload(json=b'{"v": 10}')
    )

    response = await served.runs.TimeTravel(request, metadata=EXACT)

    replay = response.run
    assert json.loads(replay.result.json) == {"v": 20}
    assert replay.steps["add"].reused_from_run_id == source.run_id
    assert replay.steps["double"].reused_from_run_id == ""
    assert replay.lineage == run_pb2.Lineage(
        source_run_id=source.run_id,
        step="double",
        root_run_id=source.run_id,
        depth=1,
        overrides=["input_data"],
    )


async def test_a_replay_streams_its_own_events(served: Served) -> None:
    source = await served.run("math", b'{"v": 1}')
    request = pb.TimeTravelStreamRequest(run_id=source.run_id, step="double")

    events = await events_of(served.runs.TimeTravelStream(request))

    assert kinds(events) == ["run_started", "step_started", "step_completed", "run_completed"]
    assert events[0].run_started.lineage.source_run_id == source.run_id


async def test_a_lineage_is_the_whole_tree(served: Served) -> None:
    source = await served.run("math", b'{"v": 1}')
    travel = pb.TimeTravelRequest(run_id=source.run_id, step="double")
    first = (await served.runs.TimeTravel(travel)).run
    travel.run_id = first.run_id
    second = (await served.runs.TimeTravel(travel)).run

    tree = await served.runs.GetLineage(pb.GetLineageRequest(run_id=first.run_id))

    assert [(it.run_id, it.source_run_id, it.depth) for it in tree.runs] == [
        (source.run_id, "", 0),
        (first.run_id, source.run_id, 1),
        (second.run_id, first.run_id, 2),
    ]


async def test_a_running_run_is_canceled(served: Served) -> None:
    run_id = new_id()
    await served.runs.StartRun(
        pb.StartRunRequest(
            workflow_id="gated", run_id=run_id, input_data=Payload(json=f'"{run_id}"'.encode())
        )
    )
    await GATES.entered(run_id)

    response = await served.runs.Cancel(pb.CancelRequest(run_id=run_id, reason="enough"))
    again = await served.runs.Cancel(pb.CancelRequest(run_id=run_id))
    events = await served.runs.ListEvents(pb.ListEventsRequest(run_id=run_id))

    assert response.run.status == again.run.status == run_pb2.RUN_STATUS_CANCELED
    assert events.events[-1].run_canceled.reason == "enough"


async def test_a_run_is_paused_between_two_steps_and_goes_on(served: Served) -> None:
    run_id = new_id()
    await served.runs.StartRun(
        pb.StartRunRequest(
            workflow_id="gated_twice",
            run_id=run_id,
            input_data=Payload(json=f'"{run_id}"'.encode()),
        )
    )
    await GATES.entered(run_id)

    paused = await served.runs.Pause(pb.PauseRequest(run_id=run_id, reason="lunch"))
    GATES.open(run_id)
    rested = await served.runs.WaitRun(pb.WaitRunRequest(run_id=run_id))
    events = await served.runs.ListEvents(pb.ListEventsRequest(run_id=run_id))
    resumed = await served.runs.Resume(pb.ResumeRequest(run_id=run_id))

    assert paused.run.status == run_pb2.RUN_STATUS_RUNNING
    assert rested.run.status == run_pb2.RUN_STATUS_PAUSED
    assert events.events[-1].run_paused.reason == "lunch"
    assert list(events.events[-1].run_paused.addresses) == ["echo"]
    assert resumed.run.status == run_pb2.RUN_STATUS_SUCCESS


async def test_restarting_a_finished_run_answers_with_it(served: Served) -> None:
    run = await served.run("math", b'{"v": 1}')

    response = await served.runs.Restart(pb.RestartRequest(run_id=run.run_id), metadata=EXACT)

    assert response.run == run


async def test_nothing_is_restarted_where_nothing_was_lost(served: Served) -> None:
    await served.run("math", b'{"v": 1}')

    response = await served.runs.RestartActive(pb.RestartActiveRequest(workflow_id="math"))

    assert response == pb.RestartActiveResponse()


async def test_a_deleted_run_is_gone(served: Served) -> None:
    run = await served.run("math", b'{"v": 1}')

    await served.runs.DeleteRun(pb.DeleteRunRequest(run_id=run.run_id))
    told = await refusal_of(served.runs.GetRun(pb.GetRunRequest(run_id=run.run_id)))

    assert told.reason == "RUN_NOT_FOUND"


async def test_a_run_keeps_the_trace_it_was_given(served: Served) -> None:
    tracing = run_pb2.TracingOptions(trace_id="ab" * 16, tags=["nightly"], metadata={"team": "x"})

    given = await served.run("math", b'{"v": 1}', tracing=tracing)
    own = await served.run("math", b'{"v": 1}')

    assert (given.trace_id, given.tracing) == ("ab" * 16, tracing)
    assert len(own.trace_id) == 32
    assert not own.HasField("tracing")


@pytest.mark.parametrize("service", ["RunService", "WorkflowService"])
def test_every_method_of_the_protos_is_served(service: str) -> None:
    servicer = {"RunService": RunService, "WorkflowService": WorkflowService}[service]
    files = (pb.DESCRIPTOR, workflow_pb.DESCRIPTOR)
    [described] = [it.services_by_name[service] for it in files if service in it.services_by_name]

    assert {method.name for method in described.methods} <= set(vars(servicer))


async def pages(method: Any, request: Any, field: str) -> list[list[Any]]:
    found = []
    while True:
        response = await method(request)
        found.append(list(getattr(response, field)))
        request.page_token = response.next_page_token
        if not request.page_token:
            return found


@pytest.mark.parametrize(
    ("method", "request_message", "field"),
    [
        ("ListSteps", pb.ListStepsRequest(page_size=2), "steps"),
        ("ListEvents", pb.ListEventsRequest(page_size=2), "events"),
        ("ListEvents", pb.ListEventsRequest(page_size=2, after_sequence=3), "events"),
    ],
)
async def test_pages_together_are_the_whole(
    served: Served, method: str, request_message: Any, field: str
) -> None:
    run = await served.run("each", b"[1,2,3,4,5,6]")
    call = getattr(served.runs, method)
    request = type(request_message)()
    request.CopyFrom(request_message)
    request.run_id = run.run_id

    paged = await pages(call, request, field)
    request.page_size, request.page_token = 1000, ""
    [whole] = await pages(call, request, field)

    assert [item for page in paged for item in page] == whole
    assert {len(page) for page in paged[:-1]} == {2}
    assert 1 <= len(paged[-1]) <= 2


async def test_runs_are_listed_newest_first_in_pages(served: Served) -> None:
    travel = pb.TimeTravelRequest(step="double")
    travel.run_id = (await served.run("math", b'{"v": 1}')).run_id
    replays = [(await served.runs.TimeTravel(travel)).run.run_id for _ in range(5)]
    request = pb.ListRunsRequest(source_run_id=travel.run_id, page_size=2)

    paged = await pages(served.runs.ListRuns, request, "runs")

    assert [run.run_id for page in paged for run in page] == replays[::-1]
    assert [len(page) for page in paged] == [2, 2, 1]
    assert not any(run.steps or run.HasField("state") for page in paged for run in page)


async def test_runs_are_filtered_by_every_field(served: Served) -> None:
    run = await served.run("failing", b"1")
    request = pb.ListRunsRequest(
        workflow_id="failing",
        statuses=[run_pb2.RUN_STATUS_FAILED],
        created_after=run.create_time,
        root_run_id=run.run_id,
    )

    listed = await served.runs.ListRuns(request)
    request.created_before.CopyFrom(run.create_time)
    before = await served.runs.ListRuns(request)

    assert [it.run_id for it in listed.runs] == [run.run_id]
    assert not before.runs


async def test_workflows_are_listed_by_id_in_pages(served: Served) -> None:
    paged = await pages(
        served.workflows.ListWorkflows, workflow_pb.ListWorkflowsRequest(page_size=3), "workflows"
    )

    ids = [workflow.workflow_id for page in paged for workflow in page]
    assert ids == sorted(ids)
    assert {"math", "echo", "asking"} <= set(ids)
    assert not any(workflow.nodes for page in paged for workflow in page)


async def test_a_workflow_shows_its_schemas_and_graph(served: Served) -> None:
    response = await served.workflows.GetWorkflow(
        workflow_pb.GetWorkflowRequest(workflow_id="asking"), metadata=EXACT
    )

    workflow = response.workflow
    assert [node.address for node in workflow.nodes] == ["ask", "echo"]
    assert json.loads(workflow.nodes[0].resume_schema.json)["properties"].keys() == {"v"}
    assert not workflow.HasField("input_schema")


async def test_a_page_is_cut_where_it_would_not_fit(served: Served) -> None:
    """
    The goal: no answer is above 4 MiB, and nothing is lost between pages.
    """
    text = b'"' + b"x" * MIB + b'"'
    many = [(await served.run("large", text)).run_id for _ in range(4)]
    request = pb.ListRunsRequest(workflow_id="large", page_size=4)

    paged = await pages(served.runs.ListRuns, request, "runs")

    assert [run.run_id for page in paged for run in page] == many[::-1]
    assert max(len(page) for page in paged) < 4


async def test_a_run_too_large_for_an_answer_is_shown_without_payloads(served: Served) -> None:
    text = b"[" + b",".join([b'"' + b"x" * (MIB // 2) + b'"'] * 3) + b"]"

    run = await served.run("each", text)

    assert run.steps_truncated
    assert run.ByteSize() <= 4 * MIB
    assert not run.steps["echo[0]"].HasField("output")
    request = pb.ListStepsRequest(run_id=run.run_id)
    steps = [it for page in await pages(served.runs.ListSteps, request, "steps") for it in page]
    assert len(steps) == len(run.steps)
    assert all(step.HasField("output") for step in steps)


async def test_unknown_methods_are_unimplemented(served: Served) -> None:
    raw: Any = served.channel.unary_unary("/dalsegno.v1.RunService/Nope")

    told = await refusal_of(raw(b""))

    assert told.code is grpc.StatusCode.UNIMPLEMENTED


async def test_a_stream_is_refused_by_its_status_alone(served: Served) -> None:
    with refused() as told:
        await events_of(served.runs.RunStream(pb.RunStreamRequest(workflow_id="nope")))

    assert told.reason == "WORKFLOW_NOT_FOUND"
