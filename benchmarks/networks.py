"""Convolutional and recurrent networks in lanes against the plain loop, in one process, taking turns:
``python -m benchmarks.networks``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from benchmarks.plain import PlainLoop
from benchmarks.turns import Timing, options, print_table, take_turns
from trainer.settings.config import ExperimentConfig, parse, recommended
from trainer.settings.lane import Lane
from trainer.settings.shapes import KERNEL, POOL, pooled_sides
from trainer.training.experiment import Experiment

SIDE = 8


@dataclass(frozen=True)
class Case:
    """A run to be timed: the recommended twin of a kind of network, so many times over, and the least ratio meant."""

    name: str
    network: str
    twins: int
    floor: float


CASES = (
    Case("CNN twin, every mask recorded", "cnn", 1, 1.6),
    Case("LSTM twin, every mask recorded", "lstm", 1, 1.2),
    Case("16 lanes of the CNN", "cnn", 8, 1.6),
    Case("16 lanes of the LSTM", "lstm", 8, 1.2),
)


def plain_cnn(config: ExperimentConfig, lane: Lane) -> nn.Sequential:
    """One lane as one would write it; no dropout module where the rate is 0."""
    sides = pooled_sides(SIDE, len(config.channels))
    layers: list[nn.Module] = [nn.Unflatten(1, (1, SIDE, SIDE)), *_dropout(lane.dropout[0])]
    for number, (inputs, outputs) in enumerate(pairwise((1, *config.channels))):
        layers += [nn.Conv2d(inputs, outputs, KERNEL, padding=1), nn.ReLU()]
        layers += [nn.MaxPool2d(POOL)] if number + 1 < len(config.channels) else []
        layers += _dropout(lane.dropout[number + 1])
    layers.append(nn.Flatten())
    sizes = (config.channels[-1] * sides[-1] ** 2, *config.hidden)
    for (inputs, outputs), rate in zip(pairwise(sizes), lane.dropout[-len(config.hidden) :], strict=True):
        layers += [nn.Linear(inputs, outputs), nn.ReLU(), *_dropout(rate)]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], config.size.classes))


def _dropout(rate: float) -> list[nn.Module]:
    return [nn.Dropout(rate)] if rate else []


class PlainLSTM(nn.Module):
    """One lane as one would write it: a loop over LSTMCell, each mask drawn once for all time steps."""

    def __init__(self, config: ExperimentConfig, lane: Lane) -> None:
        super().__init__()
        self.image, self.state, output = lane.dropout
        self.cell = nn.LSTMCell(SIDE, config.hidden[0])
        self.head = nn.Sequential(*_dropout(output), nn.Linear(config.hidden[0], config.size.classes))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes) of x (B, T·F)."""
        rows = x.view(-1, SIDE, SIDE)
        h = c = seen = x.new_zeros((len(x), self.cell.hidden_size))
        mask = nn.functional.dropout(torch.ones_like(h), self.state) if self.state else None
        if self.image:
            rows = rows * nn.functional.dropout(torch.ones_like(rows[:, :1]), self.image)
        for row in rows.unbind(dim=1):
            h, c = self.cell(row, (seen, c))
            seen = h if mask is None else h * mask
        logits: Tensor = self.head(h)
        return logits


def measure(case: Case, rounds: int, seconds: float) -> Timing:
    """Time the plain loop and the experiment by turns."""
    twin = recommended("digits", case.network)
    config = parse({**twin.model_dump(), "lanes": twin.lanes * case.twins})
    experiment = Experiment(config, device="cpu")
    make = plain_cnn if case.network == "cnn" else PlainLSTM
    data = experiment.data
    networks = [make(config, lane) for lane in config.lanes]
    plain = PlainLoop(networks, data.train_x, data.train_y, config.batch_size, config.learning_rate)
    return take_turns(plain.run, experiment.run, len(config.lanes), rounds, seconds)


def main() -> None:
    """Print a table of every case with 1 thread and with 2."""
    chosen = options(__doc__)
    print_table(CASES, lambda case: measure(case, chosen.rounds, chosen.seconds), chosen)


if __name__ == "__main__":
    main()
