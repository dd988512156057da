"""Initial weights as PyTorch makes them, from a generator of one's own: the global one is not touched."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def affine(shape: tuple[int, ...], random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Weight (outputs, *inputs) and bias (outputs,) of a new `torch.nn.Linear` or `torch.nn.Conv2d`, float32.

    Both are uniform within 1/√n, n being the numbers that one output is made of (He et al. 2015 with a = √5).
    """
    weight, bias = torch.empty(shape), torch.empty(shape[0])
    bound = 1 / math.sqrt(weight[0].numel())
    nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=random)
    nn.init.uniform_(bias, -bound, bound, generator=random)
    return weight, bias


def recurrent(
    features: int, units: int, random: torch.Generator, gates: int = 4
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Parameters of a new `torch.nn.LSTM`, or another recurrent layer of PyTorch, uniform within 1/√units, float32.

    Weights from the input (gates·units, features) and from the state (gates·units, units), and both biases
    (gates·units,).
    """
    bound = 1 / math.sqrt(units)
    rows = gates * units
    shapes = ((rows, features), (rows, units), (rows,), (rows,))
    made = [nn.init.uniform_(torch.empty(shape), -bound, bound, generator=random) for shape in shapes]
    return made[0], made[1], made[2], made[3]
