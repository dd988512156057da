"""Single convolutional networks of plain `torch.nn`, to hold the lanes to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from tests.trainer.lanes import (
    Compared,
    Lab,
    connected,
    copy_linear,
    copy_norm,
    factor_given,
    gradient,
    weights_given,
)
from trainer.models.cnn import LaneCNN


class PlainCNN(nn.Module):
    """Conv2d → BatchNorm2d → ReLU → MaxPool2d → dropout blocks and a dense head, masks given from outside."""

    def __init__(self, channels: Sequence[int], sizes: Sequence[int], norm_first: bool, norm: bool) -> None:
        super().__init__()
        self.norm_first = norm_first
        self.convs = [nn.Conv2d(inputs, outputs, 3, padding=1) for inputs, outputs in pairwise((1, *channels))]
        self.linears = [nn.Linear(inputs, outputs) for inputs, outputs in pairwise(sizes)]
        self.norms: list[nn.Module] = [nn.Identity() for _ in (*channels, *sizes[1:-1])]
        if norm:
            self.norms = [*map(nn.BatchNorm2d, channels), *map(nn.BatchNorm1d, sizes[1:-1])]
        self.layers = nn.ModuleList([*self.convs, *self.linears, *self.norms])

    def forward(self, x: Tensor, factors: Sequence[Tensor], weights: Sequence[Tensor | None]) -> Tensor:
        image, *blocks = factors
        x = self.convs[0]((x.view(-1, *image.shape[1:]) * image)[:, None])
        for number, (norm, factor) in enumerate(zip(self.norms, blocks, strict=True)):
            x = torch.relu(norm(x) if self.norm_first else x)
            pools = number + 1 < len(self.convs)
            x = (nn.functional.max_pool2d(x, 2) if pools else x) * factor[:, : x.shape[1]]
            x = x if self.norm_first else norm(x)
            if pools:
                x = self.convs[number + 1](x)
            else:
                dense = number + 1 - len(self.convs)
                x = connected(self.linears[dense], x.flatten(1), weights[dense])
        return x


def plain(made: Lab, lane: int) -> PlainCNN:
    network, config = network_of(made), made.config
    flat = network.dense[0].site.units
    sizes = (flat, *config.widths(lane), len(made.data.classes))
    own = PlainCNN(config.channels, sizes, network.norm_first, config.lanes[lane].batch_norm).to(
        made.network.weights[0]
    )
    with torch.no_grad():
        for conv, convs in zip(own.convs, network.convs, strict=True):
            conv.weight.copy_(convs.weight[lane])
            conv.bias.copy_(convs.bias[lane, 0])  # type: ignore[union-attr]
    for linear, dense in zip(own.linears, network.dense, strict=True):
        copy_linear(linear, dense.linear.weight[lane], dense.linear.bias[lane])
    for norm, norms in zip(own.norms, network.norms, strict=True):
        if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
            copy_norm(norm, norms, lane)
    return own


def network_of(made: Lab) -> LaneCNN:
    assert isinstance(made.network, LaneCNN)
    return made.network


def given(made: Lab, lane: int, training: bool = True) -> tuple[list[Tensor], list[Tensor | None]]:
    """What one lane's places multiply by, and what its weights are multiplied by."""
    network = network_of(made)
    weights = [weights_given(dense.site, lane) if training else None for dense in network.dense]
    return [factor_given(site, lane, training) for site in network.dropouts], weights


def compared(made: Lab) -> Iterator[Compared]:
    """Outputs, gradients and running statistics of every lane, and those of a plain network."""
    x, labels = made.batch()
    plains = [plain(made, lane) for lane in range(made.network.lanes)]
    logits = made.network(x)
    torch.autograd.backward(made.losses_of(logits, labels).sum())
    for lane, own in enumerate(plains):
        theirs = own(x, *given(made, lane))
        torch.autograd.backward(nn.functional.cross_entropy(theirs, labels))
        yield Compared(lane, "logits", logits[lane], theirs)
        yield from _gradients(network_of(made), lane, own)


def _gradients(network: LaneCNN, lane: int, own: PlainCNN) -> Iterator[Compared]:
    for conv, convs in zip(own.convs, network.convs, strict=True):
        whole = gradient(conv.weight)
        yield Compared(lane, "gradient of a convolution", gradient(convs.weight)[lane], whole)
        # A bias before batch norm has no effect: its gradient is rounding, and an error no share of it.
        assert conv.bias is not None
        yield Compared(
            lane, "gradient of its bias", gradient(convs.bias)[lane, 0], gradient(conv.bias), whole.abs().max()
        )
    for linear, dense in zip(own.linears, network.dense, strict=True):
        whole, (outputs, inputs) = gradient(linear.weight), linear.weight.shape
        mine = gradient(dense.linear.weight)[lane, :inputs, :outputs].T
        yield Compared(lane, "gradient of a dense layer", mine, whole)
        bias = gradient(dense.linear.bias)[lane, 0, :outputs]
        yield Compared(lane, "gradient of its bias", bias, gradient(linear.bias), whole.abs().max())
    for norm, norms in zip(own.norms, network.norms, strict=True):
        if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
            units = norm.num_features
            largest = gradient(norm.weight).abs().max()
            for name in ("weight", "bias"):
                mine, theirs = gradient(getattr(norms, name))[lane, 0, :units], gradient(getattr(norm, name))
                yield Compared(lane, f"gradient of batch norm’s {name}", mine, theirs, largest)
            for name in ("running_mean", "running_var"):
                yield Compared(lane, name, getattr(norms, name)[lane, 0, :units], getattr(norm, name))
