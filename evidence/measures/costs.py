"""What is measured of the experiments on what dropout costs: batch norm, variance, time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from evidence.measures.dense import by_lane
from evidence.trained import Measure, Scored, Values, train
from trainer.insight import look_at
from trainer.presets import Preset

CLOSE: Final = 10  # steps between two evaluations where the step is what is measured
THRESHOLDS: Final = (1.0, 0.7, 0.5)  # training losses


def batch_norm(preset: Preset, seed: int) -> Values:
    """Final loss and accuracy of the four, with wrong labels and with all of them true."""
    return both_labels(train(preset, seed), train(preset, seed, label_noise=0.0))


def both_labels(run: Scored, true: Scored) -> Values:
    """The same of a run and of one with all labels true."""
    return by_lane(run) | {f"{name}/true": value for name, value in by_lane(true).items()}


def variance(preset: Preset, seed: int) -> Values:
    """Variance in training over that in evaluation at each rate, and the validation loss in the end.

    Right behind dropout the batch norm of the layer that drops is looked at, whose theory is known; with a layer
    between, that of the next.
    """
    run = train(preset, seed)
    found, layer = look_at("variance", run.experiment), looked_at(run)
    values = of_ratios(run, found[f"ratio/{layer}"].tolist())
    if layer == "hidden1":
        half = [lane.dropout[1] for lane in run.config.lanes].index(0.5)
        ratio = found["ratio/hidden1"][half]
        values |= {"theory/p=0.5": float(ratio / found["theory/hidden1"][half]), "variance_range/p=0.5": float(ratio)}
    return values


def looked_at(run: Scored) -> str:
    """The layer whose batch norm is looked at: where it stands right behind dropout the first, else the second."""
    return "hidden1" if run.config.batch_norm_order == "after_dropout" else "hidden2"


def of_ratios(run: Scored, ratio: Sequence[float]) -> dict[str, float]:
    """The ratio of variances and the validation loss at each rate."""
    rates = [lane.dropout[1] for lane in run.config.lanes]
    values = {f"variance/p={p:g}": float(own) for p, own in zip(rates, ratio, strict=True)}
    values |= {f"val_loss/p={p:g}": float(own) for p, own in zip(rates, run.val_loss[-1], strict=True)}
    return values


def steps_to(run: Scored, lane: int, loss: float) -> float:
    """The first evaluated step at which a lane's training loss is no more than ``loss``; NaN if there is none."""
    below = np.flatnonzero(run.train_loss[:, lane] <= loss)
    return float(run.step[below[0]]) if len(below) else float("nan")


def training_time(preset: Preset, seed: int) -> Values:
    """Steps to the same training loss with and without dropout."""
    return times(train(preset, seed, every=CLOSE))


def times(run: Scored) -> Values:
    """The same of a run."""
    values: dict[str, float] = {}
    for loss in THRESHOLDS:
        without, dropout = steps_to(run, 0, loss), steps_to(run, 1, loss)
        values[f"steps/without/{loss:g}"] = without
        values[f"steps/dropout/{loss:g}"] = dropout
        values[f"steps_ratio/{loss:g}"] = dropout / without
    values["steps_ratio_floor/0.7"] = values["steps_ratio/0.7"]
    values["never/0.1"] = float(run.train_loss[:, 1].min())
    return values


MEASURES: Final[dict[str, Measure]] = {
    "batch-norm": batch_norm,
    "variance-shift": variance,
    "variance-shift-linear": variance,
    "training-time": training_time,
}
"""By the id of the experiment."""
