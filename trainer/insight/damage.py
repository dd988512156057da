"""What is left of each lane's accuracy when some of its hidden units are killed for good.

A unit is killed by multiplying what it hands on by 0, and the others of its layer make up for it: they are multiplied
by units/(units left). So is a lane tested for what dropout trains it for.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
import torch
from torch import Tensor

from trainer.dropout.kinds import evaluation_scale
from trainer.insight.base import Insight, Looking
from trainer.insight.lane_by_lane import LaneByLane, rows_of
from trainer.models import LaneMLP, LaneNetwork, evaluating
from trainer.seeds import Purpose, generator
from trainer.settings.config import ExperimentConfig
from trainer.settings.dropouts import KINDS
from trainer.settings.pieces import effort

if TYPE_CHECKING:
    from trainer.training.experiment import Experiment

SHARES: Final = (0.0, 0.25, 0.5, 0.75)
# The accuracy of a network without dropout has a standard deviation of some 8 points over choices of half its units: of
# 64 the mean has a standard error of 1. Runs of many or slow lanes have fewer, so that they are not looked at for ever.
MOST_DRAWS: Final = 64
LEAST_DRAWS: Final = 16
_WORK: Final = 6_000_000  # multiplications of all draws for one example: half a second of the default run

T = TypeVar("T")


class View(Insight):
    """Validation accuracy after a quarter, half and three quarters of the hidden units were killed."""

    interval_s = 2.0

    def look(self) -> Looking:
        """Look at one lane after the other."""
        step, y = self.experiment.step, self.experiment.judge.val_y
        lanes = Cut(self.experiment) if isinstance(self.experiment.model, LaneMLP) else Masked(self.experiment)
        draws = draws_of(self.experiment.config)
        accuracy = np.zeros((lanes.count, len(SHARES), draws))
        yield
        for lane in range(lanes.count):
            units = lanes.take(lane)
            for draw in range(draws):
                orders = [order_of(self.experiment.config.seed, *each, draw) for each in enumerate(units)]
                for index, share in enumerate(SHARES):
                    if share == 0 and draw > 0:
                        accuracy[lane, index, draw] = accuracy[lane, index, 0]
                    else:
                        left = [torch.from_numpy(survivors(order, share)).to(y.device) for order in orders]
                        accuracy[lane, index, draw] = yield from score(lanes.passes(left), y)
        return {
            "step": np.array([step], np.uint32),
            "share": np.array(SHARES, np.float32),
            "draws": np.array([draws], np.uint32),
            "accuracy": accuracy.mean(axis=2).astype(np.float32),
            # Of differences, so that it is exactly 0 where all are the same.
            "spread": (accuracy - accuracy[..., :1]).std(axis=2, ddof=1).astype(np.float32),
        }


class Wounded(ABC):
    """All lanes as they were at one step; of one at a time, what it says without some of its units.

    Attributes:
        count: L, how many lanes there are.
    """

    count: int

    @abstractmethod
    def take(self, lane: int) -> list[int]:
        """Turn to a lane; return how many units each of its hidden layers has."""

    @abstractmethod
    def passes(self, left: Sequence[Tensor]) -> Iterator[Tensor]:
        """Logits (rows, C) of the validation examples, some at a time.

        Args:
            left: which units are left in each hidden layer of the lane, their numbers in rising order.
        """


class Cut(Wounded):
    """Lanes of a multilayer perceptron; dead units are cut out of the weights, so that they cost nothing either."""

    def __init__(self, experiment: Experiment) -> None:
        model, config = experiment.model, experiment.config
        assert isinstance(model, LaneMLP)
        self.count = model.lanes
        self._widths = [config.widths(lane) for lane in range(model.lanes)]
        self._networks = [
            [
                (weight.T * evaluation_scale(own.kind, *pair), bias[:, None])  # (U, D), (U, 1)
                for (weight, bias), pair in zip(model.plain(lane), own.pairs, strict=True)
            ]
            for lane, own in enumerate(model.in_force)
        ]
        self._parts = torch.split(experiment.judge.val_x.T, rows_of(config), dim=1)  # examples stand in columns
        self._lane = 0

    def take(self, lane: int) -> list[int]:
        """Turn to a lane; return how many units each of its hidden layers has."""
        self._lane = lane
        return list(self._widths[lane])

    @torch.no_grad()
    def _without(self, left: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Weights and biases of what is left, its units scaled up."""
        widths = self._widths[self._lane]
        network = []
        for place, (weight, bias) in enumerate(self._networks[self._lane]):
            if place > 0:
                here = left[place - 1]
                weight = weight.index_select(1, here) * (widths[place - 1] / len(here))
            if place < len(left):
                weight, bias = weight.index_select(0, left[place]), bias[left[place]]
            network.append((weight, bias))
        return network

    def passes(self, left: Sequence[Tensor]) -> Iterator[Tensor]:
        """Logits (rows, C) of the validation examples, some at a time."""
        *hidden, (weight, bias) = self._without(left)
        for h in self._parts:
            for inner, shift in hidden:
                h = torch.addmm(shift, inner, h).relu_()
            yield torch.addmm(bias, weight, h).T


