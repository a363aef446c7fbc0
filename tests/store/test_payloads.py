"""
What references name, and that each text is found wherever it is kept, for every store.
"""

import pytest

from dalsegno.model.errors import CorruptHistory
from dalsegno.model.event import EventType
from dalsegno.model.payload import Payload, Ref
from dalsegno.store.contract import Store
from tests.store.samples import Pen, new_run, record, replay_of, text, told

STARTED = EventType.STEP_STARTED
RESUMED = EventType.RUN_RESUMED
COMPLETED = EventType.STEP_COMPLETED


async def test_a_payload_is_read_with_whatever_refers_to_it(store: Store) -> None:
    pen = Pen(store)
    output = text("output", Ref("run", 1))

    await pen.write(told(payload=text("output")), told(COMPLETED, payload=output))
    await pen.write(
        records=[record("a", input=output, output=output, suspend_payload=output)],
        input=output,
        result=output,
        request_context=output,
    )

    (first, second) = await store.events("run", after=0, limit=9)
    assert (first.payload, second.payload) == (output, output)
    kept = await store.record("run", "a")
    assert kept is not None
    assert (kept.input, kept.output, kept.suspend_payload) == (output, output, output)
    run = await store.run("run")
    assert run is not None
    assert (run.result, run.request_context) == (output, output)
    assert await store.payload(Ref("run", 1)) == output


async def test_a_payload_of_another_run_is_read_with_whatever_refers_to_it(store: Store) -> None:
    source = new_run("source")
    await Pen(store, source).write(told(payload=text("output")))
    output = text("output", Ref("source", 1))
    replay = Pen(store, replay_of(source, "replay", input=output))

    await replay.write(
        told(STARTED, payload=output, resume_data=text("kept")),
        records=[record("a", input=output, output=output)],
        result=output,
        request_context=output,
    )

    (event,) = await store.events("replay", after=0, limit=9)
    assert event.payload == output
    kept = await store.record("replay", "a")
    assert kept is not None
    assert (kept.input, kept.output) == (output, output)
    run = await store.run("replay")
    assert run is not None
    assert (run.input, run.result, run.request_context) == (output, output, output)


async def test_what_an_event_is_said_to_hold_itself_is_kept_in_it(store: Store) -> None:
    own = text("output", Ref("run", 1))

    await Pen(store).write(told(STARTED, payload=own, resume_data=own, state=own))

    (event,) = await store.events("run", after=0, limit=9)
    assert (event.payload, event.resume_data, event.state) == (own, own, own)


async def test_resume_data_is_the_payload_of_what_resumed_the_run(store: Store) -> None:
    answer = text("answer", Ref("run", 1))

    await Pen(store).write(
        told(RESUMED, "", payload=text("answer")),
        told(STARTED, payload=text("input"), resume_data=answer),
        records=[record("a", resume_data=answer)],
    )

    assert (await store.events("run", after=1, limit=9))[0].resume_data == answer
    kept = await store.record("run", "a")
    assert kept is not None
    assert kept.resume_data == answer


async def test_resume_data_is_the_resume_data_of_the_step_that_began_with_it(store: Store) -> None:
    answer = text("answer", Ref("run", 1))

    await Pen(store).write(
        told(STARTED, payload=text("input"), resume_data=text("answer")),
        told(STARTED, payload=text("input", Ref("run", 1)), resume_data=answer, attempt=2),
        records=[record("a", input=text("input", Ref("run", 1)), resume_data=answer)],
    )

    assert (await store.events("run", after=1, limit=9))[0].resume_data == answer
    kept = await store.record("run", "a")
    assert kept is not None
    assert kept.resume_data == answer


async def test_a_state_is_found_at_the_event_that_set_it(store: Store) -> None:
    pen = Pen(store)
    state = Payload(b'{"n":1}', Ref("run", 1))

    await pen.write(told(COMPLETED, payload=text("output"), state=Payload(b'{"n":1}')), state=state)
    await pen.write(told())

    run = await store.run("run")
    assert run is not None
    assert run.state == state
    assert run.initial_state == Payload(b"{}", Ref("run", 0))


