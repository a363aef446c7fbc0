"""
The calls that are measured: generated stubs and nothing around them.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2

from dalsegno.v1 import payload_pb2, run_pb2, run_service_pb2_grpc
from dalsegno.v1 import run_service_pb2 as pb

# Answers without steps: what is measured is the work, not the size of its report.
_BASIC = run_pb2.OutputOptions(view=run_pb2.RUN_VIEW_BASIC)
METADATA = (("dalsegno-payload-form", "json"),)


@dataclass(frozen=True, slots=True)
class Calls:
    """
    One connection to a server.
    """

    runs: "run_service_pb2_grpc.RunServiceAsyncStub"  # known to type checkers only
    check: Callable[[health_pb2.HealthCheckRequest], Awaitable[health_pb2.HealthCheckResponse]]

    async def echo(self) -> None:
        """
        The least a call can be, through all interceptors: the health service's Check.
        """
        await self.check(health_pb2.HealthCheckRequest())

    async def run(self, workflow_id: str, input_json: bytes = b"0") -> run_pb2.Run:
        """
        Run a workflow to its end.

        Raises:
            RuntimeError: It did not end well.
        """
        return _is(run_pb2.RUN_STATUS_SUCCESS, await self.run_to_rest(workflow_id, input_json))

    async def suspend(self, workflow_id: str, input_json: bytes = b"0") -> run_pb2.Run:
        """
        Run a workflow that asks something.

        Raises:
            RuntimeError: It did not.
        """
        return _is(run_pb2.RUN_STATUS_SUSPENDED, await self.run_to_rest(workflow_id, input_json))

    async def run_to_rest(self, workflow_id: str, input_json: bytes) -> run_pb2.Run:
        request = pb.RunRequest(
            workflow_id=workflow_id,
            input_data=payload_pb2.Payload(json=input_json),
            output=_BASIC,
        )
        return (await self.runs.Run(request, metadata=METADATA)).run

    async def start(self, workflow_id: str) -> run_pb2.Run:
        """
        Begin a run, and leave it alone.
        """
        request = pb.StartRunRequest(workflow_id=workflow_id, output=_BASIC)
        return (await self.runs.StartRun(request, metadata=METADATA)).run

    async def time_travel(self, run_id: str, step: str) -> run_pb2.Run:
        """
        Run the end of a run again, from a step on.

        Raises:
            RuntimeError: It did not end well.
        """
        return _is(run_pb2.RUN_STATUS_SUCCESS, await self.travel(run_id, step))

    async def travel(self, run_id: str, step: str) -> run_pb2.Run:
        """
        Make a replay from a step on, however it ends.
        """
        request = pb.TimeTravelRequest(run_id=run_id, step=step, output=_BASIC)
        return (await self.runs.TimeTravel(request, metadata=METADATA)).run

    async def get(self, run_id: str) -> run_pb2.Run:
        """
        A run, with its steps.
        """
        request = pb.GetRunRequest(run_id=run_id)
        return (await self.runs.GetRun(request, metadata=METADATA)).run

    async def resume(self, run_id: str) -> run_pb2.Run:
        """
        Answer the question of a run of ``asking``.

        Raises:
            RuntimeError: It did not ask again.
        """
        return _is(run_pb2.RUN_STATUS_SUSPENDED, await self._answer(run_id, b"0"))

    async def end(self, run_id: str) -> run_pb2.Run:
        """
        Answer it in such a way that it asks no more.

        Raises:
            RuntimeError: It did not end well.
        """
        return _is(run_pb2.RUN_STATUS_SUCCESS, await self._answer(run_id, b'"enough"'))

    async def _answer(self, run_id: str, data_json: bytes) -> run_pb2.Run:
        data = payload_pb2.Payload(json=data_json)
        request = pb.ResumeRequest(run_id=run_id, resume_data=data, output=_BASIC)
        return (await self.runs.Resume(request, metadata=METADATA)).run


@contextlib.asynccontextmanager
async def connected(address: str) -> AsyncIterator[Calls]:
    async with channel_to(address) as channel:
        # Not grpc_health's stub: its types know of no methods.
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        yield Calls(run_service_pb2_grpc.RunServiceStub(channel), check)


def channel_to(address: str) -> grpc.aio.Channel:
    # A proxy of the environment would not reach this machine. Equal channels share a connection
    # unless told otherwise.
    options = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]
    return grpc.aio.insecure_channel(address, options)


def _is(status: run_pb2.RunStatus, run: run_pb2.Run) -> run_pb2.Run:
    if run.status != status:
        raise RuntimeError(f"run {run.run_id} is {run_pb2.RunStatus.Name(run.status)}: {run.error}")
    return run
