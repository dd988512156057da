"""How much the units of a layer say the same: Pearson's correlation over the validation set.

Hinton et al. 2012 call it co-adaptation that a unit is only useful beside certain others; a unit that must be useful
beside randomly chosen ones should correlate less with each of them.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from trainer.insight.base import Insight, Looking
from trainer.insight.lane_by_lane import LaneByLane
from trainer.settings.contrast import with_contrast
from trainer.wire.frames import Tensors

BINS: Final = 40
STRONG: Final = 0.7
SHOWN: Final = 128  # units of a matrix
COMPARED: Final = 640  # units of a layer whose pairs are looked at: all of a dense one, some of a large map
_WORK: Final = 60_000_000  # multiplications of one bite: some 2 ms


@dataclass(frozen=True)
class Pairs:
    """What is known of all pairs of units: mean absolute correlation, share beyond `STRONG`, histogram (BINS,)."""

    mean: float
    strong: float
    histogram: np.ndarray


class View(Insight):
    """Correlations of each layer of each lane, and the matrices of the followed lane and its contrast."""

    def look(self) -> Looking:
        """Look at one lane after the other."""
        lanes = LaneByLane(self.experiment)
        shown = with_contrast(lanes.config, self.experiment.followed[0])
        yield
        pairs: list[list[Pairs]] = []
        matrices: dict[int, list[np.ndarray]] = {}
        for lane in range(lanes.count):
            some = [evenly(real.nonzero()[:, 0], COMPARED).to(lanes.x.device) for real in lanes.real(lane)]
            parts: list[list[Tensor]] = []  # of the layers, then of the units in their matrices
            for entered in lanes.passes(lane):
                compared = [each[:, own] for each, own in zip(entered, some, strict=True)]
                parts.append(compared + [each[:, :SHOWN].clone() for each in entered if lane in shown])
                yield
            whole = [torch.cat(columns) for columns in zip(*parts, strict=True)]
            pairs.append([])
            for x in whole[: len(lanes.layers)]:
                found_here = yield from correlations(x)
                pairs[lane].append(found_here)
            matrices[lane] = [matrix(x) for x in whole[len(lanes.layers) :]]
            yield
        found: Tensors = {
            "step": np.array([lanes.step], np.uint32),
            "lane": np.array(shown, np.uint8),
        }
        for place, layer in enumerate(lanes.layers):
            column = [own[place] for own in pairs]
            found[f"mean/{layer}"] = np.array([each.mean for each in column], np.float32)
            found[f"strong/{layer}"] = np.array([each.strong for each in column], np.float32)
            found[f"histogram/{layer}"] = np.stack([each.histogram for each in column]).astype(np.uint32)
            found[f"matrix/{layer}"] = np.stack([matrices[lane][place] for lane in shown])
        return found


def evenly(indices: Tensor, most: int) -> Tensor:
    """At most ``most`` of the indices, evenly spread."""
    if len(indices) <= most:
        return indices
    return indices[torch.linspace(0, len(indices) - 1, most).round().long()]


def standardised(x: Tensor) -> tuple[Tensor, Tensor]:
    """Columns of x (V, U) with mean 0 and length 1, and which of them change at all, (U,) bool: the others are 0."""
    centred = x - x.mean(dim=0)
    length = centred.norm(dim=0)
    alive = (x.amax(dim=0) > x.amin(dim=0)) & (length > 0) & length.isfinite()
    return torch.where(alive, centred / length, 0), alive


def correlations(x: Tensor) -> Generator[None, None, Pairs]:
    """Correlate every two columns of x (V, U) that change, in bites; NaN where there are no two, or x is not finite."""
    z, alive = standardised(x)
    z = z[:, alive]
    units = z.shape[1]
    total, strong = 0.0, 0
    histogram = np.zeros(BINS)
    rows = max(1, _WORK // (len(x) * max(units, 1)))
    for start in range(0, units, rows):
        r = (z[:, start : start + rows].T @ z[:, start:]).clamp_(-1, 1)  # (rows, units - start)
        values = r[torch.ones_like(r, dtype=torch.bool).triu_(1)]
        total += float(values.abs().sum(dtype=torch.float64))
        strong += int((values.abs() > STRONG).sum())
        histogram += torch.histc(values, BINS, -1, 1).cpu().numpy()
        yield
    count = units * (units - 1) // 2
    if count == 0 or not bool(x.isfinite().all()):
        return Pairs(math.nan, math.nan, np.zeros(BINS))
    return Pairs(total / count, strong / count, histogram)


def matrix(x: Tensor) -> np.ndarray:
    """Correlations × 127 of the columns of x (V, U), (U, U) int8; 0 where there are none."""
    z, _ = standardised(x)
    r = (z.T @ z).clamp_(-1, 1) * 127
    values: np.ndarray = r.nan_to_num(0).round().to(torch.int8).cpu().numpy()
    return values
