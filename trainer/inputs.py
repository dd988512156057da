"""Noise on the inputs of a training pass: the same example looks a little different every time."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from trainer.config import ExperimentConfig
from trainer.seeds import Purpose, generator


class InputNoise:
    """Adds normal noise to the inputs of the lanes that ask for it (Bishop 1995).

    What is added is a function of a lane's seed, the lane and the step.

    Args:
        config: seeds, and how strong the noise is.
        device: where the inputs are.
    """

    def __init__(self, config: ExperimentConfig, device: torch.device) -> None:
        self._seeds = [config.seed_of(lane) for lane in range(len(config.lanes))]
        self._device = device
        self._sigma: list[float] = []
        self.use(config)

    def use(self, config: ExperimentConfig) -> None:
        """Take over the standard deviation of each lane's noise."""
        self._sigma = [lane.input_noise for lane in config.lanes]

    def add(self, x: Tensor, step: int) -> Tensor:
        """Inputs (B, F) or (L, B, F) with the noise of ``step``: (L, B, F); ``x`` itself when no lane has any."""
        if not any(self._sigma):
            return x
        count, features = x.shape[-2:]
        noise = np.zeros((len(self._sigma), count, features), dtype=np.float32)
        for lane, (seed, sigma) in enumerate(zip(self._seeds, self._sigma, strict=True)):
            if sigma:
                random = generator(seed, Purpose.INPUT_NOISE, lane, step)
                noise[lane] = sigma * random.standard_normal((count, features), dtype=np.float32)
        return x + torch.from_numpy(noise).to(self._device, x.dtype)
