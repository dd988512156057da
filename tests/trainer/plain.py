"""Single networks of plain `torch.nn`, to hold the lanes to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from trainer.experiment import Experiment


class PlainNetwork(nn.Module):
    """Linear → BatchNorm1d → ReLU → dropout blocks whose masks are given from outside."""

    def __init__(self, sizes: Sequence[int], rates: Sequence[float], batch_norm: bool, dtype: torch.dtype) -> None:
        super().__init__()
        self.rates = rates
        pairs = pairwise(sizes)
        self.linears = [nn.Linear(inputs, outputs, dtype=dtype) for inputs, outputs in pairs]
        widths = sizes[1:-1] if batch_norm else []
        self.norms = [nn.BatchNorm1d(width, dtype=dtype) for width in widths]
        self.layers = nn.ModuleList([*self.linears, *self.norms])

    def forward(self, x: Tensor, masks: Sequence[Tensor] | None = None) -> Tensor:
        for index, linear in enumerate(self.linears):
            if index:
                x = torch.relu(self.norms[index - 1](x) if self.norms else x)
            if masks is not None:
                x = x * masks[index] / (1 - self.rates[index])
            x = linear(x)
        return x


def plain_lane(experiment: Experiment, lane: int) -> PlainNetwork:
    """One lane as plain PyTorch, with the weights and statistics that it has now."""
    knobs, model = experiment.config.lanes[lane], experiment.model
    sizes = [experiment.data.features, *experiment.config.hidden, len(experiment.data.classes)]
    network = PlainNetwork(sizes, knobs.dropout, knobs.batch_norm, experiment.dtype)
    with torch.no_grad():
        for linear, lanes in zip(network.linears, model.linears, strict=True):
            linear.weight.copy_(lanes.weight[lane].T)
            linear.bias.copy_(lanes.bias[lane, 0])
        for norm, norms in zip(network.norms, model.norms, strict=knobs.batch_norm):
            for name in ("weight", "bias", "running_mean", "running_var"):
                getattr(norm, name).copy_(getattr(norms, name)[lane, 0])
    return network


def masks_of(experiment: Experiment, lane: int) -> list[Tensor]:
    """The masks of the latest step in one lane, (B, units) or (1, units) for each layer."""
    return [torch.as_tensor(dropout.keep)[lane].clone() for dropout in experiment.model.dropouts]


def gradient(parameter: Tensor) -> Tensor:
    """What `backward` left at a parameter."""
    assert parameter.grad is not None
    return parameter.grad


def relative_error(mine: Tensor, theirs: Tensor) -> float:
    """The largest difference, as a share of the largest value."""
    return float((mine - theirs).detach().abs().max() / theirs.detach().abs().max().clamp_min(1e-30))
