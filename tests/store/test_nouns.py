"""
That what goes into a store comes out of it, field by field, for every store.
"""

import itertools
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from dalsegno.model.event import Event, EventType
from dalsegno.model.payload import Payload, Ref
from dalsegno.model.record import Attempt, Error, NodeKind, StepStatus
from dalsegno.model.run import Run, RunStatus
from dalsegno.store.contract import Store
from tests.store.samples import (
    ERROR,
    FULL_EVENT,
    FULL_LINEAGE,
    FULL_RECORD,
    FULL_RUN,
    NOON_US,
    Pen,
    new_run,
    record,
    replay_of,
    text,
    told,
)


@pytest.mark.parametrize(
    "sample",
    [FULL_EVENT, FULL_RECORD, FULL_RUN, FULL_LINEAGE, FULL_RUN.tracing, ERROR],
    ids=lambda sample: type(sample).__name__,
)
def test_the_samples_leave_no_field_out(sample: Any) -> None:
    left_out = [each.name for each in fields(sample) if getattr(sample, each.name) == each.default]
    assert left_out == []


async def write_lineage(store: Store) -> None:
    """
    The runs that the full samples come from.
    """
    root = new_run("root")
    await Pen(store, root).write()
    await Pen(store, replay_of(root, "source")).write(told(payload=text("there")))


@pytest.mark.parametrize("type_", EventType)
async def test_an_event_comes_back_as_it_was(store: Store, type_: EventType) -> None:
    event = replace(FULL_EVENT, type=type_)

    await Pen(store).write(event)

    here = Ref("run", 1)
    assert await store.events("run", after=0, limit=9) == [
        replace(
            event,
            payload=text("payload", here),
            resume_data=text("resume data", here),
            state=text("state", here),
        )
    ]


async def test_an_event_with_nothing_but_its_type_comes_back_as_it_was(store: Store) -> None:
    await Pen(store).write(told(EventType.RUN_PAUSED, ""))

    assert await store.events("run", after=0, limit=9) == [
        Event("run", 1, NOON_US, EventType.RUN_PAUSED)
    ]


@pytest.mark.parametrize("status", StepStatus)
async def test_a_record_of_any_status_comes_back_as_it_was(
    store: Store, status: StepStatus
) -> None:
    full = replace(FULL_RECORD, status=status)

    await Pen(store).write(records=[full])

    assert await store.record("run", full.address) == full


@pytest.mark.parametrize("kind", NodeKind)
async def test_a_record_of_any_kind_comes_back_as_it_was(store: Store, kind: NodeKind) -> None:
    await Pen(store).write(records=[record("charge", kind=kind)])

    assert await store.record("run", "charge") == record("charge", kind=kind)


ONE = Attempt(1, NOON_US, NOON_US + 9)


@pytest.mark.parametrize(
    "attempts",
    [
        (),
        (ONE,),
        (replace(ONE, number=3),),
        (replace(ONE, started_us=NOON_US + 1),),
        (replace(ONE, ended_us=None),),
        (replace(ONE, error=ERROR),),
        (replace(ONE, error=ERROR), replace(ONE, number=2)),
    ],
)
async def test_attempts_come_back_as_they_were(store: Store, attempts: tuple[Attempt, ...]) -> None:
    done = record("charge", ended_us=NOON_US + 9, attempts=attempts)

    await Pen(store).write(records=[done])

    assert await store.record("run", "charge") == done


async def test_a_record_replaces_all_of_what_was_at_its_address(store: Store) -> None:
    pen = Pen(store)
    await pen.write(records=[FULL_RECORD])

    bare = record(FULL_RECORD.address, first_sequence=0)
    await pen.write(records=[bare])

    assert await store.steps("run", after_sequence=-1, after_address="", limit=9) == [bare]


async def test_a_run_comes_back_as_it_was(store: Store) -> None:
    await write_lineage(store)

    await Pen(store, replace(FULL_RUN, newest_sequence=0)).write(told())

    assert await store.run("run") == FULL_RUN


@pytest.mark.parametrize("status", RunStatus)
async def test_everything_that_may_change_in_a_run_changes(store: Store, status: RunStatus) -> None:
    await write_lineage(store)
    fixed = ("run_id", "workflow_id", "created_us", "input", "initial_state", "lineage")
    before = new_run(**{name: getattr(FULL_RUN, name) for name in fixed})
    pen = Pen(store, before)
    await pen.write()

    after = replace(FULL_RUN, status=status)
    changes = {field.name: getattr(after, field.name) for field in fields(Run)}
    del changes["newest_sequence"]
    await pen.write(told(), **changes, held_epoch=1)

    assert await store.run("run") == after


async def test_a_run_with_nothing_set_comes_back_as_it_was(store: Store) -> None:
    await Pen(store).write()

    began = Payload(b"{}", Ref("run", 0))
    assert await store.run("run") == new_run(state=began, initial_state=began)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
# Lone surrogates, too: they come out of exceptions of user code.
NUMBERS = itertools.count()
ANY_TEXT = st.text(st.characters(exclude_categories=()))
ERRORS = st.builds(
    Error,
    ANY_TEXT,
    ANY_TEXT,
    st.booleans(),
    st.none() | st.builds(Error, ANY_TEXT, ANY_TEXT, st.booleans()),
)


@example(value="", is_ascii=True, error=Error("E", "\ud800"), label="\ud800\x00", number=0)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(value=JSON, is_ascii=st.booleans(), error=ERRORS, label=ANY_TEXT, number=st.integers(0))
async def test_text_comes_back_to_the_byte(
    store: Store, value: Any, is_ascii: bool, error: Error, label: str, number: int
) -> None:
    payload = Payload(json.dumps(value, ensure_ascii=is_ascii).encode("utf-8", "replace"))
    run_id = f"run-{next(NUMBERS)}"
    run = new_run(run_id, input=payload, kept_resume_data=(("a", payload),), error=error)

    await Pen(store, run).write(
        told(payload=payload, error=error, reason=label),
        records=[record("a", output=payload, suspend_label=label, resumed_us=number)],
    )

    (event,) = await store.events(run_id, after=0, limit=9)
    kept = await store.record(run_id, "a")
    assert event.payload == replace(payload, at=Ref(run_id, 1))
    assert (event.error, event.reason) == (error, label)
    assert kept is not None
    assert (kept.output, kept.suspend_label, kept.resumed_us) == (payload, label, number)
    again = await store.run(run_id)
    assert again is not None
    assert (again.input, again.error) == (payload, error)
    assert again.kept_resume_data == (("a", payload),)
