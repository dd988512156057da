"""Schedules: what they multiply rates with at each step, and that a network follows them."""

from __future__ import annotations

from typing import Any

import pytest

from trainer.models import scheduled
from trainer.settings.config import parse
from trainer.settings.schedule import share
from trainer.training.experiment import Experiment


@pytest.mark.parametrize(
    ("schedule", "shares"),
    [
        ("constant", [1, 1, 1, 1, 1, 1, 1]),
        ("early", [1, 1, 1, 1, 0, 0, 0]),
        ("late", [0, 0, 0, 0, 1, 1, 1]),
        ("ramp_down", [1, 0.75, 0.5, 0.25, 0, 0, 0]),
        ("ramp_up", [0, 0.25, 0.5, 0.75, 1, 1, 1]),
    ],
)
def test_a_schedule_of_four_steps_has_the_documented_shares(schedule: str, shares: list[float]) -> None:
    assert [share(schedule, 4, step) for step in range(1, 8)] == shares


def test_a_schedule_may_be_one_step_long() -> None:
    assert [share("ramp_down", 1, step) for step in (1, 2, 3)] == [1, 0, 0]
    assert [share("early", 1, step) for step in (1, 2)] == [1, 0]


@pytest.mark.parametrize("schedule", ["early", "late", "ramp_down", "ramp_up"])
def test_the_rates_of_a_lane_follow_its_schedule_and_those_of_others_do_not(schedule: str) -> None:
    lanes: list[dict[str, Any]] = [
        {"name": "a", "dropout": [0.2, 0.8]},
        {"name": "b", "dropout": [0.2, 0.8], "schedule": schedule, "schedule_steps": 5},
    ]
    experiment = Experiment(parse({"hidden": [40], "train_size": 64, "batch_size": 16, "lanes": lanes}), device="cpu")
    experiment.follow(lane=1)
    steps = experiment.run(8)
    expected = [0.8 * share(schedule, 5, step) for step in range(1, 9)]
    assert steps.rates[:, 1].tolist() == pytest.approx(expected)
    for rate, kept in zip(expected, steps.kept["hidden1"].tolist(), strict=True):
        assert rate or kept == 40
    assert int(steps.kept["hidden1"].min()) < 40
    experiment.follow(lane=0)
    assert experiment.run(3).rates[:, 1].tolist() == pytest.approx([0.8] * 3)


def test_only_a_lane_that_drops_and_has_a_schedule_needs_its_rates_at_every_step() -> None:
    def of(**lane: Any) -> bool:
        return scheduled(parse({"hidden": [9], "lanes": [{"name": "a", **lane}]}))

    assert of(dropout=[0.2, 0.5], schedule="late")
    assert not of(dropout=[0.2, 0.5])
    assert not of(schedule="late")
