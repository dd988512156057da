"""What is measured of the experiments on what dropout costs: batch norm, variance, time."""

from __future__ import annotations

from typing import Final

import numpy as np

from evidence.measures.dense import by_lane
from evidence.trained import Trained, Values, train
from trainer.insight import look_at
from trainer.presets import Preset

CLOSE: Final = 10  # steps between two evaluations where the step is what is measured
THRESHOLDS: Final = (1.0, 0.7, 0.5)  # training losses


def batch_norm(preset: Preset, seed: int) -> Values:
    """Final loss and accuracy of the four, with wrong labels and with all of them true."""
    true = by_lane(train(preset, seed, label_noise=0.0))
    return by_lane(train(preset, seed)) | {f"{name}/true": value for name, value in true.items()}


def variance(preset: Preset, seed: int) -> Values:
    """Variance in training over that in evaluation at each rate, and the validation loss in the end.

    Right behind dropout the batch norm of the layer that drops is looked at, whose theory is known; with a layer
    between, that of the next.
    """
    run = train(preset, seed)
    found = look_at("variance", run.experiment)
    direct = run.experiment.config.batch_norm_order == "after_dropout"
    ratio = found[f"ratio/{'hidden1' if direct else 'hidden2'}"]
    rates = [lane.dropout[1] for lane in run.experiment.config.lanes]
    values = {f"variance/p={p:g}": float(own) for p, own in zip(rates, ratio, strict=True)}
    values |= {f"val_loss/p={p:g}": float(own) for p, own in zip(rates, run.val_loss[-1], strict=True)}
    if direct:
        half = rates.index(0.5)
        values["theory/p=0.5"] = float(ratio[half] / found["theory/hidden1"][half])
        values["variance_range/p=0.5"] = float(ratio[half])
    return values


def steps_to(run: Trained, lane: int, loss: float) -> float:
    """The first evaluated step at which a lane's training loss is no more than ``loss``; NaN if there is none."""
    below = np.flatnonzero(run.train_loss[:, lane] <= loss)
    return float(run.step[below[0]]) if len(below) else float("nan")


def training_time(preset: Preset, seed: int) -> Values:
    """Steps to the same training loss with and without dropout."""
    run = train(preset, seed, every=CLOSE)
    values: dict[str, float] = {}
    for loss in THRESHOLDS:
        without, dropout = steps_to(run, 0, loss), steps_to(run, 1, loss)
        values[f"steps/without/{loss:g}"] = without
        values[f"steps/dropout/{loss:g}"] = dropout
        values[f"steps_ratio/{loss:g}"] = dropout / without
    values["steps_ratio_floor/0.7"] = values["steps_ratio/0.7"]
    values["never/0.1"] = float(run.train_loss[:, 1].min())
    return values
