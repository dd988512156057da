from __future__ import annotations

from typing import Any

import pytest

from tests.trainer.worker.fakes import FakeExperiment, live
from trainer.config import parse
from trainer.worker.extras import who_votes

PLAY: dict[str, Any] = {"op": "play"}
FAST: dict[str, Any] = {"op": "speed", "steps_per_second": None}


def lanes(*rates: tuple[float, float]) -> Any:
    return parse({"hidden": [9], "lanes": [{"dropout": each} for each in rates]})


@pytest.mark.parametrize(
    ("rates", "followed", "expected"),
    [
        ([(0, 0), (0.2, 0.5)], 1, [(1, 1), (0, 1)]),
        ([(0, 0), (0.2, 0.5)], 0, [(0, 1), (1, 1)]),
        ([(0, 0.3), (0, 0), (0.2, 0.5), (0, 0)], 2, [(2, 2), (1, 2)]),
        ([(0, 0), (0, 0), (0, 0.8), (0.2, 0.5)], 1, [(1, 2), (2, 2)]),
        ([(0, 0.3), (0.2, 0.5)], 0, [(0, 0)]),
        ([(0, 0), (0, 0)], 1, [(1, 1)]),
    ],
)
def test_the_contrast_lane_is_the_documented_one(rates: Any, followed: int, expected: Any) -> None:
    assert who_votes(lanes(*rates), followed) == expected


def test_a_lane_that_drops_nothing_but_channels_counts_as_one_with_dropout() -> None:
    given = [{}, {"spatial_dropout": [0, 0.2]}]
    assert who_votes(parse({"network": "cnn", "lanes": given}), 0) == [(0, 1), (1, 1)]


def test_extras_take_a_tenth_of_the_time_at_full_speed() -> None:
    day = live(61.0, [(1.0, FAST), (1.0, PLAY)], runs={"r": {"config": {"dataset": "moons"}}})
    spent = day.experiments["r"].extras_s
    before = 2 * 64 * 0.001 + 0.02  # while it was paused, which is free
    # A tenth of 60 seconds, what the ledger had saved, and a debt of at most one boundary.
    assert 5.5 < spent - before <= 6.0 + 0.1 + 0.02 + 1e-9


def test_many_runs_share_one_tenth() -> None:
    runs = {f"r{number}": {"config": {"dataset": "moons"}} for number in range(5)}
    playing = [
        (1.0, {"op": "command", "run": run, "ref": 0, "command": command}) for run in runs for command in (FAST, PLAY)
    ]
    day = live(61.0, playing, runs=runs)
    spent = [experiment.extras_s for experiment in day.experiments.values()]
    assert sum(spent) - 5 * 0.148 <= 6.0 + 0.1 + 0.02 + 1e-9
    assert min(spent) > 0.5 * max(spent)


def test_votes_come_at_most_twice_and_boundaries_four_times_a_second() -> None:
    def cheap(run: str, experiment: FakeExperiment) -> None:
        experiment.member_s = experiment.boundary_s = 1e-5

    day = live(11.0, [(1.0, FAST), (1.0, PLAY)], runs={"r": {"config": {"dataset": "moons"}}}, tune=cheap)
    assert 18 <= len(day.frames("ensemble")[1:]) <= 21
    assert 36 <= len(day.frames("boundary")[1:]) <= 41


def test_digits_have_no_boundary() -> None:
    assert live(3.0, [(1.0, PLAY)]).frames("boundary") == []


def test_votes_are_of_one_step_and_in_bites_that_a_command_does_not_notice() -> None:
    def slow(run: str, experiment: FakeExperiment) -> None:
        experiment.member_s = 0.002

    commands = [(1.0 + number * 0.05, {"op": "speed", "steps_per_second": 100 + number}) for number in range(100)]
    day = live(7.0, [(0.9, PLAY), *commands], tune=slow)
    waited = [at - (1000.0 + asked) for (at, _), (asked, _) in zip(day.messages("reply")[1:], commands, strict=True)]
    # A slice of 15 steps of 1 ms, scores of 2 ms, and a bite of at most 5 members of 2 ms.
    assert max(waited) < 0.015 + 0.002 + 0.010 + 0.001


def test_votes_of_what_is_not_followed_any_more_are_not_sent() -> None:
    # The votes of step 0 take 128 ms; in their midst another example is chosen.
    day = live(2.0, [(0.05, {"op": "follow", "example": 5})])
    assert [frame.tensors["example"].tolist() for _, frame in day.frames("ensemble")] == [[5]]


def test_a_dear_boundary_does_not_keep_the_votes_from_being_counted() -> None:
    def dear(run: str, experiment: FakeExperiment) -> None:
        experiment.boundary_s = 0.05  # two a second would use up the tenth

    day = live(61.0, [(1.0, FAST), (1.0, PLAY)], runs={"r": {"config": {"dataset": "moons"}}}, tune=dear)
    # Six seconds to share: votes of 2 · 64 sub-networks take 0.128 of them, and get half.
    assert len(day.frames("ensemble")[1:]) >= 3.0 / 0.128 - 2
    assert len(day.frames("boundary")[1:]) >= 3.0 / 0.05 - 2


def test_time_that_nobody_would_have_trained_in_is_cheaper() -> None:
    playing = live(61.0, [(1.0, PLAY)], runs={"r": {"config": {"dataset": "moons"}}})
    at_full_speed = live(61.0, [(1.0, FAST), (1.0, PLAY)], runs={"r": {"config": {"dataset": "moons"}}})
    assert playing.experiments["r"].extras_s > 1.5 * at_full_speed.experiments["r"].extras_s
