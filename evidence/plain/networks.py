"""The networks of the lab as one would write them with `torch.nn`, one at a time."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from trainer.settings.config import ExperimentConfig

KERNEL = 3


def network(config: ExperimentConfig, lane: int, features: int, classes: int) -> nn.Module:
    """One network of a run, with the initial weights that `torch.nn` gives it.

    Args:
        config: of the run.
        lane: which of its networks.
        features: numbers that describe an example.
        classes: to be told apart.
    """
    own = config.lanes[lane]
    if config.network == "lstm":
        return Recurrent(config.widths(lane)[0], own.dropout, own.recurrent_mask == "variational", classes)
    if config.network == "cnn":
        return convolutional(config, lane, classes)
    return dense(config, lane, features, classes)


def dense(config: ExperimentConfig, lane: int, features: int, classes: int) -> nn.Sequential:
    """Dropout, and for each hidden layer Linear, ReLU and Dropout, with batch norm where the run has it."""
    own, widths = config.lanes[lane], config.widths(lane)
    layers: list[nn.Module] = [nn.Dropout(own.dropout[0])]
    for (inputs, outputs), rate in zip(pairwise((features, *widths)), own.dropout[1:], strict=True):
        norm: list[nn.Module] = [nn.BatchNorm1d(outputs)] if own.batch_norm else []
        if config.batch_norm_order == "after_dropout":
            layers += [nn.Linear(inputs, outputs), nn.ReLU(), nn.Dropout(rate), *norm]
        else:
            layers += [nn.Linear(inputs, outputs), *norm, nn.ReLU(), nn.Dropout(rate)]
    return nn.Sequential(*layers, nn.Linear(widths[-1], classes))


def convolutional(config: ExperimentConfig, lane: int, classes: int) -> nn.Sequential:
    """Convolutions of 8 × 8 images, pooled between them, and dense layers; drops elements, whole channels, or both."""
    own, channels, side = config.lanes[lane], config.channels, 8
    first, *rates = own.dropout
    layers: list[nn.Module] = [nn.Dropout(first), nn.Unflatten(1, (1, side, side))]
    for place, (inputs, outputs) in enumerate(pairwise((1, *channels))):
        layers.append(nn.Conv2d(inputs, outputs, KERNEL, padding=1))
        if place + 1 < len(channels):
            layers.append(nn.MaxPool2d(2))
            side //= 2
        layers += [nn.ReLU(), nn.Dropout(rates[place])]
        if own.spatial_dropout:
            layers.append(nn.Dropout2d(own.spatial_dropout[place]))
    layers.append(nn.Flatten())
    widths = (channels[-1] * side * side, *config.widths(lane))
    for (inputs, outputs), rate in zip(pairwise(widths), rates[len(channels) :], strict=True):
        layers += [nn.Linear(inputs, outputs), nn.ReLU(), nn.Dropout(rate)]
    return nn.Sequential(*layers, nn.Linear(widths[-1], classes))


class Recurrent(nn.Module):
    """An LSTM that reads an image row by row, with dropout of input, state and output.

    Args:
        units: of its state.
        rates: of the three.
        same: whether input and state have one mask for all time steps (Gal & Ghahramani 2016) or a fresh one at each.
        classes: to be told apart.
    """

    def __init__(self, units: int, rates: tuple[float, ...], same: bool, classes: int) -> None:
        super().__init__()
        self.cell, self.output = nn.LSTMCell(8, units), nn.Linear(units, classes)
        self.rates, self.same = rates, same

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, C) of images (B, 64)."""
        rows = x.view(len(x), 8, 8).unbind(dim=1)
        h = c = x.new_zeros((len(x), self.cell.hidden_size))
        image, state, output = self.rates
        of_rows = [self._mask(rows[0], image)] * len(rows) if self.same else [self._mask(row, image) for row in rows]
        of_state = self._mask(h, state)
        for place, (row, mask) in enumerate(zip(rows, of_rows, strict=True)):
            if place and not self.same:
                of_state = self._mask(h, state)
            h, c = self.cell(row * mask, (h * of_state, c))
        logits: Tensor = self.output(nn.functional.dropout(h, output, self.training))
        return logits

    def _mask(self, like: Tensor, rate: float) -> Tensor:
        return nn.functional.dropout(torch.ones_like(like), rate, self.training)


def limited(net: nn.Module) -> list[nn.Parameter]:
    """The weights into hidden units, which max-norm limits: all but those of the last linear layer."""
    found: list[Any] = [each for each in net.modules() if isinstance(each, nn.Linear | nn.Conv2d)]
    return [each.weight for each in found[:-1]]
