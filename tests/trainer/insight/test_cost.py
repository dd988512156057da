"""What a step costs: each lane by itself, timed once for each configuration. How long it takes is not tested."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from trainer import Experiment
from trainer.insight import cost, finish, look_at, make_insight
from trainer.insight.cost import AT_ONCE, TURNS, alone
from trainer.settings.config import parse


def experiment(**knobs: Any) -> Experiment:
    return Experiment(parse({"hidden": [20], "train_size": 70, "batch_size": 16} | knobs), device="cpu")


def test_every_lane_has_a_median_between_its_quartiles() -> None:
    found = look_at("cost", experiment())
    assert found["step_count"] == [TURNS * AT_ONCE]
    assert found["milliseconds"].shape == (2,)
    assert (found["lower"] > 0).all()
    assert (found["lower"] <= found["milliseconds"]).all()
    assert (found["milliseconds"] <= found["upper"]).all()


def test_lanes_beyond_those_that_are_timed_have_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "LANES", 2)
    found = look_at("cost", experiment(lanes=[{}] * 4))
    for name in ("milliseconds", "lower", "upper"):
        assert np.isfinite(found[name]).tolist() == [True, True, False, False]


def test_what_was_timed_holds_until_a_knob_moves() -> None:
    own = experiment()
    view = make_insight("cost", own)
    first = finish(view.look())
    own.run(3)
    assert finish(view.look()) is first
    own.set(lane=0, batch_norm=True)
    assert finish(view.look()) is not first


def test_a_lane_by_itself_is_the_run_that_its_knobs_describe() -> None:
    lanes = [{}, {"dropout": [0.1, 0.5], "hidden": [12], "seed": 5, "train_size": 40, "l2": 0.01}]
    own = experiment(lanes=lanes)
    own.run(2)
    apart = alone(own, 1, own.config)
    written = experiment(hidden=[12], lanes=[{**lanes[1], "hidden": None}])
    assert torch.equal(apart.run(6).loss, written.run(6).loss)


def test_schedules_and_early_stopping_do_not_spoil_the_time_of_a_lane_by_itself() -> None:
    own = experiment(lanes=[{"dropout": [0.2, 0.5], "schedule": "late", "patience": 2}])
    apart = alone(own, 0, own.config)
    assert np.allclose(apart.run(1).rates, [[0.2, 0.5]])
    assert apart.config.lanes[0].patience == 0


def test_the_run_goes_on_as_if_nothing_had_been_timed() -> None:
    own, other = experiment(), experiment()
    for each in (own, other):
        each.run(4)
        each.set(lane=1, dropout=[0.1, 0.2])
    look_at("cost", own)
    assert (own.step, own.changes, own.followed) == (other.step, other.changes, other.followed)
    assert torch.equal(own.run(5).loss, other.run(5).loss)
