from __future__ import annotations

import math
from collections.abc import Generator

import pytest

from trainer.worker.pace import CATCH_UP_S, MAX_SLICE, Interval, Ledger, Pace, Slice, take_bite


@pytest.mark.parametrize("speed", [0.2, 1.0, 3.0, 100.0, 10_000.0])
def test_a_paced_run_makes_exactly_its_speed_and_never_drifts(speed: float) -> None:
    pace, now, made = Pace(speed), 5.0, 0
    pace.start(now)
    while now < 5.0 + 10_000 / speed:
        owed = pace.owed(now)
        pace.made(owed, now)
        made += owed
        now += min(0.37 / speed, 0.2)
    assert made == 10_000


def test_the_first_step_is_due_at_once_and_the_next_after_its_time() -> None:
    pace = Pace(10.0)
    pace.start(100.0)
    assert pace.owed(100.0) == 1
    pace.made(1, 100.0)
    assert pace.owed(100.05) == 0
    assert pace.next_at == pytest.approx(100.1)
    assert pace.owed(100.1) == 1


def test_a_stall_is_made_up_for_only_in_part() -> None:
    pace = Pace(100.0)
    pace.start(0.0)
    assert pace.owed(60.0) == round(CATCH_UP_S * 100) + 1
    pace.made(pace.owed(60.0), 60.0)
    assert pace.owed(60.0) == 0


def test_a_slow_run_makes_one_step_after_a_stall() -> None:
    pace = Pace(1.0)
    pace.start(0.0)
    pace.made(pace.owed(0.0), 0.0)
    assert pace.owed(60.0) == 1
    pace.made(1, 60.0)
    assert pace.owed(60.7) == 0
    assert pace.owed(61.0) == 1


def test_a_new_speed_counts_the_time_since_the_last_step() -> None:
    pace = Pace(1.0)
    pace.start(0.0)
    pace.made(1, 0.0)
    pace.change(2.0, 0.3)
    assert pace.next_at == pytest.approx(0.5)
    pace.change(0.5, 0.3)
    assert pace.next_at == pytest.approx(2.0)


def test_without_a_speed_there_is_always_something_to_do() -> None:
    pace = Pace(None)
    pace.start(0.0)
    assert pace.owed(0.0) == MAX_SLICE
    assert pace.next_at == -math.inf
    pace.made(500, 7.0)
    pace.change(10.0, 7.0)
    assert pace.next_at == pytest.approx(7.1)


def test_a_slice_begins_with_one_and_learns_how_many_fill_it() -> None:
    piece = Slice(0.015, 1000)
    assert piece.count == 1
    for _ in range(20):
        piece.measured(piece.count, piece.count * 0.001)
    assert piece.count in (14, 15)  # 15 but for rounding


def test_a_slice_recovers_from_a_slow_beginning() -> None:
    piece = Slice(0.015, 1000)
    piece.measured(1, 0.5)
    for _ in range(30):
        piece.measured(piece.count, piece.count * 0.001)
    assert piece.count >= 14  # the half second weighs 0.7^30 = 0.00002 by now, 0.01 ms a step


def test_a_slice_is_never_empty_nor_without_end() -> None:
    piece = Slice(0.015, 1000)
    piece.measured(1, 10.0)
    assert piece.count == 1
    piece = Slice(0.015, 1000)
    piece.measured(1, 0.0)
    assert piece.count == 1000


def test_a_ledger_holds_spending_to_its_share() -> None:
    ledger, now, spent = Ledger(0.1, 0.0), 0.0, 0.0
    while now < 100.0:
        if ledger.allows(now):
            ledger.spend(0.03)
            spent += 0.03
            now += 0.03
        now += 0.001
    # It earned a tenth of 100 seconds, and may owe one piece.
    assert 9.9 <= spent <= 10.0 + 0.03


def test_nobody_waits_long_for_what_was_begun_before_the_machine_stood_still() -> None:
    ledger = Ledger(0.02, 0.0)
    ledger.spend(3600.0)
    assert ledger.wait(0.0) == pytest.approx(Ledger.MOST_S)


def test_a_ledger_saves_up_little_and_says_how_long_to_wait() -> None:
    ledger = Ledger(0.1, 0.0)
    assert ledger.allows(1000.0)
    ledger.spend(Ledger.CAP_S)
    assert ledger.wait(1000.0) == 0.0
    ledger.spend(0.05)
    assert ledger.wait(1000.0) == pytest.approx(0.5)
    assert ledger.wait(1000.5) == pytest.approx(0.0, abs=1e-9)


def test_an_interval_is_over_at_first_and_after_its_time() -> None:
    interval = Interval(0.1)
    assert interval.over(0.0)
    interval.mark(0.0)
    assert not interval.over(0.09)
    assert interval.over(0.1)
    interval.mark(0.1)
    interval.forget()
    assert interval.over(0.1)


class Clock:
    """A clock that work moves forward."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def work(clock: Clock, pieces: list[float]) -> Generator[None, None, str]:
    for seconds in pieces:
        clock.now += seconds
        yield
    return "done"


@pytest.mark.parametrize(
    ("pieces", "done"),
    [
        pytest.param([1.0, 1.0], 1, id="one piece at least, however long"),
        pytest.param([0.004] * 9, 2, id="no piece that would not fit"),
        pytest.param([0.001] * 30, 10, id="as many as fit, the last to the end"),
        pytest.param([0.0] * 9 + [0.02] + [0.0] * 9, 10, id="pieces that take no time"),
    ],
)
def test_a_bite_is_as_many_pieces_as_fit_and_one_at_least(pieces: list[float], done: int) -> None:
    clock = Clock()
    assert take_bite(work(clock, pieces), clock) == (False, None)
    assert clock.now == pytest.approx(50.0 + sum(pieces[:done]))


def test_a_bite_that_ends_the_work_says_what_came_of_it() -> None:
    clock = Clock()
    assert take_bite(work(clock, [0.001] * 3), clock) == (True, "done")


def test_an_interval_that_is_forgotten_is_over_at_once() -> None:
    interval = Interval(0.1)
    interval.mark(5.0)
    assert not interval.over(5.0)
    interval.forget()
    assert interval.over(5.0)
    assert interval.next_at == -math.inf


def test_steps_made_ahead_of_their_time_are_forgiven_at_a_change_of_speed() -> None:
    pace = Pace(1.0)
    pace.start(0.0)
    pace.made(5, 0.0)  # four steps by hand, ahead of their time
    pace.change(2.0, 0.5)
    assert pace.next_at == pytest.approx(1.0)


def test_a_pace_that_was_not_started_has_a_step_due() -> None:
    assert Pace(10.0).next_at == -math.inf


def test_a_slice_weighs_what_it_measures_last_by_three_tenths() -> None:
    piece = Slice(0.015, 1000)
    piece.measured(1, 0.001)
    piece.measured(1, 0.002)
    assert piece.count == 11  # of 0.7 x 1 + 0.3 x 2 = 1.3 ms


def test_a_ledger_allows_from_its_first_moment_and_never_asks_for_a_wait_before_it_owes() -> None:
    assert Ledger(0.1, 7.0).allows(7.0)
    assert Ledger(0.1, 7.0).wait(1000.0) == 0.0
