"""Convolutions, recurrence, tables and regularisers come out as they did elsewhere, in plain PyTorch.

The figures are means and standard deviations over five seeds, measured with `torch.nn` and other random numbers. Two
samples of five of the same distribution differ by chance; how much is Welch's t. A test that compares them is wrong
once in 10,000 times by its own doing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pytest
import torch

from trainer.settings.config import parse
from trainer.training.experiment import Experiment

pytestmark = pytest.mark.long
SEEDS: Final = range(5)
ONCE_IN: Final = 10_000
FINAL: Final = 3  # evaluations, 25 steps apart, whose mean is what a run has come to


@dataclass(frozen=True)
class Known:
    """What five seeds gave elsewhere: mean and standard deviation of the final validation loss and accuracy in %."""

    loss: float
    loss_sd: float
    accuracy: float
    accuracy_sd: float


REGULARISERS: Final[dict[str, tuple[dict[str, Any], Known]]] = {
    "none": ({}, Known(1.655, 0.341, 74.8, 3.7)),
    "l1": ({"l1": 3e-4}, Known(1.173, 0.255, 73.8, 4.5)),
    "l2": ({"l2": 1e-2}, Known(0.711, 0.084, 79.4, 2.7)),
    "weight decay": ({"weight_decay": 3.0}, Known(0.638, 0.046, 84.9, 1.8)),
    "label smoothing": ({"label_smoothing": 0.1}, Known(0.836, 0.086, 76.6, 2.8)),
    "max-norm": ({"max_norm": 0.5}, Known(0.646, 0.071, 81.8, 2.5)),
    "early stopping": ({"patience": 8}, Known(0.494, 0.044, 88.3, 1.8)),
    "dropout": ({"dropout": (0.2, 0.5, 0.5, 0.5)}, Known(0.443, 0.030, 91.8, 0.9)),
    "dropout and L2": ({"dropout": (0.2, 0.5, 0.5, 0.5), "l2": 1e-3}, Known(0.443, 0.030, 92.2, 1.1)),
}
LSTM_LANES: Final[dict[str, tuple[dict[str, Any], Known]]] = {
    "none": ({}, Known(1.276, 0.128, 69.8, 2.1)),
    "output": ({"dropout": (0.0, 0.0, 0.5)}, Known(1.334, 0.061, 70.1, 1.0)),
    "variational": ({"dropout": (0.0, 0.5, 0.0)}, Known(0.565, 0.027, 84.1, 1.0)),
    "per step": ({"dropout": (0.0, 0.5, 0.0), "recurrent_mask": "per_step"}, Known(0.725, 0.038, 79.4, 1.1)),
    "all three": ({"dropout": (0.2, 0.3, 0.5)}, Known(0.407, 0.030, 90.8, 1.1)),
}
CNN_LANES: Final[dict[str, tuple[dict[str, Any], Known]]] = {
    "none": ({}, Known(1.073, 0.098, 77.7, 2.9)),
    "element": ({"dropout": (0.0, 0.2, 0.2, 0.5)}, Known(0.440, 0.049, 86.8, 1.6)),
    "spatial": (
        {"dropout": (0.0, 0.0, 0.0, 0.5), "spatial_dropout": (0.2, 0.2)},
        Known(0.508, 0.079, 85.2, 1.5),
    ),
}
RUNS: Final[dict[str, tuple[dict[str, Any], int, dict[str, tuple[dict[str, Any], Known]]]]] = {
    "mlp": ({}, 1000, REGULARISERS),
    "lstm": ({"network": "lstm", "learning_rate": 3e-3}, 1200, LSTM_LANES),
    "cnn": ({"network": "cnn", "learning_rate": 3e-3}, 800, CNN_LANES),
}


@lru_cache(maxsize=len(RUNS) * len(SEEDS))
def outcome(run: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Final validation loss and accuracy in % of every lane of a run."""
    knobs, steps, lanes = RUNS[run]
    named = [{"name": name, **own} for name, (own, _) in lanes.items()]
    experiment = Experiment(parse(knobs | {"seed": seed, "lanes": named}), device="cpu")
    experiment.run(steps - 25 * FINAL)
    losses, accuracies = [], []
    for _ in range(FINAL):
        experiment.run(25)
        scores = experiment.evaluate()
        losses.append(scores.val_loss.numpy())
        accuracies.append(100 * scores.val_accuracy.numpy())
    return np.mean(losses, axis=0), np.mean(accuracies, axis=0)


