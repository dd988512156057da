"""How long the vector of all weights of each network is, and how large its largest weight."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch

from trainer.insight.base import Insight, Looking


class View(Insight):
    """Weights and biases of every network; the zeros of a narrow lane add nothing.

    Found: ``length`` (L,) the square root of the sum of all squares, ``largest`` (L,) the greatest absolute value.
    """

    interval_s: ClassVar[float] = 0.5

    def look(self) -> Looking:
        """Look at the run as it is now."""
        experiment = self.experiment
        step = experiment.step
        weights = [weight.detach().flatten(start_dim=1).clone() for weight in experiment.model.weights]  # (L, W) each
        yield
        squares = torch.stack([weight.square().sum(dim=1) for weight in weights])  # (matrices, L)
        largest = torch.stack([weight.abs().amax(dim=1) for weight in weights]).amax(dim=0)
        return {
            "step": np.array([step], np.uint32),
            "length": squares.sum(dim=0).sqrt().float().cpu().numpy(),
            "largest": largest.float().cpu().numpy(),
        }
