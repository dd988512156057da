"""Trains the networks of an experiment one by one, as one would with `torch.nn` and `torch.optim`."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from evidence.plain.networks import limited, network
from evidence.trained import EVERY, Scored
from trainer.data import datasets
from trainer.presets import Preset
from trainer.settings.config import ExperimentConfig, parse

SEEDS: Final = 900_001
"""Added to the lab's seeds, so that not even by chance weights or masks are drawn from the same numbers."""


@dataclass(frozen=True)
class PlainRun(Scored):
    """Networks trained one by one, with the scores of every evaluation on the way.

    Attributes:
        networks: after the last step, in eval mode.
        data: the lab's examples, split and labels.
    """

    networks: tuple[nn.Module, ...]
    data: datasets.Dataset


def train(preset: Preset, seed: int, every: int = EVERY, **knobs: Any) -> PlainRun:
    """Train an experiment's networks.

    Args:
        preset: which.
        seed: of the lab's split and labels.
        every: steps between two evaluations.
        knobs: of the run, where they shall differ from the experiment's.
    """
    config = parse(preset.config.model_copy(update={"seed": seed}).model_dump(mode="json") | knobs)
    return _train(config.model_dump_json(), preset.steps, every)


@lru_cache(maxsize=4)  # experiments that differ only in what is looked at follow one another
def _train(config: str, steps: int, every: int) -> PlainRun:
    return train_run(ExperimentConfig.model_validate_json(config), steps, every)


def train_run(config: ExperimentConfig, steps: int, every: int) -> PlainRun:
    """Train a run's networks one after the other, each evaluated after every so many steps."""
    alone = [config.model_copy(update={"lanes": (own.model_copy(update={"name": "alone"}),)}) for own in config.lanes]
    lanes = [_train_lane(own.model_dump_json(), steps, every) for own in alone]
    scores = np.array([lane.scores for lane in lanes])  # (L, K, 4)
    train_loss, val_loss, train_accuracy, val_accuracy = scores.transpose(2, 1, 0)  # (K, L)
    return PlainRun(
        config=config,
        stopped=tuple(lane.stopped for lane in lanes),
        step=np.arange(every, steps + 1, every),
        train_loss=train_loss,
        val_loss=val_loss,
        train_accuracy=100 * train_accuracy,
        val_accuracy=100 * val_accuracy,
        networks=tuple(lane.net for lane in lanes),
        data=datasets.load(config),
    )


@lru_cache(maxsize=64)  # the same networks come again in other experiments
def _train_lane(config: str, steps: int, every: int) -> _Lane:
    lane = _Lane(ExperimentConfig.model_validate_json(config))
    lane.train(steps, every)
    return lane


class _Lane:
    """One network and all that trains it.

    Args:
        config: of a run with this one lane.

    Attributes:
        net: the network.
        scores: of each evaluation: training and validation loss, training and validation accuracy.
        stopped: when early stopping froze it; None if it did not.
    """

    def __init__(self, config: ExperimentConfig) -> None:
        data, lane = datasets.load(config), 0
        self._own, count = config.lanes[lane], config.examples(lane)
        self._x, self._y = data.train_x[:count], data.labels_for(count)
        self._val_x, self._val_y = data.val_x, data.val_y
        self._size = config.batch_size
        torch.manual_seed(SEEDS + config.seed_of(lane))  # initial weights, and after them masks
        self.net = network(config, lane, data.features, len(data.classes))
        self._order = torch.Generator().manual_seed(SEEDS + config.seed_of(lane))
        rate = config.learning_rate if self._own.learning_rate is None else self._own.learning_rate
        self._optimizer: torch.optim.Optimizer
        if self._own.weight_decay:
            decay = self._own.weight_decay
            self._optimizer = torch.optim.AdamW(self.net.parameters(), lr=rate, weight_decay=decay, fused=True)
        else:
            self._optimizer = torch.optim.Adam(self.net.parameters(), lr=rate, weight_decay=self._own.l2, fused=True)
        self._loss = nn.CrossEntropyLoss(label_smoothing=self._own.label_smoothing)
        self.scores: list[tuple[float, ...]] = []
        self.stopped: dict[str, Any] | None = None

    def train(self, steps: int, every: int) -> None:
        """Make all steps. Early stopping counts evaluations without improvement."""
        batches, best, waited = self._batches(), (float("inf"), 0, self.net.state_dict()), 0
        for step in range(1, steps + 1):
            if self.stopped is None:
                self._step(next(batches))
            if step % every:
                continue
            scores = self._scores() if self.stopped is None else self.scores[-1]
            if self._own.patience and self.stopped is None:
                if scores[1] < best[0]:
                    best, waited = (scores[1], step, copy.deepcopy(self.net.state_dict())), 0
                else:
                    waited += 1
                if waited >= self._own.patience:
                    self.net.load_state_dict(best[2])
                    self.stopped = {"step": step, "best_step": best[1], "best_loss": best[0]}
                    scores = self._scores()
            self.scores.append(scores)
        self.net.eval()

    def _batches(self) -> Iterator[Tensor]:
        """Mini-batches of random permutations; the last, incomplete one of each is left out."""
        while True:
            order = torch.randperm(len(self._x), generator=self._order)
            yield from torch.split(order[: len(order) // self._size * self._size], self._size)

    def _step(self, batch: Tensor) -> None:
        self.net.train()
        x = self._x[batch]
        if self._own.input_noise:
            x = x + self._own.input_noise * torch.randn_like(x)
        loss = self._loss(self.net(x), self._y[batch])
        if self._own.l1:
            loss = loss + self._own.l1 * sum(each.abs().sum() for each in self.net.parameters())
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        if self._own.max_norm:
            with torch.no_grad():
                for weight in limited(self.net):
                    weight.copy_(torch.renorm(weight, 2, 0, self._own.max_norm))

    @torch.no_grad()
    def _scores(self) -> tuple[float, ...]:
        """Training and validation loss, training and validation accuracy, in eval mode."""
        self.net.eval()
        pairs = [judged(self.net(x), y) for x, y in ((self._x, self._y), (self._val_x, self._val_y))]
        return pairs[0][0], pairs[1][0], pairs[0][1], pairs[1][1]


def judged(logits: Tensor, y: Tensor) -> tuple[float, float]:
    """Mean log-loss and accuracy of logits (n, C)."""
    right = (logits.argmax(dim=1) == y).double().mean()
    return float(nn.functional.cross_entropy(logits.double(), y)), float(right)
