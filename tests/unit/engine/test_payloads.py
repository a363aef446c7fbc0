"""
Values are data, whatever they are, and history keeps them as they were.
"""

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

import pytest

from dalsegno.engine import EngineSettings
from dalsegno.engine.commands import StartRun
from dalsegno.model import jsontext
from dalsegno.model.errors import InvalidInput, PayloadTooLarge
from dalsegno.workflow import Context, Retry, Workflow, step
from tests.unit.engine.bodies import Bodies
from tests.unit.engine.stage import Stages

FALSY: list[Any] = [None, False, 0, 0.0, "", [], {}]


@pytest.mark.parametrize("value", FALSY, ids=repr)
async def test_falsy_values_flow_like_any_other(value: Any, stages: Stages, bodies: Bodies) -> None:
    same = bodies.step("a", lambda value, _: value)
    stage = await stages.open(Workflow("w").then(same, same.named("b")))

    run = await stage.run("w", value)

    assert run.result == value
    assert run.input("a") == run.output("a") == run.input("b") == run.output("b") == value
    assert type(run.result) is type(value)


@pytest.mark.parametrize("value", FALSY, ids=repr)
async def test_falsy_resume_data_is_an_answer(value: Any, stages: Stages, bodies: Bodies) -> None:
    def asks(_: Any, ctx: Context) -> Any:
        answer = ctx.suspend()
        return [answer, ctx.resume_data, ctx.is_resumed]

    stage = await stages.open(Workflow("w").then(bodies.step("a", asks)))

    run = await stage.resume(await stage.run("w"), value)

    assert run.result == [value, value, True]


@pytest.mark.parametrize("value", FALSY, ids=repr)
async def test_falsy_overrides_of_a_travel_are_given(
    value: Any, stages: Stages, bodies: Bodies
) -> None:
    same = bodies.step("a", lambda value, _: value)
    stage = await stages.open(Workflow("w").then(same, same.named("b")))
    source = await stage.run("w", "something")

    assert (await stage.travel("b", source, input=value)).result == value
    assert (await stage.travel("a", source, input=value)).result == value


async def test_a_run_without_input_gets_null(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a", lambda value, _: [value])))

    assert (await stage.run("w")).result == [None]


@pytest.mark.parametrize(
    "text",
    [
        b'{"b":1,"a":2}',
        b'{ "spaced" : [ 1 , 2 ] }',
        b"123456789012345678901234567890",
        b"1.0",
        b"1e2",
        b"-0",
        '"text ü \\u00fc"'.encode(),
        b'"\\u0000"',
    ],
)
async def test_the_text_of_an_input_is_kept_byte_for_byte(
    text: bytes, stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a", lambda *_: None)))

    accepted = await stage.engine.run(StartRun("w", text))
    run = await stage.at_rest(accepted.run_id)
    replay = await stage.travel("a", run)

    assert run.view.run.input.json == text
    for each in (run, replay):
        recorded = each.records["a"].input
        assert recorded is not None
        assert recorded.json == text


async def test_a_step_that_changes_its_input_changes_no_history(stages: Stages) -> None:
    @step
    async def spoils(value: dict[str, Any], ctx: Context) -> dict[str, Any]:
        ctx.init_data["spoilt"] = True
        ctx.input["spoilt"] = True
        cast("dict[str, Any]", ctx.request_context)["spoilt"] = True
        (await ctx.result_of("first") or {})["spoilt"] = True
        value["list"].append("spoilt")
        return value

    @step
    async def sees(_: Any, ctx: Context) -> Any:
        return [ctx.init_data, ctx.request_context, await ctx.result_of("first")]

    @step
    async def first(value: dict[str, Any]) -> dict[str, Any]:
        return value

    stage = await stages.open(Workflow("w").then(first, spoils, sees))

    run = await stage.run("w", {"list": []}, request_context={})

    assert run.result == [{"list": []}, {}, {"list": []}]
    assert run.input("spoils") == {"list": []}
    assert run.output("spoils") == {"list": ["spoilt"]}


async def test_a_payload_that_passes_unchanged_is_stored_once(
    stages: Stages, bodies: Bodies
) -> None:
    same = bodies.step("a", lambda value, _: value)
    workflow = Workflow("w").then(same, same.named("b")).sleep("nap", 1)
    stage = await stages.open(workflow)

    run = await stage.run("w", "a" * 1000)

    stored = {
        payload.at
        for record in run.records.values()
        for payload in (record.input, record.output)
        if payload is not None
    }
    assert len(stored) == 1


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (math.nan, "$"),
        ({"a": math.inf}, "$.a"),
        ({"a": [1, {2}]}, "$.a[1]"),
        ([b"bytes"], "$[0]"),
        ({"a": {1: 2}}, "$.a"),
        pytest.param({"a": object()}, "$.a", id="an object"),
        (Decimal(1), "$"),
        ("\ud800", "$"),
    ],
    ids=str,
)
async def test_an_output_that_json_cannot_hold_fails_the_step_and_names_the_path(
    value: Any, path: str, stages: Stages, bodies: Bodies
) -> None:
    retry = Retry(max_attempts=3)
    body = bodies.step("a", lambda *_: value, retry=retry)
    stage = await stages.open(Workflow("w").then(body))

    run = await stage.run("w")

    assert run.status == "failed"
    assert run.error.message.startswith(f"{path}:")
    assert run.error.is_retryable is False
    assert bodies.calls == ["a"], "another attempt would not help"


