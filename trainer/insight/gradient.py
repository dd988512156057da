"""How far the gradient of one mini-batch, thinned by one draw of masks, is from the mean of many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import Tensor

from trainer.data.batches import Batches
from trainer.dropout.inputs import InputNoise
from trainer.insight.base import Insight, Looking
from trainer.insight.snapshot import Snapshot

if TYPE_CHECKING:
    from trainer.training.experiment import Experiment

DRAWS: Final = 16


class View(Insight):
    """Gradient noise of every lane: over fresh mini-batches and masks, and over masks alone.

    The gradient is that of the training loss with respect to all parameters that the lane trains. Penalties are left
    out, for they have no noise.
    """

    def look(self) -> Looking:
        """Take gradients of a copy, one at a time."""
        config, device = self.experiment.config, self.experiment.device
        snapshot = as_trained(self.experiment)
        batches = Batches(snapshot.data, config, device, self.experiment.dtype)
        noise = InputNoise(config, device)
        step, epoch = snapshot.step, snapshot.data.train_x.shape[0] // config.batch_size
        both, alone = _Cloud(), _Cloud()
        for draw in range(DRAWS):
            # Mini-batches of one epoch have no example in common; those of different epochs are independent.
            at = step + 1 + draw * epoch
            x, target = batches.at(at)
            snapshot.draw(draw)
            both.add(gradient(snapshot, noise.add(x, at), target))
            yield
        x, target = batches.at(step + 1)
        x = noise.add(x, step + 1)
        for draw in range(DRAWS):
            snapshot.draw(DRAWS + draw)
            alone.add(gradient(snapshot, x, target))
            yield
        norm, scatter = both.norm(), both.noise()
        found = {"norm": norm, "noise": scatter, "ratio": torch.where(norm > 0, scatter / norm, torch.nan)}
        return {
            "step": np.array([step], np.uint32),
            "draws": np.array([DRAWS], np.uint32),
            **{name: each.float().numpy() for name, each in (found | {"masks": alone.noise()}).items()},
        }


def as_trained(experiment: Experiment) -> Snapshot:
    """A copy that draws as many masks as training does: one for each example of a mini-batch, or one for all."""
    return Snapshot(experiment, rows=1 if experiment.config.mask == "per_batch" else None)


def gradient(snapshot: Snapshot, x: Tensor, target: Tensor) -> Tensor:
    """The gradient of each lane's mean cross-entropy, its label smoothing included, as one vector: (L, parameters).

    Args:
        snapshot: the networks, with masks drawn.
        x: (B, F) or (L, B, F).
        target: one-hot labels, (B, C) or (L, B, C).
    """
    network = snapshot.network
    trained = [*network.weights, *(network.norm_parameters if network.normalised is not None else ())]
    logits = network(x)
    with torch.no_grad():
        share = logits.new_tensor([lane.label_smoothing for lane in snapshot.config.lanes]).view(-1, 1, 1)
        smoothed = target * (1 - share) + share / target.shape[-1]
        slope = (torch.softmax(logits, dim=2) - smoothed) / logits.shape[1]
    return torch.cat([each.flatten(1) for each in torch.autograd.grad(logits, trained, slope)], dim=1)


class _Cloud:
    """Vectors of every lane, (L, P) each, and how they scatter; (L,) float64 on the CPU.

    Sums are of what sets a vector apart from the first, so that vectors that are all alike scatter by exactly 0.
    """

    def __init__(self) -> None:
        self._count = 0
        self._first = self._sum = self._squares = torch.zeros(())

    def add(self, vectors: Tensor) -> None:
        """Take note of one vector of each lane."""
        if self._count == 0:
            self._first, self._sum = vectors, torch.zeros_like(vectors)
            self._squares = torch.zeros(len(vectors), dtype=torch.float64, device=vectors.device)
        apart = vectors - self._first
        self._sum = self._sum + apart
        self._squares = self._squares + _squared(apart)
        self._count += 1

    def _variance(self) -> Tensor:
        """Mean squared distance from the mean, unbiased: over one less than there are."""
        spread = self._squares - _squared(self._sum) / self._count
        return spread.clamp_min(0) / (self._count - 1)

    def noise(self) -> Tensor:
        """Root mean square distance from the mean."""
        return self._variance().sqrt().cpu()

    def norm(self) -> Tensor:
        """Length of the mean without the part that chance adds to it: ‖mean of n‖² exceeds ‖mean‖² by variance/n.

        0 where the mean of so few cannot be told from 0.
        """
        length = _squared(self._first + self._sum / self._count) - self._variance() / self._count
        return length.clamp_min(0).sqrt().cpu()


def _squared(vectors: Tensor) -> Tensor:
    """Squared lengths (L,) of vectors (L, P), added up in float64."""
    lengths: Tensor = torch.linalg.vector_norm(vectors, dim=1, dtype=torch.float64)
    return lengths.square()
