"""The networks of a run as they are at one step, copied: to be looked at while the run trains on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from trainer.dropout.noise import LaneNoise
from trainer.models import evaluating, make_network
from trainer.seeds import Purpose, WordStream, key

if TYPE_CHECKING:
    from trainer.training.experiment import Experiment


class Snapshot:
    """A copy of all lanes, with noise of its own: nothing that is done to it changes the run.

    Its masks are a function of the run's seed, the step, the lane and a number, and of nothing else; they have nothing
    in common with those of training.

    Args:
        experiment: whose networks are copied.
        rows: examples of a training pass; the run's mini-batch if left out.

    Attributes:
        config: the knobs as they were.
        data: what the networks learn from.
        step: updates that they had seen.
        followed: lane and training example.
        network: the copy, in training mode.
        train_x: (N, F) the training examples, on the network's device.
        val_x: (V, F) the validation examples.
        val_y: (V,) their labels.
    """

    def __init__(self, experiment: Experiment, rows: int | None = None) -> None:
        self.config, self.data, self.step = experiment.config, experiment.data, experiment.step
        self.followed = experiment.followed
        self.rows = rows or self.config.batch_size
        judge = experiment.judge
        self.train_x, self.val_x, self.val_y = judge.train_x, judge.val_x, judge.val_y
        # With as many rows as are asked for, each with a mask of its own.
        shaped = self.config.model_copy(update={"batch_size": self.rows, "mask": "per_example"})
        self.network = make_network(shaped, self.data, experiment.device, experiment.dtype)
        self.network.load_state_dict(experiment.model.state_dict())
        self.network.use(self.config, self.step + 1, experiment.began)
        streams = [
            WordStream(key(self.config.seed_of(lane), Purpose.INSIGHT, self.step, lane))
            for lane in range(self.network.lanes)
        ]
        self._noise = LaneNoise(streams, self.network.dropouts, experiment.device)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the places that can drop, in forward order; the first is the input."""
        return self.config.layers

    def draw(self, number: int) -> None:
        """Draw the masks of number ``number``, one for each row."""
        self._noise.draw(number)

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Have the copy in eval mode, and afterwards in training mode again."""
        with evaluating(self.network):
            yield

    @torch.no_grad()
    def activations(self, x: Tensor) -> list[Tensor]:
        """What enters each place that can drop in eval mode: a list of (L, B, units), the input first.

        Args:
            x: (B, F), any number of examples.
        """
        entered: list[Tensor] = []
        with self.evaluating():
            self.network(x, entered)
        return entered

    def real(self, place: int, lane: int) -> Tensor:
        """Which units of a place a lane really has, (U,) bool: the others are there because another lane is wider."""
        return self.network.dropouts[place].real(lane)
