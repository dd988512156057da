"""What is measured of the experiments with other networks and in the plane."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np
import torch

from evidence.measures.dense import LOSS_RATIO, by_lane
from evidence.trained import Measure, Numbers, OfRun, Scored, Trained, Values, train
from trainer.presets import Preset

GRID: Final = 120  # points along each side of the square that boundaries are measured in
SIDE: Final = 3.0  # from -3 to 3


def convolutional(run: Scored) -> Values:
    """Final loss and accuracy of every lane, and from when on it shows."""
    without, dropout = run.lanes.index("No dropout"), run.lanes.index("Elements .2, dense .5")
    crossing = run.for_good(run.val_loss[:, without] / run.val_loss[:, dropout] > LOSS_RATIO)
    return by_lane(run) | {"crossing": crossing}


def recurrent(run: Scored) -> Values:
    """Final loss and accuracy of every lane."""
    return by_lane(run)


def boundaries(preset: Preset, seed: int) -> Values:
    """Loss and accuracy of both lanes, and how long the line is that each draws between the classes."""
    run = train(preset, seed)
    return of_planes(run, probabilities(run))


def of_planes(run: Scored, planes: Numbers) -> Values:
    """The same of a run and of what its two networks say over the square, (2, GRID, GRID)."""
    loss, accuracy = run.final(run.val_loss), run.final(run.val_accuracy)
    without, dropout = (length(plane) for plane in planes)
    return {
        "val_accuracy/without": float(accuracy[0]),
        "val_accuracy/dropout": float(accuracy[1]),
        "gain": float(accuracy[1] - accuracy[0]),
        "val_loss/without": float(loss[0]),
        "val_loss/dropout": float(loss[1]),
        "length_ratio": dropout / without,
    }


def probabilities(run: Trained) -> Numbers:
    """Probability of class 1 in eval mode over the square, (L, GRID, GRID)."""
    experiment = run.experiment
    log_p = experiment.judge.log_probabilities(experiment.model, square())[..., 1]
    return log_p.exp().double().numpy().reshape(-1, GRID, GRID)


def square() -> torch.Tensor:
    """The points of the square, (GRID², 2)."""
    at = torch.linspace(-SIDE, SIDE, GRID)
    y, x = torch.meshgrid(at, at, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], dim=1)


def length(plane: Numbers, level: float = 0.5) -> float:
    """Length of the line where ``plane``, (G, G) over the square, crosses ``level``.

    In each cell the line is taken to be straight between the points where it crosses the sides, found by linear
    interpolation (marching squares); in a cell that it crosses twice, two corners are cut off.
    """
    height = np.asarray(plane) - level
    step = 2 * SIDE / (len(plane) - 1)
    corners = (height[:-1, :-1], height[:-1, 1:], height[1:, 1:], height[1:, :-1])  # around the cell
    spots = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
    crossed, points = [], []
    for side in range(4):
        first, second = corners[side], corners[(side + 1) % 4]
        crosses = (first > 0) != (second > 0)
        share = np.where(crosses, first / np.where(crosses, first - second, 1.0), 0.0)[..., None]
        crossed.append(crosses)
        points.append(spots[side] + share * (spots[(side + 1) % 4] - spots[side]))
    total = 0.0
    four = np.logical_and.reduce(crossed)
    for a in range(4):
        for b in range(a + 1, 4):
            # Two sides crossed: the line joins them. All four: it cuts off the corners between neighbouring sides 0, 1
            # and 2, 3.
            joined = np.where(four, (a, b) in ((0, 1), (2, 3)), crossed[a] & crossed[b])
            total += float(np.linalg.norm(points[a] - points[b], axis=-1)[joined].sum())
    return total * step


OF_RUN: Final[dict[str, OfRun]] = {"convolutional": convolutional, "recurrent": recurrent}
"""What is made of the evaluations of a run, whoever trained it, by the id of the experiment."""


def _trained(of: OfRun, preset: Preset, seed: int) -> Values:
    return of(train(preset, seed))


MEASURES: Final[dict[str, Measure]] = {
    **{name: partial(_trained, of) for name, of in OF_RUN.items()},
    "boundaries": boundaries,
}
"""By the id of the experiment."""
