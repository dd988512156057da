"""Gradient noise: gradients that are those of training, and how their scatter is estimated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot

from tests.networks import OTHERS
from tests.trainer.plain import relative_error
from trainer import Experiment
from trainer.insight import look_at
from trainer.insight.gradient import _Cloud, as_trained, gradient
from trainer.insight.snapshot import Snapshot
from trainer.settings.config import parse

DROPS = {"dropout": [0.2, 0.5]}


def experiment(dtype: torch.dtype = torch.float32, **knobs: Any) -> Experiment:
    given = {"hidden": [20], "train_size": 96, "batch_size": 16} | knobs
    return Experiment(parse(given), device="cpu", dtype=dtype)


def test_a_gradient_is_that_of_each_lanes_own_smoothed_cross_entropy() -> None:
    own = experiment(torch.float64, lanes=[{}, {**DROPS, "batch_norm": True, "label_smoothing": 0.3}])
    snapshot = Snapshot(own)
    snapshot.draw(1)
    x, y = own.judge.train_x[:16], own.data.train_y[:16]
    found = gradient(snapshot, x, one_hot(y, 10).double())
    network = snapshot.network
    logits = network(x)
    losses = [cross_entropy(logits[0], y), cross_entropy(logits[1], y, label_smoothing=0.3)]
    parameters = [*network.weights, *network.norm_parameters]
    theirs = torch.autograd.grad(losses[0] + losses[1], parameters)
    assert relative_error(found, torch.cat([each.flatten(1) for each in theirs], dim=1)) < 1e-12


def test_scatter_and_length_are_unbiased_estimates() -> None:
    vectors = torch.randn(16, 3, 50, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) + 2
    cloud = _Cloud()
    for each in vectors:
        cloud.add(each)
    variance = vectors.var(dim=0).sum(dim=1)  # (3,)
    assert cloud.noise() == pytest.approx(variance.sqrt())
    length = vectors.mean(dim=0).square().sum(dim=1) - variance / 16
    assert cloud.norm() == pytest.approx(length.sqrt())


def test_a_mean_that_chance_alone_could_have_made_has_no_length_and_no_ratio() -> None:
    cloud = _Cloud()
    for sign in (1.0, -1.0) * 8:
        cloud.add(torch.full((2, 5), sign))
    assert cloud.norm().tolist() == [0, 0]
    assert cloud.noise() == pytest.approx(torch.full((2,), (5 * 16 / 15) ** 0.5, dtype=torch.float64))


def test_without_dropout_masks_make_no_noise_and_with_it_they_do() -> None:
    own = experiment(lanes=[{}, DROPS, {"dropout": [0, 0.5], "dropout_kind": "gaussian"}])
    own.run(10)
    found = look_at("gradient", own)
    assert found["masks"][0] == 0
    assert (found["masks"][1:] > 0).all()
    assert (found["noise"] > 0).all()
    assert found["ratio"] == pytest.approx(found["noise"] / found["norm"], rel=1e-5)
    assert found["draws"] == [16]
    assert {name: (array.dtype, array.shape) for name, array in found.items()} == {
        "step": (np.uint32, (1,)),
        "draws": (np.uint32, (1,)),
        **dict.fromkeys(("norm", "noise", "ratio", "masks"), (np.dtype(np.float32), (3,))),
    }


def test_mini_batches_of_the_whole_training_set_make_no_noise_but_rounding() -> None:
    own = experiment(torch.float64, train_size=32, batch_size=32, lanes=[{}])
    found = look_at("gradient", own)
    assert found["noise"][0] < 1e-12 * found["norm"][0]


def test_larger_mini_batches_make_less_noise() -> None:
    """Noise is σ √(1/b - 1/n) of b examples out of n. Its estimate from 16 draws of thousands of numbers has a standard
    error of at most 1/√30 = 18%, which it would have if all scattered along one line.
    """
    noise = [
        float(look_at("gradient", experiment(train_size=400, batch_size=size, lanes=[{}]))["noise"][0])
        for size in (10, 160)
    ]
    assert 0.1 < noise[1] / noise[0] < 0.4  # √(1/160 - 1/400) / √(1/10 - 1/400) = 0.196


def test_where_a_mini_batch_shares_its_mask_a_dropped_pixel_has_no_gradient_at_all() -> None:
    def share(mask: str) -> float:
        """Of the pixels that some example has, how many have no gradient."""
        own = experiment(mask=mask, lanes=[{"dropout": [0.5, 0.0]}])
        snapshot = as_trained(own)
        snapshot.draw(1)
        x = own.judge.train_x[:16]
        found = gradient(snapshot, x, one_hot(own.data.train_y[:16], 10).float())
        rows = found[0, : 64 * 20].view(64, 20)  # of the first weights
        return float((rows[x.any(dim=0)] == 0).all(dim=1).float().mean())

    assert share("per_batch") > 0.25  # half of some 50 pixels: 0.25 is three and a half standard deviations away
    assert share("per_example") < 0.2  # dropped in each of the few examples that have it: only pixels at the edge


@pytest.mark.parametrize("network", OTHERS)
def test_other_networks_have_gradient_noise_too(network: str) -> None:
    found = look_at("gradient", experiment(network=network, lanes=[{"batch_norm": True}, {}]))
    assert np.isfinite(found["noise"]).all()
    assert found["masks"].tolist() == [0, 0]


def test_looking_leaves_the_run_alone() -> None:
    own = experiment(lanes=[{**DROPS, "batch_norm": True, "input_noise": 0.1}])
    own.run(7)
    before = own.state_dict()["model"]
    first, second = (look_at("gradient", own) for _ in range(2))
    after = own.state_dict()["model"]
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(np.array_equal(first[name], second[name]) for name in first), "draws are a function of the step"
