"""Layers that compute L networks at once. Weights and activations carry a leading lane dimension.

Shapes: L lanes, B examples of a mini-batch, D units in, U units out. Each lane computes what its `torch.nn` counterpart
computes; `tests/trainer/test_parity.py` holds them to it in both passes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

WORDS: Final = 2**16  # values that a noise word can take
MOMENTUM: Final = 0.1  # of batch norm's running statistics, as torch.nn.BatchNorm1d
EPS: Final = 1e-5


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Affine map of each lane: x (L, B, D), weight (L, D, U), bias (L, 1, U) → (L, B, U)."""
    return torch.baddbmm(bias, x, weight)


def batch_norm(x: Tensor, mean: Tensor, variance: Tensor, weight: Tensor, bias: Tensor, training: bool) -> Tensor:
    """Normalise and scale x (L, B, U); the others (L, 1, U). Ioffe & Szegedy 2015, algorithms 1 and 2.

    While training, the mini-batch's statistics are used, and ``mean`` and ``variance`` move towards them in place. All
    lanes go through PyTorch's own kernel, as one batch of L·U units.
    """
    lanes, count, units = x.shape
    flat = x.transpose(0, 1).reshape(count, lanes * units)
    statistics = (mean.view(-1), variance.view(-1))
    y = nn.functional.batch_norm(flat, *statistics, weight.view(-1), bias.view(-1), training, MOMENTUM, EPS)
    return y.view(count, lanes, units).transpose(0, 1)  # (L, B, U)


def threshold(rate: float) -> int:
    """The least noise word, among -32,768 … 32,767, that keeps a unit at dropout rate ``rate``.

    The share that is dropped is ``rate`` rounded to a multiple of 2⁻¹⁶, so an expected activation is off by at most
    2⁻¹⁷/(1-rate) of itself: 1.5e-4 at the highest rate of 0.95, and 0 at 0.5 or 0.25.
    """
    return round(rate * WORDS) - WORDS // 2


def scale(rate: float) -> float:
    """What a kept unit is multiplied by so that its expectation stays: inverted dropout."""
    return 1 / (1 - rate)


class LaneLinear(nn.Module):
    """`torch.nn.Linear` in L lanes.

    Args:
        weight: initial weight of every lane, (U, D) as torch.nn.Linear has it.
        bias: initial bias of every lane, (U,).
        lanes: how many networks there are.
    """

    def __init__(self, weight: Tensor, bias: Tensor, lanes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.T.expand(lanes, -1, -1).clone(memory_format=torch.contiguous_format))
        self.bias = nn.Parameter(bias.expand(lanes, 1, -1).clone(memory_format=torch.contiguous_format))

    def forward(self, x: Tensor) -> Tensor:
        """X (L, B, D) → (L, B, U)."""
        return linear(x, self.weight, self.bias)


class LaneBatchNorm(nn.Module):
    """`torch.nn.BatchNorm1d` in L lanes, each of which has it switched on or off.

    A lane that has it off passes its input on unchanged, and its running statistics stand still.

    Args:
        lanes: how many networks there are.
        units: how many units are normalised.
        device: where the tensors live.
        dtype: of all of them.
    """

    on: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, lanes: int, units: int, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__()
        zeros = torch.zeros((lanes, 1, units), device=device, dtype=dtype)
        self.weight = nn.Parameter(torch.ones_like(zeros))
        self.bias = nn.Parameter(zeros.clone())
        self.register_buffer("running_mean", zeros)
        self.register_buffer("running_var", torch.ones_like(zeros))
        self.register_buffer("on", torch.zeros((lanes, 1, 1), dtype=torch.bool, device=device), persistent=False)
        self.used = self.everywhere = False

    def switch(self, on: Sequence[bool]) -> None:
        """Say which lanes normalise."""
        self.on.copy_(torch.tensor(on).view(-1, 1, 1))
        self.used, self.everywhere = any(on), all(on)

    def forward(self, x: Tensor) -> Tensor:
        """X (L, B, U) → the same shape, normalised in the lanes that have it on."""
        if not self.used:
            return x
        mean, variance = self.running_mean, self.running_var
        if self.training and not self.everywhere:
            mean, variance = mean.clone(), variance.clone()
        y = batch_norm(x, mean, variance, self.weight, self.bias, self.training)
        if self.everywhere:
            return y
        if self.training:
            self._blend(self.running_mean, mean, self.on)
            self._blend(self.running_var, variance, self.on)
        return torch.where(self.on, y, x)

    @torch.no_grad()
    def estimate(self, x: Tensor, lanes: Tensor) -> None:
        """Set the running statistics of some lanes to those of x (L, N, U); ``lanes`` (L, 1, 1) says of which."""
        variance, mean = torch.var_mean(x, dim=1, keepdim=True)
        self._blend(self.running_mean, mean, lanes)
        self._blend(self.running_var, variance, lanes)

    @staticmethod
    def _blend(old: Tensor, new: Tensor, lanes: Tensor) -> None:
        old.copy_(torch.where(lanes, new, old))


