"""Layers that compute L networks at once. Weights and activations carry a leading lane dimension.

Shapes: L lanes, B examples of a mini-batch, D units in, U units out. Each lane computes what its `torch.nn` counterpart
computes; `tests/trainer/test_parity.py` holds them to it in both passes. A lane that is narrower than another has its
weights at the start of each dimension and zeros behind: such zeros have no gradient, and stay.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from trainer.dropout.dropconnect import drop_weights
from trainer.dropout.kinds import scale
from trainer.dropout.site import LaneDropout
from trainer.layers.norm import EPS, LaneBatchNorm, batch_norm

__all__ = [
    "EPS",
    "LaneBatchNorm",
    "LaneDense",
    "LaneDropout",
    "LaneLinear",
    "batch_norm",
    "default_init",
    "linear",
    "padded",
    "stacked",
]


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Affine map of each lane: x (L, B, D), weight (L, D, U), bias (L, 1, U) → (L, B, U)."""
    return torch.baddbmm(bias, x, weight)


def padded(tensor: Tensor, shape: Sequence[int]) -> Tensor:
    """``tensor`` at the start of zeros of ``shape``; as it is if that is its shape."""
    if tensor.shape == torch.Size(shape):
        return tensor
    zeros = tensor.new_zeros(tuple(shape))
    zeros[tuple(slice(size) for size in tensor.shape)] = tensor
    return zeros


def stacked(tensors: Iterable[Tensor], shape: Sequence[int], device: torch.device, dtype: torch.dtype) -> Tensor:
    """One tensor (L, *shape) of what each lane has, padded with zeros."""
    return torch.stack([padded(tensor, shape) for tensor in tensors]).to(device, dtype)


class LaneLinear(nn.Module):
    """`torch.nn.Linear` in L lanes.

    Args:
        initial: weight (U, D) and bias (U,) of each lane as torch.nn.Linear has them; a narrower lane has fewer.
        inputs: D, of the widest lane.
        outputs: U, of the widest lane.
        device: where the tensors live.
        dtype: of all of them.
    """

    def __init__(
        self,
        initial: Sequence[tuple[Tensor, Tensor]],
        inputs: int,
        outputs: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        weights, biases = zip(*initial, strict=True)
        weight = stacked((each.T for each in weights), (inputs, outputs), device, dtype)
        bias = stacked((each[None] for each in biases), (1, outputs), device, dtype)
        self.weight, self.bias = nn.Parameter(weight.contiguous()), nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        """X (L, B, D) → (L, B, U)."""
        return linear(x, self.weight, self.bias)


class LaneDense(nn.Module):
    """A place that can drop and the linear layer that follows it: dropout of units or, in some lanes, of weights.

    DropConnect (Wan et al. 2013): y = x @ (W ∘ M)/(1-p) + b, with a mask M of its own for each example, on which the
    paper insists, or one for the mini-batch (the run's knob ``mask``). Biases are not dropped, unlike the paper's. In
    eval mode W is used as it is, which is the mean; the paper's Gaussian moment matching is not done.

    Args:
        site: the place that can drop, before the layer.
        linear: the layer.
        widths: how many output units each lane really has; all of them if left out.
    """

    def __init__(self, site: LaneDropout, linear: LaneLinear, widths: Sequence[int] | None = None) -> None:
        super().__init__()
        self.site, self.linear = site, linear
        self._parts = (site, linear)  # as plain attributes: those of modules take a microsecond to look up
        site.connect(linear.bias.shape[2], widths)

    def forward(self, x: Tensor, between: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """X (L, B, D) → (L, B, U).

        Args:
            x: what enters the place that can drop.
            between: what stands between dropout and the layer: batch norm, in the order that has it there.
        """
        site, layer = self._parts
        x = site.forward(x)
        if between is not None:
            x = between(x)
        y = layer.forward(x)
        return self._with_dropped_weights(x, y) if site.connecting and site.training else y

    def _with_dropped_weights(self, x: Tensor, y: Tensor) -> Tensor:
        """Y (L, B, U) with the lanes that drop weights made anew, from x (L, B, D)."""
        site, layer = self._parts
        lanes = list(zip(site.connecting, site.weight_keep, strict=True))
        parts = [
            drop_weights(x[lane], layer.weight[lane], keep, site.weight_scales[lane]) + layer.bias[lane]
            for lane, keep in lanes
        ]
        return y.index_copy(0, site.connecting_index, torch.stack(parts))

    def weight_of(self, lane: int, row: int) -> Tensor:
        """The weight (D, U) that multiplied one example in the latest pass of a lane."""
        weight = self.linear.weight[lane]
        if not (self.site.training and lane in self.site.connecting):
            return weight
        keep = self.site.weight_keep[self.site.connecting.index(lane), row if self.site.rows > 1 else 0]
        return weight * keep * scale(self.site.rates[lane])


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
