"""Where masks come from: 16-bit noise that is a function of the seed, the step and, on the CPU, the lane."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
import torch

from trainer.config import ExperimentConfig
from trainer.layers import LaneDropout
from trainer.seeds import Purpose, WordStream, key


class Noise(Protocol):
    """Draws the masks of all layers from one block of noise."""

    def use(self, dropping: Sequence[bool]) -> None:
        """Say which lanes drop anything."""

    def draw(self, step: int, dropouts: Iterable[LaneDropout]) -> None:
        """Draw the masks of ``step``."""


class LaneNoise:
    """One stream for each lane, from numpy on the CPU.

    A lane's masks depend on no other lane, and a lane that drops nothing costs nothing.

    Args:
        seed: of the run.
        lanes: how many networks there are.
        count: words that a lane needs for a step.
        device: where masks are used.
    """

    def __init__(self, seed: int, lanes: int, count: int, device: torch.device) -> None:
        self._streams = [WordStream(key(seed, Purpose.MASKS, lane)) for lane in range(lanes)]
        self._dropping: Sequence[bool] = [False] * lanes
        self._count = count
        self._device = device

    def use(self, dropping: Sequence[bool]) -> None:
        """Say which lanes drop anything."""
        self._dropping = dropping

    def draw(self, step: int, dropouts: Iterable[LaneDropout]) -> None:
        """Draw the masks of ``step``."""
        pairs = zip(self._streams, self._dropping, strict=True)
        noise = [stream.words(step, self._count) if drops else None for stream, drops in pairs]
        if self._device.type == "cpu":
            _hand_out(noise, dropouts)
            return
        nothing = np.zeros(self._count, dtype=np.int16)
        block = np.stack([nothing if own is None else own for own in noise])
        _hand_out(torch.from_numpy(block).to(self._device), dropouts)


class CudaNoise:
    """One block for all lanes, from a generator on the GPU that is seeded anew at every step."""

    def __init__(self, seed: int, lanes: int, count: int, device: torch.device) -> None:
        self._seed = key(seed, Purpose.MASKS)
        self._generator = torch.Generator(device)
        self._block = torch.empty((lanes, (count + 3) // 4), dtype=torch.int64, device=device)
        self._drops = False

    def use(self, dropping: Sequence[bool]) -> None:
        """Say which lanes drop anything."""
        self._drops = any(dropping)

    def draw(self, step: int, dropouts: Iterable[LaneDropout]) -> None:
        """Draw the masks of ``step``."""
        if self._drops:
            self._generator.manual_seed((self._seed + step) % 2**63)
            # All 64 bits: `random_()` alone leaves the sign bit, and with it a quarter of the words, one bit short.
            self._block.random_(-(2**63), None, generator=self._generator)
            _hand_out(self._block.view(torch.int16), dropouts)


def make_noise(config: ExperimentConfig, units: int, device: torch.device) -> LaneNoise | CudaNoise:
    """The noise of a run for ``units`` units in all layers together."""
    rows = config.batch_size if config.mask == "per_example" else 1
    kind = CudaNoise if device.type == "cuda" else LaneNoise
    return kind(config.seed, len(config.lanes), rows * units, device)


def _hand_out(noise: torch.Tensor | list[np.ndarray | None], dropouts: Iterable[LaneDropout]) -> None:
    start = 0
    for dropout in dropouts:
        dropout.draw(noise, start)
        start += dropout.rows * dropout.units
