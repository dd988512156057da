"""The yardstick: a plain PyTorch training loop, as one would write it, with nothing but defaults."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn


def network(sizes: Sequence[int], rates: Sequence[float]) -> nn.Sequential:
    """Linear → ReLU → Dropout blocks behind an input dropout; no module where the rate is 0."""
    layers: list[nn.Module] = [nn.Dropout(rates[0])] if rates[0] else []
    for inputs, outputs, rate in zip(sizes[:-2], sizes[1:-1], rates[1:], strict=True):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        if rate:
            layers.append(nn.Dropout(rate))
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))


class PlainLoop:
    """Some networks trained one after the other on the same mini-batches, each with `torch.optim.Adam` as it comes.

    Args:
        networks: what is trained.
        x: (N, F) training examples, on the device that trains.
        y: (N,) their labels.
        batch_size: examples in a mini-batch.
        learning_rate: of Adam.
    """

    def __init__(
        self, networks: Iterable[nn.Module], x: Tensor, y: Tensor, batch_size: int, learning_rate: float
    ) -> None:
        self.x, self.y, self.batch_size = x, y, batch_size
        self.networks = [each.to(x.device) for each in networks]
        self.optimizers = [torch.optim.Adam(each.parameters(), lr=learning_rate) for each in self.networks]
        self.loss = nn.CrossEntropyLoss()
        self._batches = self._endless()

    def _endless(self) -> Iterator[Tensor]:
        while True:
            order = torch.randperm(len(self.x), device=self.x.device)
            for start in range(0, len(order) - self.batch_size + 1, self.batch_size):
                yield order[start : start + self.batch_size]

    def run(self, steps: int) -> list[list[float]]:
        """Train every network for some steps; the losses by step and network."""
        losses = []
        for _ in range(steps):
            batch = next(self._batches)
            x, y = self.x[batch], self.y[batch]
            row = []
            for each, optimizer in zip(self.networks, self.optimizers, strict=True):
                optimizer.zero_grad()
                loss = self.loss(each(x), y)
                loss.backward()
                optimizer.step()
                row.append(loss.item())
            losses.append(row)
        return losses
