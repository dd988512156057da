"""The default experiment shows what it is there to show: measured elsewhere with plain PyTorch, 5 to 10 seeds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import pytest
import torch

from trainer import Experiment
from trainer.ensemble.subnetworks import Ensemble
from trainer.settings.config import parse
from trainer.settings.recommended import recommended_knobs
from trainer.training.judge import Scores

pytestmark = pytest.mark.long
SEEDS = range(5)


@dataclass(frozen=True)
class Outcome:
    """What a default run has come to after 1,000 steps."""

    scores: Scores
    with_dropout: Ensemble
    with_fresh_masks: Ensemble
    without_thinned: Ensemble


@lru_cache(maxsize=len(SEEDS))
def outcome(seed: int) -> Outcome:
    experiment = Experiment(parse({"seed": seed}), device="cpu")
    experiment.run(1000)
    rates = experiment.config.lanes[1].dropout
    return Outcome(
        scores=experiment.evaluate(),
        with_dropout=experiment.sample_subnetworks(1, members=64),
        with_fresh_masks=experiment.sample_subnetworks(1, members=64, masks="per_example"),
        without_thinned=experiment.sample_subnetworks(0, members=64, dropout=rates),
    )


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
    ensemble = outcome(seed).with_dropout
    assert float(ensemble.average_accuracy[-1] - ensemble.accuracy.mean()) >= 0.08  # .140 ± .012


MASKS: Final = ("with_dropout", "with_fresh_masks")


def short_of_weight_scaling(seed: int, masks: str) -> float:
    """By how much the accuracy of the average of 64 differs from that of weight scaling."""
    ensemble: Ensemble = getattr(outcome(seed), masks)
    return abs(float(ensemble.average_accuracy[-1]) - ensemble.weight_scaling_accuracy)


@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_average_of_64_comes_within_two_and_a_half_points_of_weight_scaling(seed: int, masks: str) -> None:
    assert short_of_weight_scaling(seed, masks) < 0.025  # at most .018 in ten seeds


@pytest.mark.parametrize("masks", MASKS)
def test_over_the_seeds_the_average_of_64_comes_within_one_point_of_weight_scaling(masks: str) -> None:
    assert sum(short_of_weight_scaling(seed, masks) for seed in SEEDS) / len(SEEDS) < 0.01


@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize("seed", SEEDS)
def test_by_log_loss_the_geometric_mean_reaches_weight_scaling_and_the_arithmetic_does_not(
    seed: int, masks: str
) -> None:
    ensemble: Ensemble = getattr(outcome(seed), masks)
    assert float(ensemble.average_loss[-1]) > 1.1 * ensemble.weight_scaling_loss  # 1.37 times in the mean of five seeds
    assert float(ensemble.geometric_loss[-1]) < 1.1 * ensemble.weight_scaling_loss  # 1.02 times


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
