"""
The bodies of steps, by the name of their `op`.
"""

import asyncio
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dalsegno.workflow import Context, NonRetryable
from tests.conformance.ledger import Ledger
from tests.conformance.scenario import Malformed

_GATE_POLL_S = 0.005  # short beside what a call takes


@dataclass(frozen=True, slots=True)
class Try:
    """
    One try of a body.
    """

    spec: Mapping[str, Any]
    value: Any
    ctx: Context
    ledger: Ledger

    @property
    def v(self) -> Any:
        return self.value["v"]

    @property
    def n(self) -> Any:
        return self.spec.get("n", 0)


def body_of(spec: Mapping[str, Any], ledger: Ledger) -> Callable[..., Any]:
    """
    The body of a step, which notes each entry in the ledger before anything else.

    Some are plain functions, so that worker threads are covered as well.

    Raises:
        Malformed: There is no such op.
    """
    name = spec.get("op", "")
    op = _OPS.get(name)
    if op is None:
        raise Malformed(f"op {name!r} is unknown")

    def plain(value: Any, ctx: Context) -> Any:
        ledger.enter(ctx, value)
        return op(Try(spec, value, ctx, ledger))

    async def coroutine(value: Any, ctx: Context) -> Any:
        given = plain(value, ctx)
        return await given if inspect.isawaitable(given) else given

    return plain if name in _ON_THREADS else coroutine


def _fail(this: Try) -> Any:
    raise RuntimeError(this.spec["message"])


def _fail_non_retryable(this: Try) -> Any:
    raise NonRetryable(this.spec["message"])


def _fail_times(this: Try) -> Any:
    times = this.ledger.times_entered(this.ctx)
    if times <= this.spec["times"]:
        raise RuntimeError(f"fails the first {this.spec['times']} times, this is number {times}")
    return {"v": this.v + this.n}


def _fail_if(this: Try) -> Any:
    times = this.spec.get("times")
    if this.v == this.spec["eq"] and (times is None or this.ledger.times_failed(this.ctx) < times):
        this.ledger.fail(this.ctx)
        raise RuntimeError(f"fails if v is {this.v}")
    return {"v": this.v + this.n}


def _suspend_until(this: Try) -> Any:
    answer = this.ctx.suspend({"ask": this.v}, label=this.spec.get("label"))
    return {"v": this.v + answer["add"]}


def _suspend_if(this: Try) -> Any:
    if this.v == this.spec["eq"]:
        this.ctx.suspend({"ask": this.v})
    answer = this.ctx.resume_data
    added = answer.get("add") if isinstance(answer, dict) else None
    return {"v": this.v + (added or this.n)}


def _approve(this: Try) -> Any:
    return {"v": 1 if this.ctx.suspend({"ask": this.v}) else 0}


def _bail(this: Try) -> Any:
    this.ctx.bail({"v": this.spec["value"]})


def _cancel(this: Try) -> Any:
    this.ctx.cancel()


def _add_state(this: Try) -> Any:
    state = this.ctx.state
    this.ctx.set_state({**state, "total": state.get("total", 0) + this.v})
    return {"v": this.v}


def _set_state(this: Try) -> Any:
    this.ctx.set_state(this.spec["value"])
    return this.value


async def _result_of(this: Try) -> Any:
    result = await this.ctx.result_of(this.spec["step"])
    return {"v": -1 if result is None else result["v"]}


def _emit(this: Try) -> Any:
    this.ctx.emit(this.spec["data"])
    return this.value


def _mutate(this: Try) -> Any:
    this.value["v"] += this.n
    return this.value


def _bad_json(this: Try) -> Any:
    kinds = {"nan": float("nan"), "inf": float("inf"), "bytes": b"\x00", "set": {1}}
    return {"v": kinds[this.spec["kind"]]}


async def _gate(this: Try) -> Any:
    while not this.ledger.is_open(this.spec["name"]):  # noqa: ASYNC110 - another process opens it
        await asyncio.sleep(_GATE_POLL_S)
    return this.value


async def _sleep_for(this: Try) -> Any:
    await asyncio.sleep(this.spec["seconds"])
    return this.value


def _report(this: Try) -> Any:
    return {
        "v": this.v,
        "is_replay": this.ctx.is_replay,
        "attempt": this.ctx.attempt,
        "address": this.ctx.address,
        "key": this.ctx.idempotency_key,
    }


_OPS: Mapping[str, Callable[[Try], Any]] = {
    "add": lambda this: {"v": this.v + this.n},
    "sub": lambda this: {"v": this.v - this.n},
    "mul": lambda this: {"v": this.v * this.n},
    "add_int": lambda this: this.value + this.n,
    "echo": lambda this: this.value,
    "const": lambda this: this.spec["value"],
    "fail": _fail,
    "fail_times": _fail_times,
    "fail_if": _fail_if,
    "fail_non_retryable": _fail_non_retryable,
    "suspend_until": _suspend_until,
    "suspend_if": _suspend_if,
    "approve": _approve,
    "bail": _bail,
    "cancel": _cancel,
    "sum": lambda this: {"v": sum(item["v"] for item in this.value.values())},
    "keys": lambda this: {"v": len(this.value)},
    "to_list": lambda this: [{"v": this.v + place} for place in range(this.n)],
    "sum_list": lambda this: {"v": sum(item["v"] for item in this.value)},
    "add_state": _add_state,
    "read_state": lambda this: {"v": this.ctx.state.get("total") or -1},
    "set_state": _set_state,
    "result_of": _result_of,
    "init_plus": lambda this: {"v": this.v + this.ctx.init_data["v"]},
    "context_get": lambda this: {"v": this.ctx.request_context.get(this.spec["key"], -1)},
    "emit": _emit,
    "mutate": _mutate,
    "bad_json": _bad_json,
    "gate": _gate,
    "sleep_for": _sleep_for,
    "report": _report,
}

_ON_THREADS = frozenset({"mul", "keys", "report"})
