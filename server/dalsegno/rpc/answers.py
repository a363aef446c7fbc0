"""
What handlers of runs have in common: waiting for a run, showing it, streaming its events.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TypeVar

from google.protobuf.message import Message

from dalsegno.engine import Engine
from dalsegno.engine.commands import Accepted
from dalsegno.model.errors import InvalidRequest
from dalsegno.model.run import Run
from dalsegno.rpc.interceptors.wrap import Context
from dalsegno.rpc.serialized import Ready, Serialized
from dalsegno.v1 import run_pb2
from dalsegno.wire.event import heartbeat_answer
from dalsegno.wire.fit import fitting
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
        self._serialized = {form: Serialized(form, self.bytes_max) for form in Form}

    async def now(self, run_id: str, output: run_pb2.OutputOptions, form: Form) -> run_pb2.Run:
        """
        The run as it is.
        """
        return await self._shown(run_id, None, output, form)

    async def at_rest(self, run_id: str, output: run_pb2.OutputOptions, form: Form) -> run_pb2.Run:
        """
        The run once it has ended, is suspended or is paused.
        """
        run = await self._engine.wait(run_id)
        return await self._shown(run_id, run, output, form)

    async def _shown(
        self, run_id: str, known: Run | None, output: run_pb2.OutputOptions, form: Form
    ) -> run_pb2.Run:
        with_steps = output.view != run_pb2.RUN_VIEW_BASIC
        view = await self._engine.view(run_id, with_steps=with_steps, known=known)
        return run_to_proto(view, output, form=form, bytes_max=self.bytes_max)

    async def events(
        self, command: Callable[[], Awaitable[Accepted]], context: Context, *, follow: bool
    ) -> AsyncGenerator[Ready, None]:
        """
        The events that a command brings about, as they happen, and heartbeats between them.

        Metadata is sent at once: otherwise a quiet stream looks unopened until its first event.
        """
        serialized = self._serialized[form_of(context)]
        accepted = await command()
        heartbeat = Ready([heartbeat_answer(accepted.run_id)])
        watched = await self._engine.watch(
            accepted.run_id,
            after_sequence=accepted.after_sequence,
            follow=follow,
            idle_s=self._heartbeat_s,
        )
        async with aclosing(watched):
            await context.send_initial_metadata(())
            async for batch in watched:
                yield serialized.ready(batch) if batch else heartbeat
                del batch  # a reader that waits holds no events

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
