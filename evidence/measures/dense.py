"""What is measured of the experiments with multilayer perceptrons."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Final

import numpy as np

from evidence.trained import Measure, OfRun, Scored, Values, train
from trainer.presets import Preset

LOSS_RATIO: Final = 1.5  # without over with dropout, from which nobody misses the difference

WIDE: Final = (-2, -1)  # the last lanes of a curve with widths of their own, each far wider than the one before


def twin(run: Scored) -> Values:
    """Losses, accuracies, their ratio and gain on the way; when the difference comes, and how each lane overfits."""
    loss, accuracy = run.val_loss, run.val_accuracy
    found: dict[str, float] = {}
    for step in (200, 500, 1000):
        found |= {f"val_loss/{name}@{step}": value for name, value in zip(_TWINS, run.at(loss, step), strict=True)}
        found |= {f"val_accuracy/{name}@{step}": v for name, v in zip(_TWINS, run.at(accuracy, step), strict=True)}
        without, dropout = run.at(loss, step)
        found[f"ratio@{step}"] = without / dropout
        found[f"gain@{step}"] = found[f"val_accuracy/dropout@{step}"] - found[f"val_accuracy/without@{step}"]
    rise = loss[-1] / loss.min(axis=0)
    return found | {
        "train_loss/dropout@1000": run.train_loss[-1, 1],
        "crossing": run.for_good(loss[:, 0] / loss[:, 1] > LOSS_RATIO),
        "best_loss/without": loss[:, 0].min(),
        "rise/without": rise[0],
        "rise/dropout": rise[1],
        "ratio_floor@1000": found["ratio@1000"],
        "gain_floor@1000": found["gain@1000"],
        "ratio_floor@500": found["ratio@500"],
        "rise_floor/without": rise[0],
        "rise_ceiling/dropout": rise[1],
        "train_accuracy/without": run.train_accuracy[-1, 0],
    }


_TWINS = ("without", "dropout")


def by_rate(run: Scored) -> dict[float, float]:
    """Final validation loss by the rate of the first hidden layer."""
    rates = [lane.dropout[1] for lane in run.config.lanes]
    return dict(zip(rates, run.final(run.val_loss).tolist(), strict=True))


def rate(run: Scored) -> Values:
    """Final validation loss at each rate, and how the ends of the curve compare with its middle."""
    losses = by_rate(run)
    middle = losses.get(0.5, np.nan)
    ratios = {f"ratio/{p:g}": losses[p] / middle for p in (0.2, 0.9) if p in losses}
    return rates_only(losses) | ratios | {"ratio_floor/0.9": ratios.get("ratio/0.9", np.nan)}


def rate_curve(run: Scored) -> Values:
    """Final validation loss at each rate."""
    return rates_only(by_rate(run))


def rate_by_width(preset: Preset, seed: int) -> Values:
    """The same where every lane has a width of its own.

    A run computes all of its lanes at the width of its widest, so that they are trained apart where that is much wider.
    """
    losses: dict[float, float] = {}
    lanes = preset.config.model_dump(mode="json")["lanes"]
    for first, end in pairwise((0, *(len(lanes) + cut for cut in WIDE), len(lanes))):
        hidden = lanes[end - 1]["hidden"]
        losses |= by_rate(train(preset, seed, lanes=lanes[first:end], hidden=hidden))
    return rates_only(losses)


def rates_only(losses: dict[float, float]) -> dict[str, float]:
    """Rows of losses by rate."""
    return {f"val_loss/p={p:g}": loss for p, loss in losses.items()}


def data_size(run: Scored) -> Values:
    """Final validation error with and without dropout, and what dropout removes of it, at each size."""
    found: dict[str, float] = {}
    for lane, accuracy in zip(run.config.lanes, run.final(run.val_accuracy), strict=True):
        found[f"error/{'dropout' if lane.drops else 'without'}/n={lane.train_size or 1000}"] = 100 - accuracy
    sizes = [name.removeprefix("error/without/") for name in found if name.startswith("error/without/")]
    return found | {f"gain/{n}": found[f"error/without/{n}"] - found[f"error/dropout/{n}"] for n in sizes}


def by_lane(run: Scored) -> dict[str, float]:
    """Final validation loss and accuracy of every lane, by its name."""
    losses = zip(run.lanes, run.final(run.val_loss).tolist(), strict=True)
    accuracies = zip(run.lanes, run.final(run.val_accuracy).tolist(), strict=True)
    return {f"val_loss/{name}": v for name, v in losses} | {f"val_accuracy/{name}": v for name, v in accuracies}


def regularisers(run: Scored) -> Values:
    """Final loss and accuracy of each remedy; where early stopping stopped, and how far dropout leads over it."""
    found = by_lane(run)
    stop = run.stopped[run.lanes.index("Early stopping")]
    return found | {
        "best_step/Early stopping": float("nan") if stop is None else stop["best_step"],
        "lead": found["val_accuracy/Dropout"] - found["val_accuracy/Early stopping"],
    }


def layers(run: Scored) -> Values:
    """What dropout in each place does for loss and accuracy, against none."""
    loss, accuracy = run.final(run.val_loss), run.final(run.val_accuracy)
    none = run.lanes.index("None")
    ratios = {f"ratio/{name}": loss[none] / own for name, own in zip(run.lanes, loss, strict=True)}
    gains = {f"gain/{name}": own - accuracy[none] for name, own in zip(run.lanes, accuracy, strict=True)}
    return {name: float(value) for name, value in (ratios | gains).items() if not name.endswith("/None")}


def noise_as_data(run: Scored) -> Values:
    """Final validation accuracy of every lane."""
    return {name: value for name, value in by_lane(run).items() if name.startswith("val_accuracy/")}


OF_RUN: Final[dict[str, OfRun]] = {
    "twin": twin,
    "rate": rate,
    "rate-hidden-only": rate_curve,
    "rate-constant-width": rate_curve,
    "data-size": data_size,
    "data-size-true-labels": data_size,
    "regularisers": regularisers,
    "layers": layers,
    "noise-as-data": noise_as_data,
}
"""What is made of the evaluations of a run, whoever trained it, by the id of the experiment."""


def _trained(of: OfRun, preset: Preset, seed: int) -> Values:
    return of(train(preset, seed))


MEASURES: Final[dict[str, Measure]] = {
    **{name: partial(_trained, of) for name, of in OF_RUN.items()},
    "rate-constant-width": rate_by_width,
}
"""By the id of the experiment."""
