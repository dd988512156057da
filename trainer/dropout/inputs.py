"""Noise on the inputs of a training pass: the same example looks a little different every time."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from trainer.dropout.noise import key_of_all
from trainer.lanewise import Column
from trainer.seeds import Purpose, generator
from trainer.settings.config import ExperimentConfig


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


class DeviceInputNoise:
    """The same with one generator for all lanes, on the device, that is seeded anew at every step.

    As of `trainer.dropout.noise.DeviceNoise`, there are two parts: `fill` draws, `apply` may be captured.

    Args:
        config: seeds, and how strong the noise is.
        like: a tensor on the device and of the type of the inputs.
    """

    def __init__(self, config: ExperimentConfig, like: Tensor) -> None:
        self._seed = key_of_all(config, Purpose.INPUT_NOISE)
        self._generator = torch.Generator(like.device)
        self._sigma = Column(len(config.lanes), like, off=0.0)
        self._drawn = like.new_empty(0)
        self.use(config)

    def use(self, config: ExperimentConfig) -> None:
        """Take over the standard deviation of each lane's noise."""
        self._sigma.write([lane.input_noise for lane in config.lanes])

    def add(self, x: Tensor, step: int) -> Tensor:
        """Inputs (B, F) or (L, B, F) with the noise of ``step``: (L, B, F); ``x`` itself when no lane has any."""
        self.fill(step, *x.shape[-2:])
        return self.apply(x)

    @property
    def generation(self) -> int:
        """How often `apply` has become another computation."""
        return self._sigma.generation

    def fill(self, step: int, count: int, features: int) -> None:
        """Draw for ``count`` examples of ``step``, if any lane has noise."""
        if not self._sigma.used:
            return
        shape = (len(self._sigma.values), count, features)
        if self._drawn.shape != torch.Size(shape):  # the first time: mini-batches are all of one size
            self._drawn = self._drawn.new_empty(shape)
        self._generator.manual_seed((self._seed + step) % 2**63)
        self._drawn.normal_(generator=self._generator)

    def apply(self, x: Tensor) -> Tensor:
        """Inputs (B, F) or (L, B, F) with what was drawn last: (L, B, F); ``x`` itself when no lane has any noise."""
        return x + self._sigma.values.view(-1, 1, 1) * self._drawn if self._sigma.used else x
