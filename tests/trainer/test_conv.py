"""Convolution and pooling of maps whose examples lie innermost."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from trainer.layers.conv import convolve, from_maps, max_pool, to_maps


def test_gradients_of_the_convolution_are_those_of_finite_differences() -> None:
    random = torch.Generator().manual_seed(0)
    shapes = ((2, 2, 3, 5, 3), (2, 4, 2, 3, 3), (2, 1, 4))
    maps, weight, bias = (
        torch.randn(shape, dtype=torch.float64, generator=random).requires_grad_() for shape in shapes
    )
    assert torch.autograd.gradcheck(convolve, (maps, weight, bias))


@pytest.mark.parametrize("side", [4, 5])
def test_pooling_is_that_of_pytorch_also_where_a_window_has_equal_values(side: int) -> None:
    random = torch.Generator().manual_seed(0)
    x = torch.randint(0, 3, (2, 6, 3 * side * side), generator=random).double().requires_grad_()
    pooled = from_maps(max_pool(to_maps(x, (3, side, side))))
    theirs = nn.functional.max_pool2d(x.view(12, 3, side, side), 2).view(2, 6, -1)
    assert torch.equal(pooled, theirs)
    weights = torch.rand(theirs.shape, dtype=torch.float64, generator=random)
    mine, others = (torch.autograd.grad(each, x, weights)[0] for each in (pooled, theirs))
    assert torch.equal(mine, others)


def test_what_all_lanes_see_alike_is_convolved_as_if_each_saw_its_own() -> None:
    random = torch.Generator().manual_seed(0)
    maps, weight, bias = (
        torch.randn(shape, dtype=torch.float64, generator=random)
        for shape in ((1, 2, 4, 4, 5), (3, 4, 2, 3, 3), (3, 1, 4))
    )
    shared = convolve(maps.expand(3, -1, -1, -1, -1), weight, bias)
    assert torch.allclose(shared, convolve(maps.repeat(3, 1, 1, 1, 1), weight, bias), rtol=1e-12, atol=1e-12)
    for lane in range(3):
        theirs = nn.functional.conv2d(maps[0].permute(3, 0, 1, 2), weight[lane], bias[lane, 0], padding=1)
        assert torch.allclose(shared[lane].permute(3, 0, 1, 2), theirs, rtol=1e-12, atol=1e-12)
