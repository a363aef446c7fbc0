"""
What handlers of runs have in common: waiting for a run, showing it, streaming its events.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TypeVar

from google.protobuf.message import Message

from dalsegno.engine import Engine
from dalsegno.engine.commands import Accepted
from dalsegno.model.errors import InvalidRequest
from dalsegno.model.event import Event
from dalsegno.rpc.interceptors.wrap import Context
from dalsegno.v1 import event_pb2, run_pb2
from dalsegno.wire.event import event_to_proto, heartbeat
from dalsegno.wire.fit import fitting, leave_out_largest
from dalsegno.wire.page import page_size, token_to_proto
from dalsegno.wire.payload import Form
from dalsegno.wire.run import run_to_proto

FORM_KEY = "dalsegno-payload-form"

_ENVELOPE_BYTES = 1024  # what a response holds beside the run, the event or the page

M = TypeVar("M", bound=Message)


# Gives at most so many items, and where the page after them begins (None after the last).
Fetch = Callable[[int], Awaitable[tuple[Sequence[M], str | None]]]


def form_of(context: Context) -> Form:
    """
    The form that the caller wants payloads in.

    Raises:
        InvalidRequest: There is no such form.
    """
    for key, value in context.invocation_metadata() or ():
        if key == FORM_KEY:
            try:
                return Form(value)
            except ValueError:
                raise InvalidRequest({FORM_KEY: f"{value!r} is neither value nor json"}) from None
    return Form.VALUE


class Answers:
    """
    Shows runs and their events to callers, in messages that fit.

    Attributes:
        bytes_max: What a run, an event or a page may take of a message.
    """

    def __init__(self, engine: Engine, *, heartbeat_s: float, message_bytes_max: int) -> None:
        self._engine = engine
        self._heartbeat_s = heartbeat_s
        self.bytes_max = message_bytes_max - _ENVELOPE_BYTES

    async def now(self, run_id: str, output: run_pb2.OutputOptions, form: Form) -> run_pb2.Run:
        """
        The run as it is.
        """
        with_steps = output.view != run_pb2.RUN_VIEW_BASIC
        view = await self._engine.view(run_id, with_steps=with_steps)
        return run_to_proto(view, output, form=form, bytes_max=self.bytes_max)

    async def at_rest(self, run_id: str, output: run_pb2.OutputOptions, form: Form) -> run_pb2.Run:
        """
        The run once it has ended, is suspended or is paused.
        """
        await self._engine.wait(run_id)
        return await self.now(run_id, output, form)

    @asynccontextmanager
    async def events(
        self, accepted: Accepted, context: Context, *, follow: bool, form: Form
    ) -> AsyncIterator[AsyncIterator[event_pb2.RunEvent]]:
        """
        The events that a command brought about, as they happen, and heartbeats between them.

        Metadata is sent at once: otherwise a quiet stream looks unopened until its first event.
        """
        watched = await self._engine.watch(
            accepted.run_id,
            after_sequence=accepted.after_sequence,
            follow=follow,
            idle_s=self._heartbeat_s,
        )
        async with aclosing(watched) as batches:
            await context.send_initial_metadata(())
            yield self._messages(accepted.run_id, batches, form)

    async def page(self, request: Message, fetch: Fetch[M]) -> tuple[Sequence[M], str]:
        """
        The page asked for, as far as it fits into an answer, and the token of the next.

        One that does not fit is fetched again, shorter: only who fetches knows where the next
        page begins then.
        """
        limit = page_size(request)
        while True:
            messages, start = await fetch(limit)
            taken = fitting(messages, self.bytes_max)
            if len(taken) == len(messages):
                return taken, token_to_proto(request, start)
            limit = len(taken)

    async def _messages(
        self, run_id: str, batches: AsyncIterator[Sequence[Event]], form: Form
    ) -> AsyncIterator[event_pb2.RunEvent]:
        async for batch in batches:
            if not batch:
                yield heartbeat(run_id)
            for event in batch:
                message = event_to_proto(event, form)
                leave_out_largest(message, self.bytes_max)
                yield message
