"""The default experiment shows what it is there to show: measured elsewhere with plain PyTorch, 5 to 10 seeds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import pytest
import torch

from trainer import Experiment
from trainer.config import parse
from trainer.ensemble import Crowd
from trainer.judge import Scores
from trainer.recommended import recommended_knobs

SEEDS = range(5)


@dataclass(frozen=True)
class Outcome:
    """What a default run has come to after 1,000 steps."""

    scores: Scores
    with_dropout: Crowd
    without_thinned: Crowd


@lru_cache(maxsize=len(SEEDS))
def outcome(seed: int) -> Outcome:
    experiment = Experiment(parse({"seed": seed}), device="cpu")
    experiment.run(1000)
    rates = experiment.config.lanes[1].dropout
    thinned = [experiment.sample_subnetworks(lane, members=64, dropout=rates) for lane in (1, 0)]
    return Outcome(experiment.evaluate(), *thinned)


@pytest.mark.parametrize("seed", SEEDS)
def test_validation_loss_without_dropout_is_at_least_twice_that_with_it(seed: int) -> None:
    without, with_dropout = outcome(seed).scores.val_loss.tolist()
    assert without / with_dropout >= 2.0  # 3.72 ± .63, the least of ten seeds 2.72


@pytest.mark.parametrize("seed", SEEDS)
def test_dropout_gains_at_least_eight_points_of_validation_accuracy(seed: int) -> None:
    without, with_dropout = outcome(seed).scores.val_accuracy.tolist()
    assert with_dropout - without >= 0.08  # .160 ± .031, the least .117


@pytest.mark.parametrize("seed", SEEDS)
def test_the_lane_without_dropout_knows_its_wrong_labels_by_heart(seed: int) -> None:
    assert float(outcome(seed).scores.train_accuracy[0]) > 0.98  # 1.000 in each of ten seeds


@pytest.mark.parametrize("seed", SEEDS)
def test_the_average_of_64_is_at_least_eight_points_better_than_one(seed: int) -> None:
    crowd = outcome(seed).with_dropout
    assert float(crowd.average_accuracy[-1] - crowd.accuracy.mean()) >= 0.08  # .140 ± .012


@pytest.mark.parametrize("seed", SEEDS)
def test_the_average_of_64_comes_within_four_points_of_weight_scaling(seed: int) -> None:
    crowd = outcome(seed).with_dropout
    assert abs(float(crowd.average_accuracy[-1]) - crowd.weight_scaling_accuracy) < 0.04  # at most .018 in ten seeds


@pytest.mark.parametrize("seed", SEEDS)
def test_a_network_trained_without_dropout_breaks_when_it_is_thinned(seed: int) -> None:
    assert float(outcome(seed).without_thinned.accuracy.mean()) < 0.5  # .309 ± .020, at most .330


def test_dropout_helps_on_moons_with_wrong_labels() -> None:
    """Gain 8.4 ± 3.3 points over ten seeds: the mean of five lies above 1 with 5 standard errors to spare."""
    gains = []
    for seed in SEEDS:
        experiment = Experiment(parse(recommended_knobs("mlp", "moons") | {"seed": seed}), device="cpu")
        experiment.run(1500)
        without, with_dropout = experiment.evaluate().val_accuracy.tolist()
        gains.append(with_dropout - without)
    assert float(torch.tensor(gains).mean()) > 0.01
