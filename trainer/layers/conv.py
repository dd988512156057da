"""Convolution and pooling of L networks at once.

Shapes: L lanes, B examples, C channels in, O channels out, maps of H rows and W columns. Maps are laid out (L, C, H, W,
B), with the examples innermost: a window of all examples is copied in one run, a convolution is one matrix product a
lane, and pooling works on whole vectors. On two lanes that is three times as fast as `torch.nn.functional.conv2d` with
``groups = lanes``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from trainer.settings.shapes import KERNEL, POOL

PAD = KERNEL // 2


def to_maps(x: Tensor, shape: Sequence[int]) -> Tensor:
    """Activations (L, B, C·H·W) as a view (L, C, H, W, B); ``shape`` is (C, H, W)."""
    return x.view(*x.shape[:2], *shape).permute(0, 2, 3, 4, 1)


def from_maps(maps: Tensor) -> Tensor:
    """Maps (L, C, H, W, B) as activations (L, B, C·H·W)."""
    return maps.permute(0, 4, 1, 2, 3).flatten(2)


def windows(maps: Tensor) -> Tensor:
    """What a convolution sees at each place, (L, C·9, H·W·B) of maps (L, C, H, W, B): zeros beyond the edges."""
    lanes, channels, rows, columns, count = maps.shape
    around = nn.functional.pad(maps, (0, 0, PAD, PAD, PAD, PAD))
    lane, channel, row, column, example = around.stride()
    seen = around.as_strided(
        (lanes, channels, KERNEL, KERNEL, rows, columns, count), (lane, channel, row, column, row, column, example)
    )
    return seen.reshape(lanes, channels * KERNEL**2, rows * columns * count)


def unwindowed(seen: Tensor, shape: Sequence[int]) -> Tensor:
    """The gradient of maps of ``shape`` that is due to a gradient of their `windows`: every place gets its sum."""
    lanes, channels, rows, columns, count = shape
    parts = seen.view(lanes, channels, KERNEL, KERNEL, rows, columns, count)
    around = seen.new_zeros((lanes, channels, rows + 2 * PAD, columns + 2 * PAD, count))
    for i in range(KERNEL):
        for j in range(KERNEL):
            around[:, :, i : i + rows, j : j + columns].add_(parts[:, :, i, j])
    return around[:, :, PAD : PAD + rows, PAD : PAD + columns]


class _Convolution(torch.autograd.Function):
    """What `convolve` does."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        lanes, outputs = weight.shape[:2]
        # What all lanes see alike, the very input, is brought into windows once.
        seen = windows(maps[:1] if maps.stride(0) == 0 else maps).expand(lanes, -1, -1)
        ctx.save_for_backward(seen, weight)
        ctx.shape = maps.shape
        out = maps.new_empty((lanes, outputs, *maps.shape[2:]))
        torch.bmm(weight.flatten(2), seen, out=out.flatten(2))
        return out.add_(bias.view(lanes, outputs, 1, 1, 1))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        seen, weight = ctx.saved_tensors
        gradient = gradient.flatten(2)  # (L, O, H·W·B)
        d_maps = None
        if ctx.needs_input_grad[0]:
            d_maps = unwindowed(torch.bmm(weight.flatten(2).transpose(1, 2), gradient), ctx.shape)
        # The other way round, gradient @ seenᵀ, the same product takes three times as long. It has to be contiguous,
        # because PyTorch's fused Adam reads the memory of a gradient as it lies there.
        d_weight = torch.bmm(seen, gradient.transpose(1, 2)).transpose(1, 2).contiguous()
        return d_maps, d_weight.view_as(weight), gradient.sum(dim=2)[:, None]


def convolve(maps: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """`torch.nn.functional.conv2d` of each lane, with windows of 3×3 and zeros around the maps.

    Args:
        maps: (L, C, H, W, B).
        weight: (L, O, C, 3, 3).
        bias: (L, 1, O).

    Returns:
        (L, O, H, W, B).
    """
    made: Tensor = _Convolution.apply(maps, weight, bias)  # type: ignore[no-untyped-call]
    return made


def max_pool(maps: Tensor) -> Tensor:
    """`torch.nn.MaxPool2d(2)` of maps (L, C, H, W, B).

    The examples are passed off as channels in the channels-last format, which is how these maps lie in memory.
    """
    lanes, channels = maps.shape[:2]
    pooled = nn.functional.max_pool2d(maps.flatten(0, 1).permute(0, 3, 1, 2), POOL).permute(0, 2, 3, 1)
    return pooled.view(lanes, channels, *pooled.shape[1:])


class LaneConv2d(nn.Module):
    """`torch.nn.Conv2d(…, kernel_size=3, padding=1)` in L lanes.

    Args:
        initial: weight (O, C, 3, 3) and bias (O,) of each lane as torch.nn.Conv2d has them.
        device: where the tensors live.
        dtype: of all of them.
    """

    def __init__(self, initial: Sequence[tuple[Tensor, Tensor]], device: torch.device, dtype: torch.dtype) -> None:
        super().__init__()
        weights, biases = zip(*initial, strict=True)
        self.weight = nn.Parameter(torch.stack(weights).to(device, dtype))
        self.bias = nn.Parameter(torch.stack(biases)[:, None].to(device, dtype))

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (L, C, H, W, B) → (L, O, H, W, B)."""
        return convolve(maps, self.weight, self.bias)
