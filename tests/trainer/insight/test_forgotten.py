"""The forgotten eval(): what training mode, left on, makes of the validation figures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from tests.networks import OTHERS, rates
from tests.trainer.plain import plain_lane
from trainer import Experiment
from trainer.insight import finish, look_at, make_insight
from trainer.insight.forgotten import PASSES
from trainer.settings.config import parse

NAMES = ("val_loss", "val_accuracy", "forgotten_loss", "forgotten_accuracy")


def trained(steps: int = 60, **knobs: Any) -> Experiment:
    lanes = [
        {"name": "neither"},
        {"name": "dropout", "dropout": [0.2, 0.5]},
        {"name": "batch norm", "batch_norm": True},
        {"name": "both", "dropout": [0.2, 0.5], "batch_norm": True},
    ]
    given = {"hidden": [30], "batch_size": 16, "train_size": 70, "learning_rate": 0.01, "lanes": lanes} | knobs
    experiment = Experiment(parse(given), device="cpu", dtype=torch.float64)
    experiment.run(steps)
    return experiment


def test_in_eval_mode_the_figures_are_those_of_every_evaluation() -> None:
    experiment = trained()
    found, scores = look_at("forgotten", experiment), experiment.evaluate()
    assert found["step"].tolist() == [60]
    assert found["val_loss"] == pytest.approx(scores.val_loss.numpy(), rel=1e-5)
    assert found["val_accuracy"] == pytest.approx(scores.val_accuracy.numpy())
    assert all(found[name].dtype == np.float32 and found[name].shape == (4,) for name in NAMES)


def test_with_neither_dropout_nor_batch_norm_there_is_nothing_to_forget() -> None:
    found = look_at("forgotten", trained())
    assert found["forgotten_accuracy"][0] == pytest.approx(found["val_accuracy"][0], abs=1e-7)
    assert found["forgotten_loss"][0] == pytest.approx(found["val_loss"][0], rel=1e-6)


def test_batch_norm_uses_the_statistics_of_batches_of_64_as_torch_does() -> None:
    """797 = 12 · 64 + 29: the last mini-batch is filled up with the first 35 examples, which do not count again."""
    experiment = trained()
    found = look_at("forgotten", experiment)
    network, data = plain_lane(experiment, 2).train(), experiment.data
    losses, right = [], []
    with torch.no_grad():
        for start in range(0, 797, 64):
            part = torch.arange(start, start + 64) % 797
            count = min(64, 797 - start)
            logits, y = network(data.val_x[part].double())[:count], data.val_y[part[:count]]
            losses += cross_entropy(logits, y, reduction="none").tolist()
            right += (logits.argmax(dim=1) == y).tolist()
    assert len(right) == 797
    assert found["forgotten_loss"][2] == pytest.approx(sum(losses) / 797, rel=1e-5)
    assert found["forgotten_accuracy"][2] == pytest.approx(sum(right) / 797)


def test_dropout_left_on_is_an_ensemble_with_fresh_masks() -> None:
    """The same law by another way: passes with a mask for each example, whose accuracies are independent.

    Of q, what a pass gets right on average, the mean of n passes has a variance of at most q(1 - q)/(n V); six
    standard deviations of the difference of two such means are exceeded less than once in 1e8 times.
    """
    experiment = trained()
    found = look_at("forgotten", experiment)
    ensemble = experiment.sample_subnetworks(1, members=60, masks="per_example")
    share = float(ensemble.accuracy.mean())
    bound = 6 * math.sqrt(share * (1 - share) / 797 * (1 / 60 + 1 / PASSES))
    assert abs(float(found["forgotten_accuracy"][1]) - share) < bound
    assert found["val_accuracy"][1] - share > bound  # it does cost something


def test_what_a_schedule_has_switched_off_costs_nothing() -> None:
    lanes = [{"name": "early", "dropout": [0.2, 0.5], "schedule": "early", "schedule_steps": 10}]
    found = look_at("forgotten", trained(20, lanes=lanes))
    assert found["forgotten_loss"][0] == pytest.approx(found["val_loss"][0], rel=1e-6)


def test_looking_changes_nothing_in_the_run_and_is_of_one_step() -> None:
    experiment, still = trained(), trained()
    before = {name: tensor.clone() for name, tensor in experiment.model.state_dict().items()}
    looking = make_insight("forgotten", experiment).look()
    next(looking)
    next(looking)
    assert all(torch.equal(tensor, before[name]) for name, tensor in experiment.model.state_dict().items())
    experiment.run(5)
    found, expected = finish(looking), look_at("forgotten", still)
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_a_network_that_diverged_is_no_number() -> None:
    experiment = trained()
    with torch.no_grad():
        experiment.model.weights[0][1] = float("nan")
    found = look_at("forgotten", experiment)
    for name in NAMES:
        assert np.isnan(found[name]).tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    "knobs",
    [
        *({"network": network, "hidden": [12]} for network in OTHERS),
        {"dataset": "wine", "train_size": 120, "lanes": [{"name": "b", "batch_norm": True, "dropout": [0.1, 0.2]}]},
    ],
    ids=[*OTHERS, "fewer than a batch"],
)
def test_it_is_measured_on_other_networks_and_on_small_validation_sets(knobs: dict[str, Any]) -> None:
    lanes = [{"name": "a", "dropout": rates({**knobs, "lanes": [{}]}, 0.2), "batch_norm": True}]
    found = look_at("forgotten", trained(10, **({"lanes": lanes} | knobs)))
    assert all(np.isfinite(found[name]).all() for name in NAMES)
    assert found["forgotten_loss"][0] != found["val_loss"][0]
