"""
Stores that are filled with copies.
"""

from pathlib import Path

from bench.fill import copied_id, multiply
from bench.inprocess import run, started
from dalsegno.model.event import Event
from dalsegno.store.contract import RunFilter
from dalsegno.store.sqlite import SqliteStore


async def test_a_copy_has_all_of_its_original_under_its_own_name(tmp_path: Path) -> None:
    db = tmp_path / "runs.db"
    async with started(db, "sequence_2") as engine:
        await run(engine, "sequence_2")

    multiply(db, 3)

    store = await SqliteStore.open(db)
    try:
        *copies, original = await store.list_runs(RunFilter(), after=None, limit=9)
        assert [it.run_id for it in copies] == [copied_id(number, 1) for number in (3, 2, 1)]
        told = await store.events(original.run_id, after=0, limit=99)
        for copy in copies:
            events = await store.events(copy.run_id, after=0, limit=99)
            records = await store.steps(copy.run_id, after_sequence=0, after_address="", limit=99)
            assert [_without_name(event) for event in events] == list(map(_without_name, told))
            assert [record.address for record in records] == ["s0", "s1"]
            payloads = [it.payload for it in events] + [it.input for it in records]
            assert {it.at.run_id for it in payloads if it and it.at} == {copy.run_id}
    finally:
        await store.close()


def _without_name(event: Event) -> tuple[int, str, str, bytes | None]:
    return event.sequence, event.type, event.address, event.payload.json if event.payload else None
