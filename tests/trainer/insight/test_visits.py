"""Masks are counted from the first step on, for the lane whose masks they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from trainer import Experiment
from trainer.insight import finish
from trainer.insight.base import Found
from trainer.insight.visits import View, chances_of
from trainer.settings.config import parse
from trainer.settings.dropouts import KINDS


def watched(slices: Sequence[int] = (7, 1, 12), **knobs: Any) -> tuple[Experiment, View, list[np.ndarray]]:
    """A run, its view, and the masks (K, units) of every slice, all places side by side."""
    given: dict[str, Any] = {"batch_size": 16, "train_size": 70, "hidden": [24, 12]}
    experiment = Experiment(parse(given | knobs), device="cpu")
    view, masks = View(experiment), []
    for count in slices:
        steps = experiment.run(count)
        view.saw(steps)
        masks.append(np.concatenate([mask.numpy() for mask in steps.masks.values()], axis=1))
    return experiment, view, masks


def seen(view: View) -> Found:
    return finish(view.look())


def test_every_unit_is_counted_as_often_as_its_masks_dropped_it() -> None:
    lanes = [{"name": "a"}, {"name": "b", "dropout": [0.2, 0.5, 0]}]
    _, view, masks = watched(lanes=lanes)
    found = seen(view)
    dropped = (~np.concatenate(masks)).sum(axis=0)
    assert np.array_equal(found["dropped/input"], dropped[:64])
    assert np.array_equal(found["dropped/hidden1"], dropped[64:88])
    assert "dropped/hidden2" not in found, "it drops nothing"
    assert (found["lane"][0], found["masks"][0], found["drawn"][0], found["units"][0]) == (1, 20, 20 * 16, 88)
    assert found["expected/input"][0] == pytest.approx(4)
    assert found["expected/hidden1"][0] == pytest.approx(10)
    assert found["distinct"][0] == len(np.unique(np.concatenate(masks), axis=0)) == 20


def test_masks_that_come_again_are_counted_once_and_one_for_the_mini_batch_is_one() -> None:
    knobs = {"dataset": "moons", "hidden": [3], "mask": "per_batch", "lanes": [{"name": "a", "dropout": [0, 0.5]}]}
    _, view, masks = watched((30, 30), **knobs)
    found = seen(view)
    assert found["distinct"][0] == len(np.unique(np.concatenate(masks), axis=0)) <= 8
    assert found["units"][0] == 3
    assert found["drawn"][0] == 60


def test_the_counts_of_each_lane_are_kept_apart() -> None:
    lanes = [{"name": "a", "dropout": [0.2, 0.5, 0.5]}, {"name": "b", "dropout": [0, 0.8, 0]}]
    experiment, view, _ = watched((10,), lanes=lanes)
    experiment.follow(lane=1)
    steps = experiment.run(5)
    view.saw(steps)
    other = seen(view)
    assert (other["lane"][0], other["masks"][0], other["units"][0]) == (1, 5, 24)
    assert np.array_equal(other["dropped/hidden1"], (~steps.masks["hidden1"].numpy()).sum(axis=0))
    experiment.follow(lane=0)
    assert seen(view)["masks"][0] == 10


def test_a_lane_without_dropout_has_nothing_to_count() -> None:
    _, view, _ = watched(lanes=[{"name": "a"}])
    found = seen(view)
    assert [found[name][0] for name in ("masks", "distinct", "drawn", "units")] == [20, 1, 0, 0]
    assert not [name for name in found if name.startswith("dropped")]


def test_units_that_a_narrow_lane_does_not_have_were_never_dropped() -> None:
    _, view, _ = watched(lanes=[{"name": "a", "hidden": [10, 12], "dropout": [0, 0.5, 0]}, {"name": "b"}])
    found = seen(view)
    assert found["units"][0] == 10
    assert found["dropped/hidden1"][:10].min() > 0, "2⁻²⁰ for each of ten units"
    assert found["dropped/hidden1"][10:].tolist() == [0] * 14


def test_what_is_expected_follows_a_schedule_and_a_knob_that_moves() -> None:
    lane = {"name": "a", "dropout": [0, 0.5, 0.5], "schedule": "late", "schedule_steps": 8}
    experiment, view, masks = watched((20,), lanes=[lane])
    on = 20 - int(np.concatenate(masks).all(axis=1).sum())  # steps with any unit dropped: 2⁻³⁶ that one has none
    assert 0 < on < 20
    assert seen(view)["expected/hidden1"][0] == pytest.approx(0.5 * on)
    experiment.set(lane=0, dropout=[0, 0.25, 0])
    view.saw(experiment.run(4))
    found = seen(view)
    assert found["expected/hidden1"][0] == pytest.approx(0.5 * on + 1)
    assert found["expected/hidden2"][0] == pytest.approx(0.5 * on), "it dropped, once"


def test_groups_are_what_is_dropped_where_there_is_no_rate_of_single_units() -> None:
    spatial = [{"name": "a", "dropout": [0, 0, 0.1, 0], "spatial_dropout": [0.5, 0.2]}]
    _, view, _ = watched((3,), network="cnn", channels=[4, 6], hidden=[16], lanes=spatial)
    found = seen(view)
    assert found["units"][0] == 4 + 6 * 4 * 4, "channels of the first convolution, units of the second"
    assert found["expected/conv2"][0] == pytest.approx(3 * (1 - 0.9 * 0.8))
    variational = [{"name": "a", "dropout": [0.2, 0.3, 0.5]}]
    _, view, _ = watched((3,), network="lstm", hidden=[16], lanes=variational)
    assert seen(view)["units"][0] == 8 + 16 + 16, "columns of the image, units of the state, units of the output"


def test_weights_are_what_dropconnect_drops() -> None:
    lane = {"name": "a", "dropout": [0, 0.5, 0], "dropout_kind": "dropconnect", "hidden": [10, 5]}
    _, view, _ = watched((3,), lanes=[lane, {"name": "b"}])
    assert seen(view)["units"][0] == 10 * 5


def test_a_gaussian_factor_is_below_one_half_of_the_time_whatever_its_rate() -> None:
    kinds = np.array([KINDS.index("gaussian"), KINDS.index("inverted")])
    rates = np.array([[0.2, 0.0, 0.3], [0.2, 0.0, 0.3]], np.float32)
    groups = np.array([[0.0, 0.0, 0.1], [0.0, 0.0, 0.1]], np.float32)
    found = chances_of(kinds, rates, groups)
    assert found[0] == pytest.approx([0.5, 0, np.nan], nan_ok=True)
    assert found[1] == pytest.approx([0.2, 0, 1 - 0.7 * 0.9], rel=1e-6)


def test_only_the_first_masks_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.insight.visits.MOST", 9)
    _, view, _ = watched(lanes=[{"name": "a", "dropout": [0, 0.5, 0.5]}])
    found = seen(view)
    assert (found["masks"][0], found["distinct"][0]) == (20, 9)
