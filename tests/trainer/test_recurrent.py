"""The LSTM's gradient, which is written out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from trainer.layers.recurrent import lstm


@pytest.mark.parametrize("masked", [False, True])
def test_gradients_of_the_sequence_are_those_of_finite_differences(masked: bool) -> None:
    random = torch.Generator().manual_seed(0)
    shapes = ((2, 3, 4, 2), (2, 2, 12), (2, 3, 12), (2, 1, 12), (2, 1, 12))
    given = tuple(torch.randn(shape, dtype=torch.float64, generator=random).requires_grad_() for shape in shapes)
    mask = (torch.rand(3, 2, 3, 3, generator=random) > 0.3).double() / 0.7 if masked else None

    def last(x: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor) -> Tensor:
        return lstm(x, weight_ih, weight_hh, bias_ih, bias_hh, mask)[0]

    assert torch.autograd.gradcheck(last, given)
