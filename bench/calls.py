"""
The calls that are measured: generated stubs and nothing around them.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2

from dalsegno.v1 import payload_pb2, run_pb2, run_service_pb2, run_service_pb2_grpc

# Answers without steps: what is measured is the work, not the size of its report.
_BASIC = run_pb2.OutputOptions(view=run_pb2.RUN_VIEW_BASIC)
_METADATA = (("dalsegno-payload-form", "json"),)


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
        answer = await self.runs.Run(
            run_service_pb2.RunRequest(
                workflow_id=workflow_id,
                input_data=payload_pb2.Payload(json=input_json),
                output=_BASIC,
            ),
            metadata=_METADATA,
        )
        return _ended_well(answer.run)

    async def time_travel(self, run_id: str, step: str) -> run_pb2.Run:
        """
        Run the end of a run again, from a step on.

        Raises:
            RuntimeError: It did not end well.
        """
        answer = await self.runs.TimeTravel(
            run_service_pb2.TimeTravelRequest(run_id=run_id, step=step, output=_BASIC),
            metadata=_METADATA,
        )
        return _ended_well(answer.run)


@contextlib.asynccontextmanager
async def connected(address: str) -> AsyncIterator[Calls]:
    # A proxy of the environment would not reach this machine.
    options = [("grpc.enable_http_proxy", 0)]
    async with grpc.aio.insecure_channel(address, options) as channel:
        # Not grpc_health's stub: its types know of no methods.
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        yield Calls(run_service_pb2_grpc.RunServiceStub(channel), check)


def _ended_well(run: run_pb2.Run) -> run_pb2.Run:
    if run.status != run_pb2.RUN_STATUS_SUCCESS:
        raise RuntimeError(f"run {run.run_id} is {run_pb2.RunStatus.Name(run.status)}: {run.error}")
    return run
