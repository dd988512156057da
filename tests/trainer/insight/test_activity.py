"""What is said of activations: of which units, of which pass, and of which moment."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from tests.networks import everywhere, small
from trainer import Experiment
from trainer.insight import finish, look_at, make_insight
from trainer.insight.activity import BINS, Tally, round_up
from trainer.insight.snapshot import Snapshot
from trainer.models import LaneMLP
from trainer.settings.config import parse
from trainer.settings.networks import NETWORKS


def lanes_of(network: str) -> list[dict[str, Any]]:
    """Without dropout; narrow; and with batch norm."""
    shape = small(network, 24, 12)
    drops = everywhere(shape, 0.2, 0.5, 0.4)
    narrow = [20, 9][-len(shape["hidden"]) :]
    return [
        {"name": "plain"},
        {"name": "narrow", "hidden": narrow, "dropout_kind": "classic", **drops},
        {"name": "normed", "batch_norm": True, **drops},
    ]


def trained(network: str, steps: int = 30, **knobs: Any) -> Experiment:
    given = {"batch_size": 16, "train_size": 70, "lanes": lanes_of(network), **small(network, 24, 12)}
    experiment = Experiment(parse(given | knobs), device="cpu", dtype=torch.float64)
    experiment.run(steps)
    return experiment


@pytest.mark.parametrize("order", ["before_dropout", "after_dropout"])
@pytest.mark.parametrize("network", NETWORKS)
def test_every_figure_is_of_the_units_that_a_lane_has_in_eval_mode(network: str, order: str) -> None:
    experiment = trained(network, batch_norm_order=order)
    found = look_at("activity", experiment)
    snapshot = Snapshot(experiment)
    entered = snapshot.activations(experiment.judge.val_x)
    for place, layer in enumerate(experiment.config.layers[1:], start=1):
        for lane in range(len(experiment.config.lanes)):
            own = entered[place][lane][:, snapshot.real(place, lane)].numpy()
            dead = np.ptp(own, axis=0) == 0 if NETWORKS[network].signed else own.max(axis=0) <= 0
            assert found[f"mean/{layer}"][lane] == pytest.approx(own.mean(), rel=1e-5, abs=1e-8)
            assert found[f"firing/{layer}"][lane] == pytest.approx((own > 0).mean(), rel=1e-6)
            assert found[f"dead/{layer}"][lane] == pytest.approx(dead.mean(), rel=1e-6)
            edges, counts = found[f"edges/{layer}"].astype(np.float64), found[f"histogram/{layer}"][lane]
            assert counts.sum() == (own > 0).sum()
            # Edges travel as 32-bit numbers: what lies on one may be counted on either side.
            positive = np.minimum(own[own > 0], edges[-1])
            in_bins = positive / edges[1]
            on_edges = (np.abs(in_bins - in_bins.round()) < 1e-5 * in_bins).sum()
            assert np.abs(counts.astype(int) - np.histogram(positive, edges)[0]).sum() <= 2 * on_edges


def test_weights_count_in_which_a_narrow_lane_has_no_zeros() -> None:
    experiment = trained("mlp")
    found = look_at("activity", experiment)["weight"]
    assert isinstance(experiment.model, LaneMLP)
    narrow = [linear.weight[1].detach() for linear in experiment.model.linears[:-1]]
    own = torch.cat([narrow[0][:, :20].flatten(), narrow[1][:20, :9].flatten()])
    assert found[1] == pytest.approx(float(own.abs().mean()), rel=1e-6)


def test_a_histogram_takes_what_lies_beyond_its_end_into_its_last_bin() -> None:
    tally = Tally(torch.tensor([True, True, False]), end=4.0)
    tally.add(torch.tensor([[0.05, 0.0, 9.0], [100.0, 0.0, 9.0], [-1.0, 0.0, 9.0]]))
    assert tally.histogram.tolist() == [1] + [0] * (BINS - 2) + [1]
    assert tally.figures(signed=False) == pytest.approx((99.05 / 6, 2 / 6, 1 / 2))


def test_the_end_of_a_histogram_is_a_round_number_that_is_not_below() -> None:
    assert [round_up(value) for value in (0, 0.5, 0.9, 1, 1.01, 7.9, 21, 99)] == pytest.approx(
        [1, 0.5, 1, 1, 1.5, 8, 30, 100]
    )


def test_a_lane_that_has_diverged_has_no_figures_and_spoils_no_other() -> None:
    experiment = trained("mlp")
    with torch.no_grad():
        experiment.model.weights[0][0] = math.nan
    found = look_at("activity", experiment)
    assert np.isnan(found["mean/hidden1"]).tolist() == [True, False, False]
    assert np.isnan(found["dead/hidden2"]).tolist() == [True, False, False]
    assert found["histogram/hidden1"][0].sum() == 0
    assert np.isfinite(found["edges/hidden1"]).all()


@pytest.mark.parametrize("view", ["activity", "correlation", "damage"])
def test_a_look_is_of_the_moment_at_which_it_began_and_leaves_the_run_as_it_is(
    view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.insight.damage.draws_of", lambda _: 3)
    watched, unwatched = trained("mlp"), trained("mlp")
    whole = look_at(view, watched)
    looking = make_insight(view, watched).look()
    next(looking)
    watched.run(10)
    later = finish(looking)
    assert whole.keys() == later.keys()
    for name, values in whole.items():
        assert np.array_equal(values, later[name], equal_nan=True), name
    unwatched.run(10)
    mine, theirs = watched.state_dict()["model"], unwatched.state_dict()["model"]
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in mine.items())