class Masked(Wounded):
    """Lanes of any kind of network; dead units are multiplied by 0.

    A unit of a recurrent network is dead at every time step.
    """

    def __init__(self, experiment: Experiment) -> None:
        self._lanes = LaneByLane(experiment)
        self.count = self._lanes.count
        self._in_force = experiment.model.in_force
        self._recurrent = experiment.model.kind.recurrent
        self._lane = 0
        self._units: Sequence[int] = ()
        self._network: LaneNetwork | None = None

    def take(self, lane: int) -> list[int]:
        """Turn to a lane; return how many units each of its hidden layers has."""
        # Places drop what they are told to while they believe that they train; so they must believe that they drop.
        own = self._lanes.config.lanes[lane]
        knobs = {"dropout_kind": KINDS[0], "dropout": (0.5,) * len(own.dropout), "schedule": "constant"}
        self._lane, self._network = lane, self._lanes.take(lane, own.model_copy(update=knobs))
        units = [int(real.sum()) for real in self._lanes.real(lane)]
        layers = units[-1:] if self._recurrent else units
        self._units = self._all(layers)
        return layers

    def passes(self, left: Sequence[Tensor]) -> Iterator[Tensor]:
        """Logits (rows, C) of the validation examples, some at a time."""
        network = self._network
        assert network is not None
        own = self._in_force[self._lane]
        image, *hidden = [evaluation_scale(own.kind, *pair) for pair in own.pairs]
        network.dropouts[0].multiplier.fill_(image)
        for site, scale, units, here in zip(network.dropouts[1:], hidden, self._units, self._all(left), strict=True):
            factor = torch.zeros_like(site.multiplier)
            factor.view(-1, site.shape[-1] if self._recurrent else site.units)[:, here] = scale * units / len(here)
            site.multiplier.copy_(factor)
        for part in torch.split(self._lanes.x, self._lanes.rows):
            with torch.no_grad(), evaluating(network):
                for site in network.dropouts:
                    site.train()
                logits: Tensor = network(part)[0]
            yield logits

    def _all(self, of_layers: Sequence[T]) -> Sequence[T]:
        """The same of each place that can drop: a recurrent network has the same units at both."""
        return [*of_layers, *of_layers] if self._recurrent else of_layers


def draws_of(config: ExperimentConfig) -> int:
    """How many choices of units a look can afford."""
    return min(MOST_DRAWS, max(LEAST_DRAWS, _WORK // (len(config.lanes) * effort(config))))


def order_of(seed: int, place: int, units: int, draw: int) -> np.ndarray:
    """In which order the units of a hidden layer are killed: the same for all lanes of that width, and at every step.

    Args:
        seed: of the run.
        place: number of the hidden layer.
        units: that it has.
        draw: number of the choice.
    """
    return generator(seed, Purpose.DAMAGE, place, units, draw).permutation(units)


def survivors(order: np.ndarray, share: float) -> np.ndarray:
    """The units that are left when a share of them was killed, in rising order; at least one is."""
    killed = min(round(share * len(order)), len(order) - 1)
    return np.sort(order[killed:])


def score(passes: Iterator[Tensor], y: Tensor) -> Generator[None, None, float]:
    """The share of the labels y (V,) that logits (rows, C) get right; NaN if they are not finite."""
    right, seen = 0.0, 0
    for logits in passes:
        own = y[seen : seen + len(logits)]
        right += float((logits.argmax(dim=1) == own).sum()) if bool(logits.isfinite().all()) else math.nan
        seen += len(logits)
        yield
    return right / seen
