"""Batch norm that computes L networks at once, each of which has it switched on or off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn

from trainer.lanewise import put

MOMENTUM: Final = 0.1  # of batch norm's running statistics, as torch.nn.BatchNorm1d
EPS: Final = 1e-5


def batch_norm(x: Tensor, mean: Tensor, variance: Tensor, weight: Tensor, bias: Tensor, training: bool) -> Tensor:
    """Normalise and scale x (L, B, U, *places); the others (L, 1, U). Ioffe & Szegedy 2015, algorithms 1 and 2.

    While training, the mini-batch's statistics are used, and ``mean`` and ``variance`` move towards them in place. All
    lanes go through PyTorch's own kernel, as one batch of L·U units.
    """
    lanes, count, units, *places = x.shape
    flat = x.transpose(0, 1).reshape(count, lanes * units, *places)
    statistics = (mean.view(-1), variance.view(-1))
    y = nn.functional.batch_norm(flat, *statistics, weight.view(-1), bias.view(-1), training, MOMENTUM, EPS)
    return y.view(count, lanes, units, *places).transpose(0, 1)  # (L, B, U, *places)


class LaneBatchNorm(nn.Module):
    """`torch.nn.BatchNorm1d` or, with places behind the units, `BatchNorm2d`, in L lanes, each with its own switch.

    A lane that has it off passes its input on unchanged, and its running statistics stand still.

    Args:
        lanes: how many networks there are.
        units: how many units, or channels, are normalised.
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
        self.lanes_on = (False,) * lanes
        self.used = self.everywhere = False
        self.generation = 0  # how often the pass has become another computation

    def switch(self, on: Sequence[bool]) -> None:
        """Say which lanes normalise."""
        if tuple(on) == self.lanes_on:
            return
        put(self.on, on)
        self.lanes_on = tuple(on)
        before = (self.used, self.everywhere)
        self.used, self.everywhere = any(on), all(on)
        self.generation += (self.used, self.everywhere) != before

    def forward(self, x: Tensor) -> Tensor:
        """X (L, B, U, *places) → the same shape, normalised in the lanes that have it on."""
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
        return torch.where(self.on.view(-1, *(1,) * (x.dim() - 1)), y, x)

    @torch.no_grad()
    def estimate(self, x: Tensor, lanes: Tensor) -> None:
        """Set the running statistics of some lanes to those of x (L, N, U, *places); ``lanes`` (L, 1, 1) says which."""
        variance, mean = torch.var_mean(x, dim=(1, *range(3, x.dim())))  # (L, U)
        self._blend(self.running_mean, mean[:, None], lanes)
        self._blend(self.running_var, variance[:, None], lanes)

    @torch.no_grad()
    def affine(self, lane: int) -> tuple[Tensor, Tensor]:
        """What one lane does in eval mode, as a factor (U,) and a shift (U,); 1 and 0 where it is off."""
        if not self.lanes_on[lane]:
            return torch.ones_like(self.weight[lane, 0]), torch.zeros_like(self.bias[lane, 0])
        factor = self.weight[lane, 0] * torch.rsqrt(self.running_var[lane, 0] + EPS)
        return factor, self.bias[lane, 0] - self.running_mean[lane, 0] * factor

    @staticmethod
    def _blend(old: Tensor, new: Tensor, lanes: Tensor) -> None:
        old.copy_(torch.where(lanes, new, old))