class LaneDropout(nn.Module):
    """`torch.nn.Dropout` in L lanes, each with a rate of its own, and its mask on record.

    Srivastava et al. 2014, section 4, with the scaling at training time (section 10): y = x · keep / (1 - p).

    Attributes:
        keep: the mask of the latest draw, (L, rows, U) of booleans: a numpy array on the CPU, a tensor elsewhere. It is
            overwritten by the next draw.
        multiplier: what activations are multiplied by, keep · 1/(1-p), (L, rows, U).

    Args:
        lanes: how many networks there are.
        rows: how many masks are drawn at once: the mini-batch's size, or 1 if all of it shares one.
        units: how many units may be dropped.
        device: where the tensors live.
        dtype: of the multiplier.
    """

    def __init__(self, lanes: int, rows: int, units: int, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__()
        self.rows, self.units = rows, units
        self.rates = (0.0,) * lanes
        self.used = False
        self._keep = torch.ones((lanes, rows, units), dtype=torch.bool, device=device)
        self.keep: Tensor | np.ndarray = self._keep.numpy() if device.type == "cpu" else self._keep
        self.multiplier = torch.ones((lanes, rows, units), dtype=dtype, device=device)
        self._scales = torch.ones((lanes, 1, 1), dtype=dtype, device=device)
        self._thresholds = torch.zeros((lanes, 1, 1), dtype=torch.int16, device=device)
        self._limits = [threshold(0)] * lanes

    def set_rates(self, rates: Sequence[float]) -> None:
        """Give each lane its rate, in force from the next draw on."""
        self.rates = tuple(rates)
        self.used = any(rates)
        self._limits = [threshold(rate) for rate in rates]
        self._thresholds.copy_(torch.tensor(self._limits, dtype=torch.int16).view(-1, 1, 1))
        self._scales.copy_(torch.tensor([scale(rate) for rate in rates], dtype=torch.float64).view(-1, 1, 1))
        self._keep.fill_(True)
        self.multiplier.fill_(1)

    def draw(self, noise: Tensor | Sequence[np.ndarray | None], start: int) -> None:
        """Draw the masks of one step.

        Args:
            noise: 16-bit words, (L, all layers' words) on a device, or a list of one array for each lane on the CPU,
                where a lane that drops nothing may have None.
            start: where this layer's words begin.
        """
        if not self.used:
            return
        stop = start + self.rows * self.units
        if isinstance(noise, Tensor):
            block = noise[:, start:stop].view(-1, self.rows, self.units)
            torch.ge(block, self._thresholds, out=self._keep)
        elif isinstance(self.keep, np.ndarray):
            for lane, (rate, own) in enumerate(zip(self.rates, noise, strict=True)):
                if rate and own is not None:
                    words = own[start:stop].reshape(self.rows, self.units)
                    np.greater_equal(words, self._limits[lane], out=self.keep[lane])
        # As bytes, and in two passes: torch converts booleans at a fifth of the speed, and multiplies mixed types
        # slowly.
        self.multiplier.copy_(self._keep.view(torch.uint8)).mul_(self._scales)

    def forward(self, x: Tensor) -> Tensor:
        """X (L, B, U) → x times the multiplier while training; x itself in eval mode or when no lane drops anything."""
        return x * self.multiplier if self.training and self.used else x


def default_init(sizes: Sequence[int], seed: int) -> list[tuple[Tensor, Tensor]]:
    """Weight (U, D) and bias (U,) of a chain of `torch.nn.Linear` as PyTorch makes them after
    ``torch.manual_seed(seed)``.

    Both are uniform within 1/√D (He et al. 2015 with a = √5, PyTorch's default), float32. The global generator is not
    touched.
    """
    random = torch.Generator().manual_seed(seed)
    made = []
    for inputs, outputs in pairwise(sizes):
        weight, bias = torch.empty(outputs, inputs), torch.empty(outputs)
        nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=random)
        nn.init.uniform_(bias, -1 / math.sqrt(inputs), 1 / math.sqrt(inputs), generator=random)
        made.append((weight, bias))
    return made
