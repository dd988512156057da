"""DropConnect's product: for each example of a mini-batch a weight matrix of which other entries are left."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

CHUNK: Final = {
    "cpu": 2**17,
    "cuda": 2**26,
}  # masked weights at a time: as many as stay in a core's cache, or in memory


def drop_weights(x: Tensor, weight: Tensor, keep: Tensor, scale: Tensor) -> Tensor:
    """Return x @ (weight ∘ keep) · scale, of one lane.

    Args:
        x: (B, D).
        weight: (D, U).
        keep: (B, D, U) bool, a mask for each example, or (1, D, U), one for all of them.
        scale: (), of every weight that is kept; read where it lies, so that a captured step sees it move.
    """
    if len(keep) == 1:
        return x @ (weight * (_numbers(keep[0], weight.dtype) * scale))
    product: Tensor = _MaskedProduct.apply(x, weight, keep, scale)  # type: ignore[no-untyped-call]
    return product


class _MaskedProduct(torch.autograd.Function):
    """The product with a mask for each example, which keeps no masked weights for the backward pass: they would be as
    many as the mask's bits, at 4 or 8 bytes each.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, keep: Tensor, scale: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight, keep, scale)
        y = x.new_empty((len(x), weight.shape[1]))
        for part in _chunks(keep):
            masked = _numbers(keep[part], weight.dtype).mul_(weight)  # (b, D, U)
            torch.bmm(x[part, None], masked, out=y[part, None])
        return y.mul_(scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        x, weight, keep, scale = ctx.saved_tensors
        gradient = gradient * scale
        to_x, to_weight = torch.empty_like(x), torch.zeros_like(weight)
        for part in _chunks(keep):
            mask = _numbers(keep[part], weight.dtype)
            outer = torch.bmm(x[part, :, None], gradient[part, None])  # (b, D, U)
            to_weight += outer.mul_(mask).sum(dim=0)
            torch.bmm(mask.mul_(weight), gradient[part, :, None], out=to_x[part, :, None])
        return to_x, to_weight, None, None


def _numbers(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Booleans as 0 and 1: by way of bytes, which torch converts five times as fast."""
    return mask.view(torch.uint8).to(dtype)


def _chunks(keep: Tensor) -> list[slice]:
    """Parts of the mini-batch that are worked on one after the other."""
    count = max(1, CHUNK.get(keep.device.type, CHUNK["cpu"]) // keep[0].numel())
    return [slice(first, first + count) for first in range(0, len(keep), count)]
