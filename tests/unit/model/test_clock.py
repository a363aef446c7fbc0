"""
The machine's clock, and what becomes of changes to it.
"""

import asyncio
import logging

import pytest

from dalsegno.model.clock import SECOND_US, SystemClock

SECOND = 1_000_000_000  # in nanoseconds, as the machine counts
NOON = 1_767_268_800 * SECOND
HOUR = 3600 * SECOND
BOOTED = 77 * SECOND


class Machine:
    """
    A machine whose clock anybody may set.
    """

    def __init__(self) -> None:
        self.wall = NOON
        self.elapsed = BOOTED
        self.stopped_between_reads = 0
        self.looks = 0

    def clock(self) -> SystemClock:
        return SystemClock(wall_ns=self.read_wall, elapsed_ns=lambda: self.elapsed)

    def read_wall(self) -> int:
        self.looks += 1
        wall = self.wall
        self.pass_(self.stopped_between_reads)
        self.stopped_between_reads = 0
        return wall

    def pass_(self, time: int) -> None:
        self.wall += time
        self.elapsed += time


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_it_tells_the_time_of_the_machine(machine: Machine) -> None:
    clock = machine.clock()

    assert clock.now_us() == NOON // 1000
    machine.pass_(5 * SECOND)
    assert clock.now_us() == (NOON + 5 * SECOND) // 1000


@pytest.mark.parametrize("jump", [-24 * HOUR, -HOUR, -2 * SECOND, 2 * SECOND, HOUR, 24 * HOUR])
def test_a_jump_is_logged_once_and_not_followed(
    machine: Machine, caplog: pytest.LogCaptureFixture, jump: int
) -> None:
    clock = machine.clock()
    machine.pass_(SECOND)
    machine.wall += jump

    with caplog.at_level(logging.WARNING):
        times = []
        for _ in range(5):
            times.append(clock.now_us() - NOON // 1000)
            machine.pass_(SECOND)

    assert times == [seconds * SECOND_US for seconds in (1, 2, 3, 4, 5)]
    assert [record.__dict__["jump_s"] for record in caplog.records] == [jump / SECOND]


def test_after_the_next_start_it_is_the_machines_time_again(machine: Machine) -> None:
    machine.clock()
    machine.wall += HOUR

    assert machine.clock().now_us() == (NOON + HOUR) // 1000


@pytest.mark.parametrize("correction", [-SECOND, -SECOND // 8, SECOND // 8, SECOND])
def test_a_correction_is_followed_slowly_and_wholly(
    machine: Machine, caplog: pytest.LogCaptureFixture, correction: int
) -> None:
    clock = machine.clock()
    machine.wall += correction

    now = before = clock.now_us()
    for _ in range(120):
        machine.pass_(SECOND // 10)
        now = clock.now_us()
        assert 0.9 * SECOND_US / 10 <= now - before <= 1.1 * SECOND_US / 10
        before = now

    assert now == machine.wall // 1000
    assert not caplog.messages


def test_corrections_go_on_after_a_jump(machine: Machine) -> None:
    """
    The goal: the clock keeps the pace that NTP gives, also when it no longer has the time of day.
    """
    clock = machine.clock()
    machine.wall += HOUR
    machine.pass_(SECOND)
    clock.now_us()
    for _ in range(100):
        machine.pass_(SECOND)
        machine.wall += SECOND // 2000  # as fast as NTP slews
        clock.now_us()

    expected = (NOON + 101 * SECOND + SECOND // 20) // 1000
    assert abs(clock.now_us() - expected) <= 1


def test_it_never_goes_back(machine: Machine) -> None:
    """
    The method: a clock that is set back a second at a time, and one that is set back faster than
    time passes.
    """
    clock = machine.clock()
    times = []
    for back in (SECOND, 0, SECOND, SECOND // 2, 2 * HOUR, SECOND, 0) * 10:
        machine.wall -= back
        machine.pass_(SECOND // 100)
        times += [clock.now_us(), clock.now_us()]

    assert times == sorted(times)
    assert times[-1] >= NOON // 1000 + SECOND_US // 2


def test_it_looks_at_the_machines_clock_now_and_then_only(machine: Machine) -> None:
    clock = machine.clock()
    for _ in range(1000):
        machine.pass_(SECOND // 1000)
        assert clock.now_us() == machine.wall // 1000

    assert machine.looks <= 101


def test_a_suspension_of_the_machine_is_time_that_passed(machine: Machine) -> None:
    clock = machine.clock()
    machine.pass_(8 * HOUR)
    machine.wall += SECOND // 2  # what the battery's clock makes of it

    assert abs(clock.now_us() - (NOON + 8 * HOUR) // 1000) <= SECOND_US // 2


def test_a_stop_between_the_two_reads_is_no_jump(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    clock = machine.clock()
    machine.pass_(SECOND)
    machine.stopped_between_reads = HOUR

    assert clock.now_us() == (NOON + SECOND + HOUR) // 1000
    assert machine.stopped_between_reads == 0
    assert not caplog.messages


async def test_a_sleep_ends_at_its_time_although_the_clock_is_set(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        machine.pass_(round(seconds * SECOND))
        machine.wall += HOUR if len(slept) == 1 else -HOUR

    monkeypatch.setattr(asyncio, "sleep", sleep)
    clock = machine.clock()
    await clock.sleep_until(NOON // 1000 + 12 * SECOND_US)

    assert slept == [5.0, 5.0, 2.0]
    assert clock.now_us() == NOON // 1000 + 12 * SECOND_US


async def test_the_real_one_waits() -> None:
    clock = SystemClock()
    begun = clock.now_us()

    await clock.sleep_until(begun + 2000)

    assert begun + 2000 <= clock.now_us() < begun + SECOND_US
