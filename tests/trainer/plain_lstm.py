"""Single recurrent networks of plain `torch.nn`, to hold the lanes to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
from trainer.models.lstm import LaneLSTM

GATED = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class PlainLSTM(nn.Module):
    """A loop over LSTMCell whose masks are given from outside, and a linear layer behind its last state."""

    def __init__(self, features: int, units: int, classes: int, norm_first: bool, norm: bool) -> None:
        super().__init__()
        self.norm_first = norm_first
        self.cell = nn.LSTMCell(features, units)
        self.linear = nn.Linear(units, classes)
        self.norm = nn.BatchNorm1d(units) if norm else nn.Identity()

    def forward(self, x: Tensor, factors: Sequence[Tensor], weights: Tensor | None) -> Tensor:
        """Logits of x (B, T, F)."""
        image, between, output = factors
        h = c = x.new_zeros((len(x), self.cell.hidden_size))
        for t, row in enumerate((x * image).unbind(dim=1)):
            seen = h * between[:, t - 1, : h.shape[1]] if t else h
            h, c = self.cell(row, (seen, c))
        return self.head(h, output, weights)

    def head(self, h: Tensor, output: Tensor, weights: Tensor | None) -> Tensor:
        h = (self.norm(h) if self.norm_first else h) * output[:, : h.shape[1]]
        return connected(self.linear, h if self.norm_first else self.norm(h), weights)


def network_of(made: Lab) -> LaneLSTM:
    assert isinstance(made.network, LaneLSTM)
    return made.network


def narrowed(tensor: Tensor, units: int, inputs: int) -> Tensor:
    """A parameter (inputs, 4H) of a lane as torch has it, (4·units, inputs)."""
    return tensor.T.reshape(4, -1, tensor.shape[0])[:, :units, :inputs].flatten(0, 1)


def pairs(network: LaneLSTM, lane: int, cell: nn.LSTMCell, grad: bool = False) -> list[tuple[Tensor, Tensor]]:
    """The lane's parameters of its cell, or their gradients, as torch has them, and the plain cell's own."""
    found = []
    for name in GATED:
        theirs, mine = getattr(cell, name), getattr(network.cell, name)
        inputs = theirs.shape[1] if theirs.dim() == 2 else 1
        own = narrowed(gradient(mine)[lane] if grad else mine[lane], cell.hidden_size, inputs)
        found.append((own.view_as(theirs), gradient(theirs) if grad else theirs))
    return found


def plain(made: Lab, lane: int) -> PlainLSTM:
    network, config = network_of(made), made.config
    units, classes = config.widths(lane)[0], len(made.data.classes)
    own = PlainLSTM(8, units, classes, network.norm_first, config.lanes[lane].batch_norm).to(made.network.weights[0])
    with torch.no_grad():
        for mine, theirs in pairs(network, lane, own.cell):
            theirs.copy_(mine)
    copy_linear(own.linear, network.output.linear.weight[lane], network.output.linear.bias[lane])
    if isinstance(own.norm, nn.BatchNorm1d):
        copy_norm(own.norm, network.norm, lane)
    return own


def given(made: Lab, lane: int, training: bool = True) -> tuple[list[Tensor], Tensor | None]:
    """What one lane's places multiply by, and what its weights are multiplied by."""
    network = network_of(made)
    weights = weights_given(network.output.site, lane) if training else None
    return [factor_given(site, lane, training) for site in network.dropouts], weights


def rows(x: Tensor) -> Tensor:
    return x.view(len(x), 8, 8)


def compared(made: Lab) -> Iterator[Compared]:
    """Outputs, gradients and running statistics of every lane, and those of a plain network."""
    x, labels = made.batch()
    plains = [plain(made, lane) for lane in range(made.network.lanes)]
    logits = made.network(x)
    torch.autograd.backward(made.losses_of(logits, labels).sum())
    for lane, own in enumerate(plains):
        theirs = own(rows(x), *given(made, lane))
        torch.autograd.backward(nn.functional.cross_entropy(theirs, labels))
        yield Compared(lane, "logits", logits[lane], theirs)
        yield from _gradients(network_of(made), lane, own)


def _gradients(network: LaneLSTM, lane: int, own: PlainLSTM) -> Iterator[Compared]:
    found = pairs(network, lane, own.cell, grad=True)
    whole = max(float(theirs.abs().max()) for _, theirs in found)
    for name, (mine, theirs) in zip(GATED, found, strict=True):
        # Batch norm takes a shift of the last state out again: what is left of a bias's gradient is a small difference.
        of_bias = isinstance(own.norm, nn.BatchNorm1d) and theirs.dim() == 1
        largest = torch.as_tensor(whole) if of_bias else None
        yield Compared(lane, f"gradient of {name}", mine, theirs, largest)
    linear, inputs = network.output.linear, own.linear.in_features
    weight = gradient(linear.weight)[lane, :inputs].T
    yield Compared(lane, "gradient of the dense layer", weight, gradient(own.linear.weight))
    yield Compared(lane, "gradient of its bias", gradient(linear.bias)[lane, 0], gradient(own.linear.bias))
    if isinstance(own.norm, nn.BatchNorm1d):
        for name in ("weight", "bias"):
            mine, theirs = (gradient(getattr(each, name)) for each in (network.norm, own.norm))
            yield Compared(lane, f"gradient of batch norm’s {name}", mine[lane, 0, :inputs], theirs)
        for name in ("running_mean", "running_var"):
            yield Compared(lane, name, getattr(network.norm, name)[lane, 0, :inputs], getattr(own.norm, name))