@pytest.mark.parametrize(
    "ask", [lambda ctx: ctx.suspend({1, 2}), lambda ctx: ctx.bail({1, 2})], ids=["suspend", "bail"]
)
async def test_what_json_cannot_hold_cannot_be_asked_or_bailed_with(
    ask: Callable[[Context], Any], stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a", lambda _, ctx: ask(ctx))))

    run = await stage.run("w")

    assert run.status == "failed"
    assert run.statuses == {"a": "failed"}


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


async def test_values_nest_at_most_32_levels(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(
        Workflow("w").then(bodies.step("a", lambda levels, _: nested(levels))),
        Workflow("any").then(bodies.step("b", lambda value, _: value)),
    )

    assert (await stage.run("w", 32)).status == "success"
    assert (await stage.run("w", 33)).status == "failed"
    assert (await stage.run("any", nested(32))).status == "success"
    with pytest.raises(InvalidInput):
        await stage.engine.run(StartRun("any", b"[" * 33 + b"]" * 33))


async def test_a_block_whose_joined_output_gets_too_deep_fails(
    stages: Stages, bodies: Bodies
) -> None:
    deep = bodies.step("a", lambda *_: nested(32))
    stage = await stages.open(
        Workflow("parallel").parallel(deep), Workflow("foreach").foreach(deep)
    )

    joined = await stage.run("parallel")
    collected = await stage.run("foreach", [1])

    assert joined.statuses == {"a": "success"}
    assert joined.status == collected.status == "failed"
    assert collected.statuses == {"a": "failed", "a[0]": "success"}


async def test_a_payload_that_is_too_large_is_refused_or_fails_its_step(
    stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(
        Workflow("w").then(bodies.step("a", lambda size, _: "x" * size)),
        settings=EngineSettings(payload_bytes_max=100),
    )

    assert (await stage.run("w", 98)).status == "success"
    too_large = await stage.run("w", 99)
    assert too_large.error.type == "PayloadTooLarge"
    with pytest.raises(PayloadTooLarge) as refusal:
        await stage.start("w", "x" * 99)
    assert refusal.value.facts["payload_bytes_max"] == "100"


@pytest.mark.parametrize(
    "text", [b"", b"{", b"NaN", b"1 2", b"\xff", b'{"a":1,"a":2}', b'"\\ud800"']
)
async def test_an_input_that_is_no_json_is_refused_and_nothing_is_written(
    text: bytes, stages: Stages, bodies: Bodies
) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a")))

    with pytest.raises(InvalidInput) as refusal:
        await stage.engine.run(StartRun("w", text))

    assert "input_data" in refusal.value.violations
    assert await stage.runs() == []


async def test_integers_of_any_size_survive(stages: Stages, bodies: Bodies) -> None:
    stage = await stages.open(Workflow("w").then(bodies.step("a", lambda value, _: value + 1)))

    run = await stage.run("w", 10**40)

    assert run.result == 10**40 + 1
    assert jsontext.dumps(run.result) == str(10**40 + 1).encode()
