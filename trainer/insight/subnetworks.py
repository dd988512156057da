"""Sub-networks in the plane: the boundary of each, of their average and of the whole, and where they disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
import torch
from torch import Tensor

from trainer.ensemble.thinning import thin
from trainer.errors import KnobError
from trainer.insight.base import Insight, Looking

if TYPE_CHECKING:
    from trainer.ensemble.thinning import Thinned
    from trainer.training.experiment import Experiment

GRID: Final = 48  # samples along each side
SHOWN: Final = 16  # sub-networks with a boundary of their own
MEMBERS: Final = 64  # sub-networks that are averaged, as in the ensemble: their masks are the same


class View(Insight):
    """The first sub-networks of the followed lane, over a grid of the plane.

    The entropy of the average answer is all there is to doubt at a point; the mutual information between the answer and
    the choice of the sub-network is the part of it that is disagreement (Gal 2016, section 3.3.1). A lane without
    dropout is thinned like the first lane that has some; if none has any, all sub-networks are the whole network.

    Raises:
        KnobError: the data are no points in the plane.
    """

    interval_s: ClassVar[float] = 0.5

    def look(self) -> Looking:
        """Look at the plane, one sub-network a bite."""
        experiment = self.experiment
        lane, step, extent = experiment.followed[0], experiment.step, experiment.data.extent
        if extent is None:
            raise KnobError(
                "dataset", experiment.config.dataset, "a set of points in the plane to show sub-networks in"
            )
        subnetworks = _thinned(experiment, lane, _grid(extent, GRID))
        shown = np.zeros((SHOWN, GRID, GRID), dtype=np.uint8)
        average = np.zeros(GRID * GRID)
        alone = np.zeros(GRID * GRID)  # the entropy of each sub-network by itself, summed over them
        for number in range(MEMBERS):
            parts: list[np.ndarray] = []
            for part in range(subnetworks.parts):
                if parts:
                    yield
                parts.append(_of_class_1(subnetworks.part(number, part)))
            probability = np.concatenate(parts)
            if number < SHOWN:
                shown[number] = _levels(probability)
            average += probability / MEMBERS
            alone += _entropy(probability) / MEMBERS
            yield
        whole: list[np.ndarray] = []
        for part in range(subnetworks.parts):
            if whole:
                yield
            whole.append(_of_class_1(subnetworks.whole_part(part)))
        entropy = _entropy(average)
        return {
            "step": np.array([step], dtype=np.uint32),
            "lane": np.array([lane], dtype=np.uint8),
            "extent": np.array(extent, dtype=np.float32),
            "members": shown,
            "average": _levels(average),
            "scaling": _levels(np.concatenate(whole)),
            "entropy": _map(entropy),
            "information": _map(np.maximum(entropy - alone, 0)),
        }


@torch.no_grad()
def _thinned(experiment: Experiment, lane: int, x: Tensor) -> Thinned:
    """The sub-networks of a lane as it is now."""
    config = experiment.config
    own = config.lanes[lane]
    dropout = own if own.drops else next((each for each in config.lanes if each.drops), own)
    x = x.to(experiment.device, experiment.dtype)
    return thin(experiment.model, config, experiment.data, experiment.step, lane, dropout, x)


def _grid(extent: tuple[float, float, float, float], size: int) -> Tensor:
    """Points of a grid over the plane in view, (size², 2), those of the bottom row first."""
    left, right, bottom, top = extent
    y, x = torch.meshgrid(torch.linspace(bottom, top, size), torch.linspace(left, right, size), indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], dim=1)


@torch.no_grad()
def _of_class_1(logits: Tensor) -> np.ndarray:
    """Probability of class 1, (points,) float64, of logits (2, points)."""
    probability: np.ndarray = torch.sigmoid((logits[1] - logits[0]).double()).cpu().numpy()
    return probability


def _entropy(probability: np.ndarray) -> np.ndarray:
    """Of two classes, in nats."""
    both = torch.from_numpy(np.stack([probability, 1 - probability]))
    entropy: np.ndarray = torch.special.entr(both).sum(dim=0).numpy()
    return entropy


def _levels(probability: np.ndarray) -> np.ndarray:
    """Probabilities as a picture of 0 … 255; what is no number is 0, and has no entropy either."""
    return _map(np.round(255 * np.nan_to_num(probability)), np.uint8)


def _map(values: np.ndarray, dtype: type[np.generic] = np.float32) -> np.ndarray:
    return values.reshape(GRID, GRID).astype(dtype)