def outcomes(run: str, lane: str) -> tuple[np.ndarray, np.ndarray]:
    """The same of one lane over all seeds."""
    index = list(RUNS[run][2]).index(lane)
    losses, accuracies = zip(*(outcome(run, seed) for seed in SEEDS), strict=True)
    return np.array([each[index] for each in losses]), np.array([each[index] for each in accuracies])


def t_quantile(tail: float, freedom: float) -> float:
    """The t beyond which lies a share ``tail`` of Student's distribution on either side together, by bisection."""
    low, high = 0.0, 1e4
    for _ in range(200):
        middle = (low + high) / 2
        x = freedom / (freedom + middle * middle)
        # The tail is the regularised incomplete beta function I_x(freedom/2, 1/2), here as an integral over angles.
        angles = np.linspace(math.atan(middle / math.sqrt(freedom)), math.pi / 2, 20_001)
        weights = np.cos(angles) ** (freedom - 1)
        whole = math.sqrt(math.pi) * math.exp(math.lgamma(freedom / 2) - math.lgamma((freedom + 1) / 2)) / 2
        beyond = float(np.trapezoid(weights, angles)) / whole
        assert 0 <= x <= 1
        low, high = (middle, high) if beyond > tail else (low, middle)
    return low


def welch(values: Sequence[float] | np.ndarray, mean: float, sd: float, count: int) -> tuple[float, float]:
    """Difference of two means in standard errors, and what it may be by chance (Welch 1947)."""
    own, other = float(np.var(values, ddof=1)) / len(values), sd * sd / count
    error = math.sqrt(own + other)
    freedom = (own + other) ** 2 / (own * own / (len(values) - 1) + other * other / (count - 1))
    return abs(float(np.mean(values)) - mean) / error, t_quantile(1 / ONCE_IN, freedom)


def test_the_bound_is_that_of_the_tables() -> None:
    # Student's t for 4, 8 and 30 degrees of freedom at 1% and 0.1%, two-sided, from any table.
    for tail, freedom, known in ((0.01, 4, 4.604), (0.001, 8, 5.041), (0.01, 30, 2.750)):
        assert t_quantile(tail, freedom) == pytest.approx(known, abs=2e-3)


@pytest.mark.parametrize(("run", "lane"), [(run, lane) for run, (_, _, lanes) in RUNS.items() for lane in lanes])
def test_loss_and_accuracy_are_those_of_plain_pytorch(run: str, lane: str) -> None:
    known = RUNS[run][2][lane][1]
    losses, accuracies = outcomes(run, lane)
    for values, mean, sd in ((losses, known.loss, known.loss_sd), (accuracies, known.accuracy, known.accuracy_sd)):
        difference, chance = welch(values, mean, sd, len(SEEDS))
        assert difference < chance, f"{values.mean():.3f} ± {values.std(ddof=1):.3f} against {mean} ± {sd}"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("run", "lane"), [("cnn", "element"), ("lstm", "all three"), ("mlp", "dropout")])
def test_recommended_dropout_beats_none_in_every_seed(run: str, lane: str, seed: int) -> None:
    lanes = list(RUNS[run][2])
    losses, accuracies = outcome(run, seed)
    with_dropout, without = lanes.index(lane), lanes.index("none")
    assert losses[without] / losses[with_dropout] > 1.5
    assert accuracies[with_dropout] - accuracies[without] > 3


def test_dropout_of_the_output_alone_does_nothing_for_an_lstm_and_variational_masks_beat_fresh_ones() -> None:
    means = {lane: outcomes("lstm", lane)[1].mean() for lane in LSTM_LANES}
    assert abs(means["output"] - means["none"]) < 5
    assert means["variational"] - means["per step"] > 1
    assert means["all three"] - means["variational"] > 3


def test_spatial_dropout_is_not_better_than_that_of_elements_with_so_few_channels() -> None:
    element, spatial = outcomes("cnn", "element")[0], outcomes("cnn", "spatial")[0]
    assert torch.tensor(spatial - element).mean() > -0.05
