"""
A client of the first release, against the server of today.

It knows of the API what `protos/baseline/v0.1.binpb` tells, and uses none of today's stubs.
"""

from collections.abc import AsyncIterator
from typing import Any, cast

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message_factory import GetMessageClass
from google.rpc import (  # type: ignore[import-untyped]  # googleapis-common-protos has no types
    error_details_pb2,
)
from grpc_status import rpc_status

from tests.e2e.service import ROOT, Service

BASELINE = ROOT / "protos" / "baseline" / "v0.1.binpb"
SERVICES = ("dalsegno.v1.RunService", "dalsegno.v1.WorkflowService")


class OldClient:
    """
    Calls by the name of the method, with requests and answers as the JSON of their messages.

    Attributes:
        called: Full names of the methods that were called.
    """

    def __init__(self, channel: grpc.aio.Channel, pool: DescriptorPool) -> None:
        self.called: set[str] = set()
        self._channel = channel
        self._pool = pool
        services = [pool.FindServiceByName(name) for name in SERVICES]
        self.methods = {method.name: method for it in services for method in it.methods}

    async def ask(self, name: str, **fields: Any) -> Any:
        call, request = self._prepare(self._channel.unary_unary, name, fields)
        return self._plain(await call(request, timeout=20))

    async def follow(self, name: str, **fields: Any) -> list[Any]:
        """
        The events of a stream, up to its end.
        """
        call, request = self._prepare(self._channel.unary_stream, name, fields)
        return [self._plain(answer)["event"] async for answer in call(request, timeout=20)]

    def _prepare(self, kind: Any, name: str, fields: dict[str, Any]) -> tuple[Any, Any]:
        method = self.methods[name]
        self.called.add(method.full_name)
        call = kind(
            f"/{method.containing_service.full_name}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        request = ParseDict(
            fields, GetMessageClass(method.input_type)(), descriptor_pool=self._pool
        )
        return call, request

    def _plain(self, message: Any) -> Any:
        return MessageToDict(message, preserving_proto_field_name=True, descriptor_pool=self._pool)


@pytest.fixture
async def old(service: Service) -> AsyncIterator[OldClient]:
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(BASELINE.read_bytes()).file:
        pool.Add(file)
    async with grpc.aio.insecure_channel(service.address) as channel:
        yield OldClient(channel, pool)


async def test_every_call_of_the_first_release_is_still_answered(old: OldClient) -> None:
    """
    The method: a story in which each of its methods has a part; the last line counts them.
    """
    cart = {"value": {"bows": 2, "card": "vsia"}}
    bill = {"value": {"cents": 19000, "card": "visa"}}

    failed = (await old.ask("Run", workflow_id="checkout", input_data=cart, run_id="old"))["run"]
    assert failed["status"] == "RUN_STATUS_FAILED"
    assert failed["error"]["type"] == "ValueError"
    told = await old.follow("TimeTravelStream", run_id="old", step="charge", input_data=bill)
    assert [int(event["sequence"]) for event in told] == list(range(1, len(told) + 1))
    assert told[-1]["run_completed"]["result"]["value"] == "paid 19000, thank you"
    replay_id = told[0]["run_id"]
    replay = (await old.ask("TimeTravel", run_id="old", step="charge", input_data=bill))["run"]
    assert replay["steps"]["price"]["reused_from_run_id"] == "old"
    assert (await old.follow("WatchRun", run_id=replay_id, after_sequence=2)) == told[2:]
    assert (await old.ask("ListEvents", run_id=replay_id))["events"] == told
    assert len((await old.ask("ListSteps", run_id=replay_id))["steps"]) == 3
    assert len((await old.ask("ListRuns", source_run_id="old"))["runs"]) == 2
    assert len((await old.ask("GetLineage", run_id=replay_id))["runs"]) == 3
    assert (await old.ask("GetRun", run_id="old"))["run"] == failed
    assert (await old.ask("Restart", run_id="old"))["run"]["status"] == "RUN_STATUS_FAILED"
    assert await old.ask("DeleteRun", run_id=replay_id) == {}
    await _answer_questions(old)
    workflows = (await old.ask("ListWorkflows"))["workflows"]
    assert "checkout" in [workflow["workflow_id"] for workflow in workflows]
    assert (await old.ask("GetWorkflow", workflow_id="checkout"))["workflow"]["nodes"]
    assert old.called == {method.full_name for method in old.methods.values()}


async def _answer_questions(old: OldClient) -> None:
    told = await old.follow("RunStream", workflow_id="asking_twice", run_id="asked")
    assert told[-1]["run_suspended"]["addresses"] == ["approve", "approve_too"]
    yes = {"value": True}
    run = (await old.ask("Resume", run_id="asked", step="approve", resume_data=yes))["run"]
    assert run["suspensions"][0]["address"] == "approve_too"
    told = await old.follow("ResumeStream", run_id="asked", step="approve_too", resume_data=yes)
    assert "run_completed" in told[-1]

    await old.ask("StartRun", workflow_id="asking", run_id="ended")
    assert (await old.ask("WaitRun", run_id="ended"))["run"]["status"] == "RUN_STATUS_SUSPENDED"
    assert (await old.ask("Pause", run_id="ended"))["run"]["status"] == "RUN_STATUS_SUSPENDED"
    assert (await old.ask("Cancel", run_id="ended"))["run"]["status"] == "RUN_STATUS_CANCELED"
    assert await old.ask("RestartActive") == {}


async def test_a_refusal_has_the_details_that_the_first_release_had(old: OldClient) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await old.ask("GetRun", run_id="nobody")

    status = rpc_status.from_call(cast("grpc.Call", caught.value))
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert (info.reason, dict(info.metadata)) == ("RUN_NOT_FOUND", {"run_id": "nobody"})
