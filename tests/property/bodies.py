"""
What the steps of random workflows do, and a ledger of when they did it.
"""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from zlib import crc32

from dalsegno.model.clock import SECOND_US
from dalsegno.model.record import StepStatus
from dalsegno.store.contract import Append
from dalsegno.workflow import Context, Retry, step
from dalsegno.workflow.step import Step
from tests.fakes import JumpingClock

_TEXT_MAX = 60  # joins of joins double their text; a longer one is cut and keeps its sum


class Does(StrEnum):
    """
    What a step does beside adding its letter.
    """

    ADD = "add"
    FAIL = "fail"
    FAIL_ONCE = "fail_once"
    ASK = "ask"
    ASK_NUMBER = "ask_number"  # takes no other answer
    BAIL = "bail"
    CANCEL = "cancel"
    NAP = "nap"
    EMIT = "emit"
    KEEP = "keep"  # counts in the state
    TELL = "tell"  # adds what the state counts
    GIVE_NULL = "give_null"


@dataclass(frozen=True)
class Part:
    """
    One step.

    Attributes:
        only_in: It does so only in the iterations and items of this number, and else adds.
    """

    id: str
    does: Does = Does.ADD
    only_in: int | None = None
    attempts: int = 1

    def __repr__(self) -> str:
        does = "" if self.does is Does.ADD else f":{self.does}"
        where = "" if self.only_in is None else f" only in [{self.only_in}]"
        often = "" if self.attempts == 1 else f" attempts={self.attempts}"
        return f"{self.id}{does}{where}{often}"


def trace(value: Any) -> str:
    """
    The text that stands for a value; different for values that are easily taken for another.
    """
    match value:
        case str():
            text = value
        case dict():
            text = f"({'|'.join(f'{key}={trace(item)}' for key, item in value.items())})"
        case list():
            text = f"[{'|'.join(map(trace, value))}]"
        case _:
            text = repr(value)
    return text if len(text) <= _TEXT_MAX else f"{text[:20]}~{crc32(text.encode()):08x}"


class Ledger:
    """
    Makes steps, notes each entry of a body, and knows which successes are durable.

    Attributes:
        entries: How often the body at an address of a run was entered.
        wrong: What no body may ever see: an entry behind a success of its own.
        mended: Steps that do nothing but add from now on, as if their code had been mended.
    """

    def __init__(self, clock: JumpingClock) -> None:
        self._clock = clock
        self._succeeded: set[tuple[str, str]] = set()
        self.entries: Counter[tuple[str, str]] = Counter()
        self.wrong: list[str] = []
        self.mended: set[str] = set()

    def written(self, append: Append) -> None:
        """
        An append is on disk.
        """
        self._succeeded.update(
            (record.run_id, record.address)
            for record in append.records
            if record.status is StepStatus.SUCCESS
        )

    def step(self, part: Part) -> Step[..., Any]:
        retry = Retry(max_attempts=part.attempts) if part.attempts > 1 else None
        resume = int if part.does is Does.ASK_NUMBER else None

        @step(id=part.id, retry=retry, resume=resume)
        async def body(value: Any, ctx: Context) -> Any:
            self._enter(ctx)
            text = f"{trace(value)}{part.id}"
            if isinstance(value, dict | list):
                value.clear()  # what a body does to its input must change no history
            is_here = part.only_in is None or f"[{part.only_in}]" in ctx.address
            is_odd = is_here and part.id not in self.mended
            return await self._act(part.does if is_odd else Does.ADD, text, ctx)

        return body

    def _enter(self, ctx: Context) -> None:
        where = (ctx.run_id, ctx.address)
        if where in self._succeeded:
            self.wrong.append(f"{ctx.address} of {ctx.run_id} executed again after its success")
        self.entries[where] += 1

    async def _act(self, does: Does, text: str, ctx: Context) -> Any:
        match does:
            case Does.FAIL:
                message = f"{ctx.address} failed"
                raise ValueError(message)
            case Does.FAIL_ONCE if ctx.attempt == 1:
                message = f"{ctx.address} failed once"
                raise ValueError(message)
            case Does.ASK | Does.ASK_NUMBER:
                answer = ctx.suspend({"ask": ctx.address}, label=ctx.address[-1])
                return f"{text}<{trace(answer)}>"
            case Does.BAIL:
                ctx.bail(f"{text}!")
            case Does.CANCEL:
                ctx.cancel(f"{ctx.address} wants no more")
            case Does.NAP:
                await self._clock.sleep_until(self._clock.now_us() + SECOND_US)
            case Does.EMIT:
                ctx.emit(text)
            case Does.KEEP:
                ctx.set_state({"n": _count(ctx) + 1})
            case Does.TELL:
                return f"{text}{_count(ctx)}"
            case Does.GIVE_NULL:
                return None
        return text


def _count(ctx: Context) -> int:
    return int(ctx.state.get("n", 0))
