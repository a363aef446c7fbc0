"""
Failpoints: what arms them, and that nothing else does.
"""

import time
from collections.abc import Iterator

import pytest

from dalsegno.config import Settings, StartError, load
from dalsegno.model import failpoint
from dalsegno.model.failpoint import Failpoint, FailpointHit, hit


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    failpoint.arm("")


def test_nothing_is_armed_unless_it_is_asked_for() -> None:
    assert Settings().failpoints == ""
    for point in Failpoint:
        hit(point)


def test_a_place_fails_the_time_it_is_told_to_and_no_other() -> None:
    failpoint.arm("commit.after=raise@2")

    hit(Failpoint.COMMIT_AFTER)
    hit(Failpoint.COMMIT_BEFORE)
    with pytest.raises(FailpointHit, match=r"failpoint commit\.after"):
        hit(Failpoint.COMMIT_AFTER)
    hit(Failpoint.COMMIT_AFTER)


def test_a_place_raises_what_the_world_would() -> None:
    failpoint.arm("commit.before=raise")

    for _ in range(2):
        with pytest.raises(OSError, match=r"failpoint commit\.before"):
            hit(Failpoint.COMMIT_BEFORE, OSError)


def test_a_place_takes_its_time() -> None:
    failpoint.arm("answer.before=sleep:20, publish.before=raise")

    began = time.monotonic()
    hit(Failpoint.ANSWER_BEFORE)

    assert time.monotonic() - began >= 0.02


def test_arming_forgets_what_was_armed() -> None:
    failpoint.arm("commit.before=raise")
    failpoint.arm("commit.after=raise@5")

    hit(Failpoint.COMMIT_BEFORE)


@pytest.mark.parametrize(
    "text",
    ["commit.after", "commit.after=die", "commit.after=kill@0", "commit.after=sleep", "=kill"],
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(StartError, match=rf"failpoints: has '{text}', which is not NAME=kill"):
        load(failpoints=text)


def test_a_place_that_is_not_is_refused_with_those_that_are() -> None:
    with pytest.raises(StartError, match=r"has no failpoint 'commit'; there are .*commit\.before"):
        load(failpoints="commit=kill")
