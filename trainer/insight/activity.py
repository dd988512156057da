"""How strongly and how often the units of each lane fire on the validation set, and how large its weights are.

Srivastava et al. 2014, section 7.2 and figure 8: with dropout, fewer units are active and activations are smaller.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch
from torch import Tensor

from trainer.insight.base import Insight, Looking
from trainer.insight.lane_by_lane import LaneByLane
from trainer.models import LaneNetwork
from trainer.settings.networks import NETWORKS
from trainer.wire.frames import Tensors

BINS: Final = 40
_PROBE: Final = 64  # examples of which the histogram's range is made: the first of the validation set
_ROUND: Final = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)  # times a power of ten, where a range may end


class View(Insight):
    """Mean activation, share of firing and of dead units, and histograms with bins that all lanes share."""

    def look(self) -> Looking:
        """Look at one lane after the other."""
        lanes = LaneByLane(self.experiment)
        tops = [0.0] * len(lanes.layers)
        yield
        for lane in range(lanes.count):
            for entered in lanes.passes(lane, _PROBE):
                tops = [max(top, _greatest(each)) for top, each in zip(tops, entered, strict=True)]
            yield
        ends = [round_up(top) for top in tops]
        tallies: list[list[Tally]] = []
        weights: list[float] = []
        for lane in range(lanes.count):
            own = [Tally(real, end) for real, end in zip(lanes.real(lane), ends, strict=True)]
            for entered in lanes.passes(lane):
                for tally, each in zip(own, entered, strict=True):
                    tally.add(each)
                    yield
            tallies.append(own)
            weights.append(mean_size(lanes.take(lane)))
        return _found(lanes, ends, tallies) | {"weight": np.array(weights, np.float32)}


class Tally:
    """What is known of the activations of one layer of one lane.

    Args:
        real: (U,) bool, which units the lane has.
        end: where the histogram ends; its last bin takes all that is beyond.
    """

    def __init__(self, real: Tensor, end: float) -> None:
        self._real = None if bool(real.all()) else real
        self._end = end
        self._sum, self._firing, self._count = 0.0, 0, 0
        self._least: Tensor | None = None
        self._most: Tensor | None = None
        self._histogram = np.zeros(BINS, np.int64)

    def add(self, activations: Tensor) -> None:
        """Take note of activations (B, U)."""
        own = activations if self._real is None else activations[:, self._real.to(activations.device)]
        positive = own[own > 0]
        bins = (positive * (BINS / self._end)).clamp_(max=BINS - 1).long()
        least, most = own.amin(dim=0), own.amax(dim=0)
        self._least = least if self._least is None else torch.minimum(self._least, least)
        self._most = most if self._most is None else torch.maximum(self._most, most)
        self._histogram += torch.bincount(bins, minlength=BINS).cpu().numpy()
        self._sum += float(own.sum(dtype=torch.float64))
        self._firing += len(positive)
        self._count += own.numel()

    def figures(self, signed: bool) -> tuple[float, float, float]:
        """Mean activation, share of firing pairs, share of dead units; NaN of networks that have diverged.

        Args:
            signed: activations are no output of a ReLU: a unit is dead if it never changes.
        """
        if self._least is None or self._most is None or not math.isfinite(self._sum):
            return (math.nan,) * 3
        dead = self._most == self._least if signed else self._most <= 0
        return self._sum / self._count, self._firing / self._count, float(dead.double().mean())

    @property
    def histogram(self) -> np.ndarray:
        """(BINS,) how many activations above 0 fell into each bin; none of a network that has diverged."""
        return self._histogram if math.isfinite(self._sum) else np.zeros_like(self._histogram)


def round_up(value: float) -> float:
    """The least round number that is not below ``value``; 1 for 0."""
    if value <= 0:
        return 1.0
    scale = 10.0 ** math.floor(math.log10(value))
    return next((step * scale for step in _ROUND if step * scale >= value), 10 * scale)


def mean_size(network: LaneNetwork) -> float:
    """Mean absolute value of the weights of a single lane's hidden units; the zeros of a narrow lane do not count."""
    sizes = [weight.detach() for weight, _ in network.limited]
    return sum(float(each.abs().sum()) for each in sizes) / max(1, sum(int(each.count_nonzero()) for each in sizes))


def _greatest(activations: Tensor) -> float:
    """The greatest of activations (B, U) that is a finite number."""
    return float(activations.nan_to_num(0, 0, 0).max())


def _found(lanes: LaneByLane, ends: list[float], tallies: list[list[Tally]]) -> Tensors:
    signed = NETWORKS[lanes.config.network].signed
    found: Tensors = {"step": np.array([lanes.step], np.uint32)}
    for place, layer in enumerate(lanes.layers):
        own = [each[place] for each in tallies]
        figures = np.array([tally.figures(signed) for tally in own], np.float32)  # (L, 3)
        for column, name in enumerate(("mean", "firing", "dead")):
            found[f"{name}/{layer}"] = figures[:, column].copy()
        found[f"edges/{layer}"] = np.linspace(0, ends[place], BINS + 1, dtype=np.float32)
        found[f"histogram/{layer}"] = np.stack([tally.histogram for tally in own]).astype(np.uint32)
    return found
