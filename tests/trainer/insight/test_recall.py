"""Recall by class: counted from each network's answers, and no number where there is nothing to count."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import precision_recall_fscore_support

from tests.networks import OTHERS
from tests.trainer.plain import plain_lane
from trainer import Experiment
from trainer.insight import finish, look_at, make_insight
from trainer.settings.config import parse


def trained(steps: int = 40, **knobs: Any) -> Experiment:
    lanes = [{"name": "plain"}, {"name": "dropout", "dropout": [0.2, 0.5]}, {"name": "norm", "batch_norm": True}]
    given = {"hidden": [16], "batch_size": 16, "train_size": 60, "learning_rate": 0.01, "lanes": lanes} | knobs
    experiment = Experiment(parse(given), device="cpu", dtype=torch.float64)
    experiment.run(steps)
    return experiment


@pytest.mark.parametrize("lane", [0, 1, 2])
def test_recall_and_precision_are_those_of_scikit_learn(lane: int) -> None:
    experiment = trained()
    found, data = look_at("recall", experiment), experiment.data
    with torch.no_grad():
        answers = plain_lane(experiment, lane).eval()(data.val_x.double()).argmax(dim=1)
    precision, recall, _, count = precision_recall_fscore_support(
        data.val_y.numpy(), answers.numpy(), labels=range(10), zero_division=np.nan
    )
    assert found["count"].tolist() == count.tolist()
    assert found["recall"][lane] == pytest.approx(recall, abs=1e-6)
    assert found["precision"][lane] == pytest.approx(precision, abs=1e-6, nan_ok=True)
    accuracy = (found["recall"][lane] * count).sum() / count.sum()
    assert accuracy == pytest.approx(float(experiment.evaluate().val_accuracy[lane]))


def test_a_class_that_is_never_answered_has_no_precision_and_a_recall_of_0() -> None:
    experiment = trained()
    with torch.no_grad():
        experiment.model.weights[-1][0, ..., 3] = 1e6  # the last biases
    found = look_at("recall", experiment)
    assert found["recall"][0].tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert np.isfinite(found["precision"][0]).tolist() == [index == 3 for index in range(10)]


def test_a_network_that_diverged_recognises_no_number_of_them() -> None:
    experiment = trained()
    with torch.no_grad():
        experiment.model.weights[0][1] = float("nan")
    found = look_at("recall", experiment)
    assert np.isnan(found["recall"][1]).all()
    assert np.isnan(found["precision"][1]).all()
    assert np.isfinite(found["recall"][[0, 2]]).all()


def test_a_look_is_of_the_networks_as_they_were_when_it_began() -> None:
    experiment, still = trained(), trained()
    looking = make_insight("recall", experiment).look()
    next(looking)
    experiment.set(lane=0, batch_norm=True)
    experiment.run(20)
    found, expected = finish(looking), look_at("recall", still)
    assert all(np.array_equal(found[name], expected[name], equal_nan=True) for name in expected)


@pytest.mark.parametrize("network", OTHERS)
def test_other_networks_are_counted_too(network: str) -> None:
    found = look_at("recall", trained(5, network=network, hidden=[12], lanes=[{"name": "one"}]))
    assert found["recall"].shape == (1, 10)
    assert {name: array.dtype for name, array in found.items()} == {
        "step": np.uint32,
        "count": np.uint32,
        "recall": np.float32,
        "precision": np.float32,
    }