async def test_a_replay_shares_the_state_its_source_had(store: Store) -> None:
    source = new_run("source", initial_state=Payload(b'{"n":0}'), state=Payload(b'{"n":0}'))
    pen = Pen(store, source)
    await pen.write(told(COMPLETED, state=Payload(b'{"n":1}')))
    rewound = Payload(b'{"n":0}', Ref("source", 0))
    later = Payload(b'{"n":1}', Ref("source", 1))

    first = replay_of(source, "first", initial_state=rewound, state=rewound)
    await Pen(store, first).write(told())
    of_first = Payload(b'{"n":0}', Ref("first", 0))
    await Pen(store, replay_of(first, "second", initial_state=of_first, state=of_first)).write()
    await Pen(store, replay_of(source, "third", initial_state=later, state=later)).write()

    for run_id, state in [("first", rewound), ("second", rewound), ("third", later)]:
        run = await store.run(run_id)
        assert run is not None
        assert (run.initial_state, run.state) == (state, state)
        assert await store.payload(Ref(run_id, 0)) == Payload(state.json, Ref(run_id, 0))


async def test_a_run_that_goes_on_may_name_its_state_by_where_it_began(store: Store) -> None:
    source = new_run("source", initial_state=Payload(b'{"n":0}'), state=Payload(b'{"n":0}'))
    await Pen(store, source).write()
    rewound = Payload(b'{"n":0}', Ref("source", 0))
    replay = Pen(store, replay_of(source, "replay", initial_state=rewound, state=rewound))
    await replay.write()

    await replay.write(told(), state=Payload(b'{"n":0}', Ref("replay", 0)))

    run = await store.run("replay")
    assert run is not None
    assert run.state == rewound


async def test_the_state_before_an_event_is_the_newest_one_set_below_it(store: Store) -> None:
    pen = Pen(store)
    one, two = Payload(b'{"n":1}'), Payload(b'{"n":2}')
    await pen.write(told(), told(COMPLETED, state=one), told(), told(COMPLETED, state=two))
    await Pen(store, new_run("other")).write(told(COMPLETED, state=text("other")))

    found = [await store.state_before("run", sequence) for sequence in range(1, 7)]

    first, second = Payload(b'{"n":1}', Ref("run", 2)), Payload(b'{"n":2}', Ref("run", 4))
    assert found == [None, None, first, first, second, second]
    assert await store.state_before("unknown", 5) is None


@pytest.mark.parametrize(
    "ref", [Ref("run", 2), Ref("run", 3), Ref("unknown", 1), Ref("unknown", 0)]
)
async def test_a_reference_to_nothing_is_corrupt(store: Store, ref: Ref) -> None:
    await Pen(store).write(told(payload=text("a")), told(EventType.RUN_PAUSED, ""))

    with pytest.raises(CorruptHistory):
        await store.payload(ref)


async def test_what_refers_to_an_event_without_the_text_is_corrupt(store: Store) -> None:
    pen = Pen(store)
    nowhere = text("a", Ref("run", 2))
    await pen.write(told(payload=text("a")), told(payload=text("a", Ref("run", 1))))
    await pen.write(told(payload=nowhere), records=[record("a", input=nowhere)], result=nowhere)

    with pytest.raises(CorruptHistory):
        await store.events("run", after=2, limit=1)
    with pytest.raises(CorruptHistory):
        await store.record("run", "a")
    with pytest.raises(CorruptHistory):
        await store.run("run")


async def test_a_payload_may_be_large(store: Store) -> None:
    large = b'"' + b"x" * (2 * 1024 * 1024) + b'"'
    await Pen(store).write(told(payload=Payload(large)))

    assert (await store.payload(Ref("run", 1))).json == large
