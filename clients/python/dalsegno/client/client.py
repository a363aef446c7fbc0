"""
The client: a method per verb of the API.
"""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import grpc

from dalsegno.client import encode
from dalsegno.client.connection import Connection, Patience, is_loopback
from dalsegno.client.controls import Controls
from dalsegno.client.model import OutputOptions, Run, StepResult, TracingOptions
from dalsegno.client.payloads import UNSET
from dalsegno.client.payloads import encode as payload
from dalsegno.client.stream import EventStream
from dalsegno.v1 import run_service_pb2

DEFAULT_TARGET = "127.0.0.1:7070"  # where a server listens unless told otherwise


class Client(Controls):
    """
    Talks to a Dal Segno server. One for a program is enough; it may be shared by asyncio tasks.

        async with Client() as client:
            run = await client.run("orders", input_data={"id": 7})

    Arguments are named as the fields of the requests. Payloads are plain Python: None, bool, int of
    any size, float, str, list, dict. None sends null; leaving an argument out sends nothing.

    Every call that changes something has a request id, made by the client unless given. So all
    calls are repeated while the server is away, and still take effect once.

    Calls that answer a run at rest (`run`, `resume`, `time_travel`, `wait_run`) take as long as the
    run does, unless *timeout_s* is given. When that has passed, or their asyncio task is canceled,
    the call ends and the run goes on. A run that failed is an answer and raises nothing.

    Raises (all calls):
        DalsegnoError: A leaf of the tree in `dalsegno.client.errors`. Nothing was changed by a
            call that was refused.
        PayloadError: A payload is not JSON. Nothing was sent.
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        token: str | None = None,
        allow_plaintext_token: bool = False,
        timeout_s: float = 30.0,
        patience: Patience | None = None,
    ) -> None:
        """
        Connects when the first call is made.

        Args:
            target: ``host:port``, or any other name that gRPC resolves.
            credentials: Such as `grpc.ssl_channel_credentials()`. None: without TLS.
            token: Sent with every call, as `authorization: Bearer`.
            allow_plaintext_token: Send it without TLS to another machine, too: everybody on the
                way can read it.
            timeout_s: Of calls that need not wait for a run, with all repetitions.
            patience: With a server that goes away.

        Raises:
            ValueError: The token would leave this machine without TLS.
        """
        if token and credentials is None and not (allow_plaintext_token or is_loopback(target)):
            raise ValueError(f"a token is not sent to {target} without TLS")
        connection = Connection(target, credentials, patience or Patience(), token)
        super().__init__(connection, timeout_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """
        Close the connection. Calls and streams that are open end; runs go on.
        """
        await self._connection.close()

    async def run(
        self,
        workflow_id: str,
        *,
        input_data: Any = UNSET,
        run_id: str | None = None,
        request_id: str | None = None,
        initial_state: Any = UNSET,
        request_context: Any = UNSET,
        per_step: bool = False,
        output: OutputOptions | None = None,
        tracing: TracingOptions | None = None,
        timeout_s: float | None = None,
    ) -> Run:
        """
        Run a workflow; the run at rest.

        Args:
            workflow_id: The workflow.
            input_data: What the run starts with; null if left out.
            run_id: Name of the run; the server makes one if left out.
            request_id: A call with the same one answers with the first call's run.
            initial_state: State to begin with, a dict.
            request_context: What every step may read, a dict.
            per_step: Pause after the first node; `resume` goes on.
            output: What the answer holds; everything but state and labels if left out.
            tracing: Whose trace the run belongs to; one of its own if left out.
            timeout_s: Of the whole call; without limit if left out.
        """
        request = run_service_pb2.RunRequest(
            workflow_id=workflow_id,
            input_data=payload("input_data", input_data),
            run_id=run_id,
            request_id=encode.request_id(request_id),
            initial_state=payload("initial_state", initial_state),
            request_context=payload("request_context", request_context),
            per_step=per_step,
            output=encode.output(output),
            tracing=encode.tracing(tracing),
        )
        return await self._change(self._connection.calls.runs.Run, request, timeout_s)

    def run_stream(
        self,
        workflow_id: str,
        *,
        input_data: Any = UNSET,
        run_id: str | None = None,
        request_id: str | None = None,
        initial_state: Any = UNSET,
        request_context: Any = UNSET,
        per_step: bool = False,
        tracing: TracingOptions | None = None,
        follow: bool = False,
    ) -> EventStream:
        """
        Run a workflow; the run's events. See `run` and `watch_run`.

        The run starts when the stream is first iterated.
        """
        request = run_service_pb2.RunStreamRequest(
            workflow_id=workflow_id,
            input_data=payload("input_data", input_data),
            run_id=run_id,
            request_id=encode.request_id(request_id),
            initial_state=payload("initial_state", initial_state),
            request_context=payload("request_context", request_context),
            per_step=per_step,
            tracing=encode.tracing(tracing),
            follow=follow,
        )
        return EventStream(
            self._connection,
            run_id=run_id,
            last_sequence=0,
            follow=follow,
            open_first=lambda runs: runs.RunStream(request, metadata=self._connection.metadata),
        )

    async def start_run(
        self,
        workflow_id: str,
        *,
        input_data: Any = UNSET,
        run_id: str | None = None,
        request_id: str | None = None,
        initial_state: Any = UNSET,
        request_context: Any = UNSET,
        per_step: bool = False,
        output: OutputOptions | None = None,
        tracing: TracingOptions | None = None,
    ) -> Run:
        """
        Start a workflow; the run, as soon as it is durable. See `run`.
        """
        request = run_service_pb2.StartRunRequest(
            workflow_id=workflow_id,
            input_data=payload("input_data", input_data),
            run_id=run_id,
            request_id=encode.request_id(request_id),
            initial_state=payload("initial_state", initial_state),
            request_context=payload("request_context", request_context),
            per_step=per_step,
            output=encode.output(output),
            tracing=encode.tracing(tracing),
        )
        return await self._change(self._connection.calls.runs.StartRun, request, self._timeout_s)

    async def resume(
        self,
        run_id: str,
        *,
        step: str | None = None,
        label: str | None = None,
        resume_data: Any = UNSET,
        request_context: Any = UNSET,
        per_step: bool = False,
        request_id: str | None = None,
        output: OutputOptions | None = None,
        timeout_s: float | None = None,
    ) -> Run:
        """
        Let a suspended run go on with *resume_data*, or a paused one without; the run at rest.

        Args:
            run_id: The run.
            step: Address of the suspended step. May be left out if exactly one is suspended.
            label: Of the suspension, in place of *step*.
            resume_data: Required for a suspended step, and refused for a paused run.
            request_context: Keys that replace those of the run's, from here on.
            per_step: Pause again after the next node.
            request_id: As for `run`.
            output: As for `run`.
            timeout_s: As for `run`.
        """
        request = run_service_pb2.ResumeRequest(
            run_id=run_id,
            step=step,
            label=label,
            resume_data=payload("resume_data", resume_data),
            request_context=payload("request_context", request_context),
            per_step=per_step,
            request_id=encode.request_id(request_id),
            output=encode.output(output),
        )
        return await self._change(self._connection.calls.runs.Resume, request, timeout_s)

    def resume_stream(
        self,
        run_id: str,
        *,
        step: str | None = None,
        label: str | None = None,
        resume_data: Any = UNSET,
        request_context: Any = UNSET,
        per_step: bool = False,
        request_id: str | None = None,
        follow: bool = False,
    ) -> EventStream:
        """
        Let a suspended or paused run go on; its events from there on. See `resume` and `watch_run`.

        The run goes on when the stream is first iterated.
        """
        request = run_service_pb2.ResumeStreamRequest(
            run_id=run_id,
            step=step,
            label=label,
            resume_data=payload("resume_data", resume_data),
            request_context=payload("request_context", request_context),
            per_step=per_step,
            request_id=encode.request_id(request_id),
            follow=follow,
        )
        return EventStream(
            self._connection,
            run_id=run_id,
            last_sequence=None,
            follow=follow,
            open_first=lambda runs: runs.ResumeStream(request, metadata=self._connection.metadata),
        )

    async def time_travel(
        self,
        run_id: str | None,
        step: str,
        *,
        workflow_id: str | None = None,
        input_data: Any = UNSET,
        resume_data: Any = UNSET,
        initial_state: Any = UNSET,
        context: Mapping[str, StepResult] | None = None,
        request_context: Any = UNSET,
        per_step: bool = False,
        force: bool = False,
        allow_definition_change: bool = False,
        new_run_id: str | None = None,
        request_id: str | None = None,
        output: OutputOptions | None = None,
        tracing: TracingOptions | None = None,
        timeout_s: float | None = None,
    ) -> Run:
        """
        Make a replay: a new run from a step of an old one. The replay at rest.

        The source stays as it is. What lies before the step is taken from it.

        Args:
            run_id: The source: ended, suspended or paused. None: a replay without one, which
                needs *workflow_id*.
            step: The target: address of what to execute from.
            workflow_id: May be left out if there is a source.
            input_data: What the target gets; if left out, what it got in the source.
            resume_data: Answer for the target if it was suspended, else for the first suspended
                step the replay reaches.
            initial_state: A dict; if left out, the state before the target started in the source.
            context: Records of steps before or beside the target, by address.
            request_context: Keys that replace those of the source's.
            per_step: Pause after the target.
            force: Execute an arm although its condition does not hold.
            allow_definition_change: Accept steps before the target in another order.
            new_run_id: Name of the replay; the server makes one if left out.
            request_id: As for `run`.
            output: As for `run`.
            tracing: As for `run`.
            timeout_s: As for `run`.
        """
        request = run_service_pb2.TimeTravelRequest(
            run_id=run_id,
            workflow_id=workflow_id,
            step=step,
            input_data=payload("input_data", input_data),
            resume_data=payload("resume_data", resume_data),
            initial_state=payload("initial_state", initial_state),
            context=encode.context(context),
            request_context=payload("request_context", request_context),
            per_step=per_step,
            force=force,
            allow_definition_change=allow_definition_change,
            new_run_id=new_run_id,
            request_id=encode.request_id(request_id),
            output=encode.output(output),
            tracing=encode.tracing(tracing),
        )
        return await self._change(self._connection.calls.runs.TimeTravel, request, timeout_s)

    def time_travel_stream(
        self,
        run_id: str | None,
        step: str,
        *,
        workflow_id: str | None = None,
        input_data: Any = UNSET,
        resume_data: Any = UNSET,
        initial_state: Any = UNSET,
        context: Mapping[str, StepResult] | None = None,
        request_context: Any = UNSET,
        per_step: bool = False,
        force: bool = False,
        allow_definition_change: bool = False,
        new_run_id: str | None = None,
        request_id: str | None = None,
        tracing: TracingOptions | None = None,
        follow: bool = False,
    ) -> EventStream:
        """
        Make a replay; its events. See `time_travel` and `watch_run`.

        The replay is made when the stream is first iterated.
        """
        request = run_service_pb2.TimeTravelStreamRequest(
            run_id=run_id,
            workflow_id=workflow_id,
            step=step,
            input_data=payload("input_data", input_data),
            resume_data=payload("resume_data", resume_data),
            initial_state=payload("initial_state", initial_state),
            context=encode.context(context),
            request_context=payload("request_context", request_context),
            per_step=per_step,
            force=force,
            allow_definition_change=allow_definition_change,
            new_run_id=new_run_id,
            request_id=encode.request_id(request_id),
            tracing=encode.tracing(tracing),
            follow=follow,
        )
        return EventStream(
            self._connection,
            run_id=new_run_id,
            last_sequence=0,
            follow=follow,
            open_first=lambda runs: runs.TimeTravelStream(
                request, metadata=self._connection.metadata
            ),
        )
