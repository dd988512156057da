"""Separate networks: each by itself, and the averages of those that are alike but for their seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import nll_loss

from tests.networks import OTHERS
from trainer import Experiment
from trainer.insight import finish, look_at, make_insight
from trainer.models import evaluating
from trainer.settings.config import parse

SEEDS = (3, 1, 4)


def trained(steps: int = 40, **knobs: Any) -> Experiment:
    """Three networks without dropout and two with it, in turns, and one that is like none of them."""
    plain = [{"name": f"plain {seed}", "seed": seed} for seed in SEEDS]
    dropping = [{"name": f"dropping {seed}", "dropout": [0.2, 0.4], "seed": seed} for seed in SEEDS[:2]]
    lanes = [plain[0], dropping[0], plain[1], dropping[1], {"name": "odd", "batch_norm": True}, plain[2]]
    given = {"hidden": [20], "batch_size": 16, "train_size": 70, "learning_rate": 0.01, "lanes": lanes} | knobs
    experiment = Experiment(parse(given), device="cpu", dtype=torch.float64)
    experiment.run(steps)
    return experiment


def test_averages_are_those_of_the_networks_of_a_kind_in_their_order() -> None:
    experiment = trained()
    found = look_at("separate", experiment)
    assert found["step"].tolist() == [40]
    assert found["group"].tolist() == [0, 1, 0, 1, 2, 0]
    y = experiment.data.val_y
    with torch.no_grad(), evaluating(experiment.model):
        log_p = torch.log_softmax(experiment.model(experiment.data.val_x.double()), dim=2)
    for kind, lanes in enumerate(([0, 2, 5], [1, 3], [4])):
        for count in range(1, len(lanes) + 1):
            first = log_p[lanes[:count]]
            means = {
                "average": first.exp().mean(dim=0).log(),
                "geometric": torch.log_softmax(first.mean(dim=0), dim=1),
            }
            for name, scores in means.items():
                right = float((scores.argmax(dim=1) == y).double().mean())
                assert found[f"{name}_accuracy"][kind, count - 1] == pytest.approx(right)
                assert found[f"{name}_loss"][kind, count - 1] == pytest.approx(float(nll_loss(scores, y)), rel=1e-5)
        for name in ("average_accuracy", "average_loss", "geometric_accuracy", "geometric_loss"):
            assert found[name].shape == (3, 3)
            assert np.isnan(found[name][kind, len(lanes) :]).all()


def test_each_network_by_itself_is_judged_as_in_every_evaluation() -> None:
    experiment = trained()
    found, scores = look_at("separate", experiment), experiment.evaluate()
    assert found["loss"] == pytest.approx(scores.val_loss.numpy(), rel=1e-5)
    assert found["accuracy"] == pytest.approx(scores.val_accuracy.numpy())
    assert {name: array.dtype for name, array in found.items()} == {
        "step": np.uint32,
        "group": np.uint8,
        **dict.fromkeys(("loss", "accuracy"), np.float32),
        **dict.fromkeys((f"{mean}_{what}" for mean in ("average", "geometric") for what in ("loss", "accuracy")), "f4"),
    }


def test_a_look_is_of_the_networks_as_they_were_when_it_began() -> None:
    experiment, still = trained(), trained()
    looking = make_insight("separate", experiment).look()
    next(looking)
    experiment.set(lane=0, batch_norm=True)
    experiment.run(20)
    found, expected = finish(looking), look_at("separate", still)
    assert all(np.array_equal(found[name], expected[name], equal_nan=True) for name in expected)


def test_looking_changes_nothing_in_the_run() -> None:
    experiment = trained()
    before = experiment.state_dict()["model"]
    look_at("separate", experiment)
    assert all(torch.equal(tensor, before[name]) for name, tensor in experiment.model.state_dict().items())


def test_a_network_that_diverged_is_no_number_and_nor_are_averages_with_it() -> None:
    experiment = trained()
    with torch.no_grad():
        experiment.model.weights[0][2] = float("nan")
    found = look_at("separate", experiment)
    assert np.isnan([found["loss"][2], found["accuracy"][2]]).all()
    for name in ("average_accuracy", "average_loss", "geometric_accuracy", "geometric_loss"):
        assert np.isnan(found[name][0]).tolist() == [False, True, True]
        assert np.isfinite(found[name][1, :2]).all()


@pytest.mark.parametrize("network", OTHERS)
def test_other_kinds_of_network_are_averaged_too(network: str) -> None:
    lanes = [{"name": str(seed), "seed": seed} for seed in SEEDS]
    found = look_at("separate", trained(5, network=network, hidden=[12], lanes=lanes))
    assert found["group"].tolist() == [0, 0, 0]
    assert np.isfinite(found["average_loss"]).all()
