"""The networks of a run, copied at one step and looked at one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from trainer.models import LaneNetwork, evaluating
from trainer.settings.config import ExperimentConfig
from trainer.settings.lane import Lane
from trainer.settings.pieces import rows_of as rows_in
from trainer.training.alone import Alone

if TYPE_CHECKING:
    from trainer.training.experiment import Experiment

_WORK: Final = 50_000_000  # multiplications of one pass: some 2 ms
_LEAST_ROWS: Final = 4  # however much one costs


def rows_of(config: ExperimentConfig) -> int:
    """How many examples a lane passes in a few milliseconds."""
    return max(_LEAST_ROWS, rows_in(config, most=_WORK))


class LaneByLane:
    """A copy of all lanes, of which one at a time stands in a network of a single lane.

    So a pass is a small bite however many lanes there are, and only one lane's activations are held.

    Args:
        experiment: whose networks are copied, at once.

    Attributes:
        config: the knobs as they were.
        step: updates that the weights had seen.
        count: L, how many lanes there are.
        layers: names of the hidden layers, in forward order.
        units: how many units each of them has in the widest lane.
        x: (V, F) the validation examples.
        y: (V,) their labels.
        rows: examples of one pass.
    """

    def __init__(self, experiment: Experiment) -> None:
        model = experiment.model
        self.config, self.step, self.count = experiment.config, experiment.step, model.lanes
        self.layers = self.config.layers[1:]
        self.units = tuple(site.units for site in model.dropouts[1:])
        self.x, self.y = experiment.judge.val_x, experiment.judge.val_y
        self.rows = rows_of(self.config)
        self._state = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
        self._real = [[site.real(lane) for site in model.dropouts[1:]] for lane in range(self.count)]
        self._began = experiment.began
        self._own = Alone(self.config, experiment.data, experiment.device, experiment.dtype)

    def real(self, lane: int) -> list[Tensor]:
        """Which units of each hidden layer a lane has, (U,) bool."""
        return self._real[lane]

    def take(self, lane: int, knobs: Lane | None = None) -> LaneNetwork:
        """The network with the weights of a lane, and its knobs unless others are given."""
        network = self._own.load(self._state, lane, self.count)
        network.use(self._alone(knobs or self.config.lanes[lane]), max(self.step - self._began[lane], 1))
        return network

    def passes(self, lane: int, examples: int | None = None) -> Iterator[list[Tensor]]:
        """Pass the validation examples, some at a time, through a lane in eval mode.

        Args:
            lane: which.
            examples: how many of them; all if left out.

        Yields:
            What enters the dropout of each hidden layer, (rows, U), the widest lane's units.
        """
        network = self.take(lane)
        for part in torch.split(self.x[:examples], self.rows):
            entered: list[Tensor] = []
            with torch.no_grad(), evaluating(network):
                network(part, entered)
            yield [each[0] for each in entered[1:]]

    def _alone(self, knobs: Lane) -> ExperimentConfig:
        return self.config.model_copy(update={"lanes": (knobs,), "mask": "per_batch"})
