"""Single networks of plain `torch.nn`, to hold the lanes to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from trainer.layers.dense import LaneDropout
from trainer.models import LaneMLP
from trainer.settings.config import ExperimentConfig
from trainer.settings.dropouts import DROPOUTS
from trainer.training.experiment import Experiment


class PlainNetwork(nn.Module):
    """Linear → BatchNorm1d → ReLU → dropout blocks, or Linear → ReLU → dropout → BatchNorm1d.

    What dropout multiplies activations or weights with is given from outside.

    Args:
        sizes: units of the input, of each hidden layer, and classes.
        batch_norm: whether there is any.
        norm_first: whether it stands before ReLU and dropout.
        dtype: of everything.
    """

    def __init__(
        self, sizes: Sequence[int], batch_norm: bool, norm_first: bool = True, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        self.norm_first = norm_first
        self.linears = [nn.Linear(inputs, outputs, dtype=dtype) for inputs, outputs in pairwise(sizes)]
        self.norms = [nn.BatchNorm1d(width, dtype=dtype) for width in (sizes[1:-1] if batch_norm else ())]
        self.layers = nn.ModuleList([*self.linears, *self.norms])

    def forward(
        self,
        x: Tensor,
        factors: Sequence[Tensor | float] | None = None,
        weight_factors: Sequence[Tensor | None] | None = None,
    ) -> Tensor:
        """Logits (B, C).

        Args:
            x: (B, F).
            factors: of the activations of the input and each hidden layer, (B, units), (1, units) or a number.
            weight_factors: of the weights of each linear layer, (B, D, U) or (1, D, U); None where they are used as
                they are.
        """
        for index, linear in enumerate(self.linears):
            norm = self.norms[index - 1] if index and self.norms else nn.Identity()
            if index:
                x = torch.relu(norm(x) if self.norm_first else x)
            if factors is not None:
                x = x * factors[index]
            if index and not self.norm_first:
                x = norm(x)
            own = None if weight_factors is None else weight_factors[index]
            x = linear(x) if own is None else connected(linear, x, own)
        return x


def connected(linear: nn.Linear, x: Tensor, factors: Tensor) -> Tensor:
    """A linear layer whose weights are multiplied by others for each example, one example after the other."""
    each = factors.expand(len(x), -1, -1)
    rows = [nn.functional.linear(row, linear.weight * own.T, linear.bias) for row, own in zip(x, each, strict=True)]
    return torch.stack(rows)


def mlp_of(experiment: Experiment) -> LaneMLP:
    """The networks of an experiment, which are multilayer perceptrons."""
    assert isinstance(experiment.model, LaneMLP)
    return experiment.model


def plain_lane(experiment: Experiment, lane: int) -> PlainNetwork:
    """One lane as plain PyTorch, in its own widths, with the weights and statistics that it has now."""
    config, model = experiment.config, mlp_of(experiment)
    sizes = [experiment.data.features, *config.widths(lane), len(experiment.data.classes)]
    norm_first = config.batch_norm_order == "before_dropout"
    network = PlainNetwork(sizes, config.lanes[lane].batch_norm, norm_first, experiment.dtype)
    with torch.no_grad():
        for linear, lanes in zip(network.linears, model.linears, strict=True):
            outputs, inputs = linear.weight.shape
            linear.weight.copy_(lanes.weight[lane, :inputs, :outputs].T)
            linear.bias.copy_(lanes.bias[lane, 0, :outputs])
        for norm, norms in zip(network.norms, model.norms, strict=config.lanes[lane].batch_norm):
            for name in ("weight", "bias", "running_mean", "running_var"):
                getattr(norm, name).copy_(getattr(norms, name)[lane, 0, : norm.num_features])
    return network


def masks_of(experiment: Experiment, lane: int) -> list[Tensor]:
    """The masks of the latest step in one lane, (B, units) or (1, units) for each layer, in the lane's own widths."""
    sites = experiment.model.dropouts
    return [torch.as_tensor(site.keep)[lane, :, : width_of(site, lane)].clone() for site in sites]


def width_of(site: LaneDropout, lane: int) -> int:
    """How many units a lane has at a place that can drop."""
    return int(site.real(lane).sum())


def factors_of(experiment: Experiment, lane: int) -> tuple[list[Tensor | float], list[Tensor | None]]:
    """What the latest step multiplied activations and weights with in one lane, worked out from its masks.

    Gaussian noise, which no mask tells, is taken as it was drawn.
    """
    factors: list[Tensor | float] = []
    weights: list[Tensor | None] = []
    sites = experiment.model.dropouts
    widths = [width_of(site, lane) for site in sites] + [len(experiment.data.classes)]
    for index, (site, mask) in enumerate(zip(sites, masks_of(experiment, lane), strict=True)):
        rate, kind = site.rates[lane], site.kinds[lane]
        weights.append(None)
        if DROPOUTS[kind].counted == "factors" and rate:
            factors.append(site.multiplier[lane, :, : widths[index]].clone())
        elif kind == "dropconnect" and rate:
            keep = site.weight_keep[site.connecting.index(lane), :, : widths[index], : widths[index + 1]]
            weights[-1] = keep.to(experiment.dtype) / (1 - rate)
            factors.append(1.0)
        else:
            factors.append(mask.to(experiment.dtype) / (1 - rate if kind == "inverted" else 1))
    return factors, weights


def eval_factors(config: ExperimentConfig, lane: int) -> list[float]:
    """What a lane multiplies activations with in eval mode."""
    own = config.lanes[lane]
    return [1 - rate if own.dropout_kind == "classic" else 1.0 for rate in own.dropout]


def gradient(parameter: Tensor) -> Tensor:
    """What `backward` left at a parameter."""
    assert parameter.grad is not None
    return parameter.grad


def relative_error(mine: Tensor, theirs: Tensor) -> float:
    """The largest difference, as a share of the largest value."""
    return float((mine - theirs).detach().abs().max() / theirs.detach().abs().max().clamp_min(1e-30))


def largest_gradient(network: nn.Module) -> float:
    """The largest element of all gradients of a network, without its sign."""
    return max(float(gradient(parameter).abs().max()) for parameter in network.parameters())


def gradient_error(mine: Tensor, theirs: Tensor, largest: float, terms: int) -> float:
    """The largest difference of two gradients beyond rounding, as a share of the largest value.

    A gradient may be 0 in exact arithmetic: of a bias in front of batch norm; of a weight whose unit is the same for
    all examples, as where one mask serves the whole mini-batch. What is computed then is rounding, other on every
    processor, and no share of it means anything. A sum of n numbers, in whatever order, is off by at most n · u times
    the sum of their sizes, u being half the distance from 1 to the next number (Higham 2002, equation 4.4); two sums by
    twice that. The sizes are taken to be those of the network's largest gradient.

    Args:
        mine: a gradient.
        theirs: the gradient it should be.
        largest: the largest element of all gradients of this network.
        terms: numbers that are added up on the way to one element, at most.
    """
    rounding = terms * torch.finfo(theirs.dtype).eps * largest
    difference = float((mine - theirs).detach().abs().max())
    return max(difference - rounding, 0.0) / max(float(theirs.detach().abs().max()), 1e-30)
