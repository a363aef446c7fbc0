import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from dalsegno.model.lineage import Lineage
from dalsegno.workflow.context import Context, Surroundings, new_state
from dalsegno.workflow.signals import Bail, CancelRun, Suspend

LINEAGE = Lineage("r0", "a", "r0", 1, (), "a")


async def nine(step_id: str) -> Any:
    return {"a": 9}.get(step_id)


async def context(emit: Callable[[Any], None] = print, **other: Any) -> Context:
    values: dict[str, Any] = {
        "run_id": "r1",
        "workflow_id": "main",
        "address": "items[7].enrich",
        "attempt": 2,
        "input": {"v": 1},
        "init_data": {"v": 0},
        "state": {"total": 1},
        "request_context": {"who": "ann"},
        "is_resumed": False,
        "resume_data": None,
        "suspend_payload": None,
        "lineage": None,
    }
    return Context(
        Surroundings(
            **{**values, **other},
            result_of=nine,
            emit=emit,
            loop=asyncio.get_running_loop(),
        )
    )


async def test_an_idempotency_key_names_run_and_address_but_no_attempt() -> None:
    first, second = await context(attempt=1), await context(attempt=2)

    assert first.idempotency_key == second.idempotency_key == "r1/items[7].enrich"


async def test_a_replay_knows_that_it_is_one() -> None:
    assert not (await context()).is_replay
    assert (await context(lineage=LINEAGE)).is_replay


async def test_a_body_sees_the_state_it_has_set() -> None:
    ctx = await context()
    assert ctx.state == {"total": 1}
    assert new_state(ctx)[0] is False

    ctx.set_state(None)

    assert ctx.state is None
    assert new_state(ctx) == (True, None)


@pytest.mark.parametrize("answer", [None, 0, False, "", {"add": 1}])
async def test_suspending_ends_the_body_until_there_is_an_answer(answer: Any) -> None:
    with pytest.raises(Suspend) as caught:
        (await context()).suspend({"ask": 1}, label="boss")

    assert (caught.value.payload, caught.value.label) == ({"ask": 1}, "boss")
    assert (await context(is_resumed=True, resume_data=answer)).suspend({"ask": 1}) == answer


async def test_a_body_can_end_its_workflow_or_its_run() -> None:
    with pytest.raises(Bail) as bailed:
        (await context()).bail({"v": 1})
    with pytest.raises(CancelRun) as canceled:
        (await context()).cancel("enough")

    assert bailed.value.result == {"v": 1}
    assert canceled.value.reason == "enough"


async def test_handling_all_errors_does_not_stop_a_signal() -> None:
    def careless(ctx: Context) -> None:
        try:
            ctx.suspend()
        except Exception as error:
            raise AssertionError from error

    ctx = await context()

    with pytest.raises(Suspend):
        careless(ctx)


async def test_earlier_outputs_can_be_read_from_coroutines_and_from_threads() -> None:
    ctx = await context()

    assert await ctx.result_of("a") == 9
    assert await ctx.result_of("b") is None
    assert await asyncio.to_thread(ctx.blocking_result_of, "a") == 9


async def test_a_coroutine_may_not_block_for_an_output() -> None:
    ctx = await context()

    with pytest.raises(RuntimeError, match="must use `await"):
        ctx.blocking_result_of("a")


async def test_what_is_emitted_is_handed_on() -> None:
    emitted: list[Any] = []
    ctx = await context(emit=emitted.append)

    ctx.emit({"half": True})

    assert emitted == [{"half": True}]
