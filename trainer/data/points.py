"""Points in the plane that one can see: two classes, left in the units in which they are made.

Every set of them lies within about 3 of the origin.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from trainer.seeds import Purpose, generator
from trainer.settings.config import ExperimentConfig

VALIDATION_POINTS: Final = 1000
_MARGIN: Final = 0.1  # of the points' range, left free around them in a picture

Points = tuple[np.ndarray, np.ndarray]  # (n, 2) and their classes (n,)


def draw(config: ExperimentConfig) -> tuple[Points, Points]:
    """The training and the validation points of a run; neither depends on how many there are of the other."""
    make = _MAKERS[config.dataset]

    def some(count: int, purpose: Purpose) -> Points:
        random = generator(config.seed, purpose)
        x, y = make(count, config.data_noise, random)
        order = random.permutation(count)
        return x[order], y[order]

    return some(config.train_size, Purpose.TRAIN_POINTS), some(VALIDATION_POINTS, Purpose.VALIDATION_POINTS)


def extent(points: np.ndarray) -> tuple[float, float, float, float]:
    """x-min, x-max, y-min, y-max of a picture that has all of ``points`` (n, 2) in it, and some room around them."""
    low, high = points.min(axis=0), points.max(axis=0)
    pad = _MARGIN * (high - low)
    (x_min, y_min), (x_max, y_max) = low - pad, high + pad
    return float(x_min), float(x_max), float(y_min), float(y_max)


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
