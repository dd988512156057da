"""Named data sets: real digits, and points in the plane that one can see.

Digits are divided by 16 so that a pixel lies between 0 and 1. Points are left in the units in which they are made:
every set of them lies within about 3 of the origin. Training labels may be made wrong; validation labels are always
true.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import torch
from torch import Tensor

from trainer.config import ExperimentConfig
from trainer.seeds import Purpose, generator

VALIDATION_DIGITS: Final = 797
VALIDATION_POINTS: Final = 1000
_MARGIN: Final = 0.1  # of the points' range, left free around them in a picture

Points = tuple[np.ndarray, np.ndarray]  # (n, F) and their classes (n,)


@dataclass(frozen=True)
class Dataset:
    """What the networks of a run learn from and are judged by. N training and V validation examples of F features.

    Attributes:
        train_x: (N, F) float32.
        train_y: (N,) int64, the labels trained on, some of them wrong.
        train_true: (N,) int64, the true labels.
        val_x: (V, F) float32.
        val_y: (V,) int64, true labels.
        classes: the name of each class.
        shape: how the features are arranged: (8, 8) pixels, or (2,) coordinates.
        extent: x-min, x-max, y-min, y-max around all points of a 2-D set; None for images.
    """

    train_x: Tensor
    train_y: Tensor
    train_true: Tensor
    val_x: Tensor
    val_y: Tensor
    classes: tuple[str, ...]
    shape: tuple[int, ...]
    extent: tuple[float, float, float, float] | None

    @property
    def features(self) -> int:
        """How many numbers describe an example."""
        return int(self.train_x.shape[1])


def load(config: ExperimentConfig) -> Dataset:
    """Make the data set of a run: a function of its seed and of the knobs about data, and of nothing else.

    The validation set does not depend on how many examples are trained on.
    """
    digits = config.dataset == "digits"
    (train_x, true), (val_x, val_y) = _digits(config) if digits else _points(config)
    classes = 10 if digits else 2
    labels = wrong_labels(true, classes, config.label_noise, generator(config.seed, Purpose.LABEL_NOISE))
    return Dataset(
        train_x=torch.from_numpy(train_x.astype(np.float32)),
        train_y=torch.from_numpy(labels),
        train_true=torch.from_numpy(true),
        val_x=torch.from_numpy(val_x.astype(np.float32)),
        val_y=torch.from_numpy(val_y),
        classes=tuple(str(number) for number in range(classes)),
        shape=(8, 8) if digits else (2,),
        extent=None if digits else _extent(np.concatenate([train_x, val_x])),
    )


def wrong_labels(labels: np.ndarray, classes: int, share: float, random: np.random.Generator) -> np.ndarray:
    """Replace exactly ``round(share * n)`` labels, each by another class that is drawn uniformly among the others.

    Args:
        labels: (n,) true labels, 0 … ``classes`` - 1.
        classes: how many there are, at least 2.
        share: of the labels, 0 to 1.
        random: where the choices come from.
    """
    chosen = random.choice(len(labels), size=round(share * len(labels)), replace=False)
    wrong = labels.copy()
    wrong[chosen] = (wrong[chosen] + random.integers(1, classes, size=len(chosen))) % classes
    return wrong


@lru_cache(maxsize=1)
def _all_digits() -> Points:
    from sklearn.datasets import load_digits  # takes half a second, and points need none of it

    images, labels = load_digits(return_X_y=True)
    return images / 16, labels.astype(np.int64)


def _digits(config: ExperimentConfig) -> tuple[Points, Points]:
    images, labels = _all_digits()
    order = generator(config.seed, Purpose.SPLIT).permutation(len(labels))
    val = order[:VALIDATION_DIGITS]
    train = order[VALIDATION_DIGITS : VALIDATION_DIGITS + config.train_size]
    return (images[train], labels[train]), (images[val], labels[val])


def _points(config: ExperimentConfig) -> tuple[Points, Points]:
    make = _MAKERS[config.dataset]

    def draw(count: int, purpose: Purpose) -> Points:
        random = generator(config.seed, purpose)
        x, y = make(count, config.data_noise, random)
        order = random.permutation(count)
        return x[order], y[order]

    return draw(config.train_size, Purpose.TRAIN_POINTS), draw(VALIDATION_POINTS, Purpose.VALIDATION_POINTS)


def _halves(count: int) -> tuple[int, int]:
    return count - count // 2, count // 2


def _two(first: np.ndarray, second: np.ndarray) -> Points:
    return np.concatenate([first, second]), np.repeat(np.arange(2), [len(first), len(second)])


def _ring(count: int, radius: float) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _moons(count: int, noise: float, random: np.random.Generator) -> Points:
    """Two half circles, evenly filled, as scikit-learn's ``make_moons``; then centred and stretched by 1.2."""
    upper, lower = (np.linspace(0, np.pi, half) for half in _halves(count))
    x, y = _two(
        np.stack([np.cos(upper), np.sin(upper)], axis=1),
        np.stack([1 - np.cos(lower), 0.5 - np.sin(lower)], axis=1),
    )
    x += noise * random.standard_normal(x.shape)
    return 1.2 * (x - (0.5, 0.25)), y


def _circles(count: int, noise: float, random: np.random.Generator) -> Points:
    """A ring of radius 1 around one of half its radius; then stretched by 1.5."""
    outer, inner = _halves(count)
    x, y = _two(_ring(outer, 1.0), _ring(inner, 0.5))
    return 1.5 * (x + noise * random.standard_normal(x.shape)), y


def _spirals(count: int, noise: float, random: np.random.Generator) -> Points:
    """Two arms of one turn and a quarter each, from radius 0.4 to 2.4, opposite to each other."""
    arms = []
    for half, start in zip(_halves(count), (0.0, np.pi), strict=True):
        along = np.linspace(0, 1, half)
        radius, angle = 0.4 + 2 * along, start + 2.5 * np.pi * along
        arms.append(np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1))
    x, y = _two(*arms)
    return x + noise * random.standard_normal(x.shape), y


def _xor(count: int, noise: float, random: np.random.Generator) -> Points:
    """A square of side 3, its quarters coloured like a chess board; the noise carries points over the edges."""
    x = random.uniform(-1.5, 1.5, size=(count, 2))
    y = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
    return x + noise * random.standard_normal(x.shape), y


def _gaussians(count: int, noise: float, random: np.random.Generator) -> Points:
    """Two round clouds about (-0.7, -0.7) and (0.7, 0.7), two units apart."""
    first, second = _halves(count)
    x, y = _two(np.full((first, 2), -0.7), np.full((second, 2), 0.7))
    return x + noise * random.standard_normal(x.shape), y


_MAKERS: Final[dict[str, Callable[[int, float, np.random.Generator], Points]]] = {
    "moons": _moons,
    "circles": _circles,
    "spirals": _spirals,
    "xor": _xor,
    "gaussians": _gaussians,
}


def _extent(points: np.ndarray) -> tuple[float, float, float, float]:
    low, high = points.min(axis=0), points.max(axis=0)
    pad = _MARGIN * (high - low)
    (x_min, y_min), (x_max, y_max) = low - pad, high + pad
    return float(x_min), float(x_max), float(y_min), float(y_max)
