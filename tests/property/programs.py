"""
What may be asked next: strategies over the runs there are.

Most of what is drawn makes sense, so that programs get somewhere; some of it does not.
"""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from dalsegno.model import jsontext
from dalsegno.model.record import Record
from tests.property.commands import LEFT_OUT, Answer, Cancel, Command, Pause, Start, Travel
from tests.property.promises import Promises
from tests.property.world import World

_NOWHERE = ("nowhere", "w", "a.b", "a[0]", "a[7]", "a[", "")

VALUES = st.sampled_from(["", None, False, 0, "x", {}, [], {"k": [1]}, ["0", "1", "2"]])
_STATES = st.builds(lambda n: {"n": n}, st.integers(0, 2))
_ANSWERS = st.sampled_from([1, 0, "", None, False, "x"])
_SELDOM = st.sampled_from([False, False, False, True])

# How long the test looks away after an action: until all rests, or some turns of the loop.
TURNS = st.one_of(st.none(), st.none(), st.integers(0, 60))


def rarely(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from([True, True, True, False]).flatmap(
        lambda is_left_out: st.just(LEFT_OUT) if is_left_out else values
    )


class Programs:
    """
    Draws commands that fit what there is.
    """

    def __init__(self, world: World, promises: Promises) -> None:
        self._world = world
        self._promises = promises

    @property
    def runs(self) -> Sequence[str]:
        return list(self._promises.shown)

    def starts(self) -> st.SearchStrategy[Start]:
        return st.builds(Start, VALUES, rarely(_STATES), _SELDOM)

    def travels(self) -> st.SearchStrategy[Travel]:
        return st.sampled_from(self.runs).flatmap(
            lambda run: st.one_of(self._plain_travels(run), self._odd_travels(run))
        )

    def _plain_travels(self, run: str) -> st.SearchStrategy[Travel]:
        return st.builds(Travel, st.just(run), self._places(run))

    def _odd_travels(self, run: str) -> st.SearchStrategy[Travel]:
        # What an address has recorded once more, or anything.
        outputs = st.one_of(VALUES, st.sampled_from(self._outputs(run)))
        places = self._places(run)
        return st.builds(
            Travel,
            st.just(run),
            st.one_of(places, places, places, st.sampled_from(_NOWHERE)),
            input=rarely(VALUES),
            data=rarely(_ANSWERS),
            state=rarely(_STATES),
            payload=rarely(VALUES),
            outputs=st.one_of(st.just({}), st.dictionaries(places, outputs, max_size=2)),
            per_step=_SELDOM,
            force=_SELDOM,
        )

    def _places(self, run: str) -> st.SearchStrategy[str]:
        return st.sampled_from(list(self._promises.shown[run]) or _NOWHERE)

    def _outputs(self, run: str) -> list[Any]:
        records = self._promises.shown[run].values()
        return [None, *(_decoded(record) for record in records if record.output is not None)]

    def answers(self) -> st.SearchStrategy[Answer]:
        waiting = [run for run, asked in self._promises.asked.items() if asked]
        paused = [run for run, each in self._world.runs.items() if each.status == "paused"]
        goes_on = [self._right_answers(run) for run in waiting]
        goes_on += [st.builds(Answer, st.just(run), per_step=_SELDOM) for run in paused]
        return st.one_of(*goes_on, *goes_on, self._odd_answers())

    def _right_answers(self, run: str) -> st.SearchStrategy[Answer]:
        asked = [suspension.address for suspension in self._promises.asked[run]]
        steps = [None, *asked] if len(asked) == 1 else asked
        return st.builds(Answer, st.just(run), _ANSWERS, st.sampled_from(steps), per_step=_SELDOM)

    def _odd_answers(self) -> st.SearchStrategy[Answer]:
        return st.sampled_from(self.runs).flatmap(
            lambda run: st.builds(
                Answer,
                st.just(run),
                rarely(_ANSWERS).map(lambda data: data),
                st.one_of(st.none(), st.sampled_from([*self._promises.shown[run], *_NOWHERE])),
                st.one_of(st.none(), st.sampled_from(["a", "b", "]", "none"])),
            )
        )

    def signals(self) -> st.SearchStrategy[Command]:
        runs = st.sampled_from(self.runs)
        return st.one_of(st.builds(Pause, runs), st.builds(Cancel, runs))

    def any(self) -> st.SearchStrategy[Command]:
        return st.one_of(self.starts(), self.travels(), self.answers(), self.signals())


def _decoded(record: Record) -> Any:
    assert record.output is not None
    return jsontext.parse(record.output.json)
