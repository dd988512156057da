"""Networks that begin anew while their run goes on: each by itself, with the weights that it had at step 0."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from trainer.data.datasets import Dataset
from trainer.models import LaneNetwork, make_network
from trainer.settings.config import ExperimentConfig
from trainer.settings.lane import Lane
from trainer.training.divergence import Diverged, Divergence
from trainer.training.optim import LaneOptimizer
from trainer.training.stopping import EarlyStopping, Watched


@dataclass
class _Before:
    """What a lane was where it began anew.

    Attributes:
        lane: its knobs.
        tensors: what `Beginnings.tensors` were.
        began: the step after which it had begun.
        watched: what early stopping remembered of it.
        diverged: when it had diverged.
    """

    lane: Lane
    tensors: list[Tensor]
    began: int
    watched: Watched
    diverged: Diverged | None


class Beginnings:
    """When each lane began, and how it begins anew.

    A lane begins anew where its knob ``restarts`` has another value than at the step before. So a value that is taken
    back before a step has followed must leave no trace: until then, what the lane was is kept.

    Args:
        model: the networks.
        optimizer: moves them.
        stopping: watches them.
        divergence: the same.
        data: what they learn from.

    Attributes:
        began: for each lane the step after which it began; 0 with the run.
    """

    def __init__(
        self,
        model: LaneNetwork,
        optimizer: LaneOptimizer,
        stopping: EarlyStopping,
        divergence: Divergence,
        data: Dataset,
    ) -> None:
        self._model, self._optimizer, self._data = model, optimizer, data
        self._stopping, self._divergence = stopping, divergence
        self.began = [0] * model.lanes
        self._before: dict[int, _Before] = {}

    def tensors(self, lane: int) -> list[Tensor]:
        """All that a lane is made of and its optimiser remembers, where it lies."""
        return [
            *(tensor.detach()[lane] for tensor in self._model.state_dict().values()),
            *self._optimizer.of_lane(lane),
        ]

    def turn(self, lane: int, was: ExperimentConfig, now: ExperimentConfig, step: int) -> Lane:
        """Let a lane begin anew if its knob says so, or be again what it was if that is taken back.

        Args:
            lane: which.
            was: the configuration until now.
            now: that from now on.
            step: of the run.

        Returns:
            The lane's knobs that its present state belongs to.
        """
        before, times = self._before.get(lane), now.lanes[lane].restarts
        if times == was.lanes[lane].restarts or self.began[lane] == step == 0:
            return was.lanes[lane]
        if before is None:
            self._before[lane] = self._as_it_is(lane, was)
            self._begin(lane, now, step)
        elif times == before.lane.restarts:
            self._exchange(lane)
            self._count_apart()
            del self._before[lane]
            return before.lane
        return was.lanes[lane]

    def has_begun(self, lane: int, step: int) -> bool:
        """Whether a lane has made a step since it began."""
        return self.began[lane] < step

    def stepped(self) -> None:
        """A step has followed: what began anew before it has done so for good."""
        if self._before:
            self._before = {}

    @contextmanager
    def as_before(self, config: ExperimentConfig) -> Iterator[ExperimentConfig]:
        """Have every lane that began anew since the last step be what it was, for as long as this is open.

        Args:
            config: as it is.

        Yields:
            The same with the knob of each as it was.
        """
        lanes = list(config.lanes)
        for lane, before in self._before.items():
            lanes[lane] = lanes[lane].model_copy(update={"restarts": before.lane.restarts})
            self._exchange(lane)
        try:
            yield config.model_copy(update={"lanes": tuple(lanes)})
        finally:
            for lane in self._before:
                self._exchange(lane)

    def load(self, began: list[int]) -> None:
        """Take over when the lanes began; what they are made of comes from elsewhere."""
        self.began = list(began)
        self._count_apart()

    @torch.no_grad()
    def _begin(self, lane: int, config: ExperimentConfig, step: int) -> None:
        like = self._model.weights[0]
        alone = config.model_copy(update={"lanes": config.lanes[lane : lane + 1], "mask": "per_batch"})
        initial = make_network(alone, self._data, like.device, like.dtype).state_dict()
        for name, tensor in self._model.state_dict().items():
            tensor[lane].copy_(initial[name][0])
        for tensor in self._optimizer.of_lane(lane):
            tensor.zero_()
        self.began[lane] = step
        self._count_apart()
        self._stopping.put(lane)
        self._divergence.lanes[lane] = None

    def _as_it_is(self, lane: int, config: ExperimentConfig) -> _Before:
        return _Before(
            config.lanes[lane],
            [tensor.clone() for tensor in self.tensors(lane)],
            self.began[lane],
            self._stopping.recall(lane),
            self._divergence.lanes[lane],
        )

    @torch.no_grad()
    def _exchange(self, lane: int) -> None:
        """Have a lane be what it was, and keep what it is."""
        before = self._before[lane]
        for here, kept in zip(self.tensors(lane), before.tensors, strict=True):
            now = here.clone()
            here.copy_(kept)
            kept.copy_(now)
        self.began[lane], before.began = before.began, self.began[lane]
        watched = self._stopping.recall(lane)
        self._stopping.put(lane, before.watched)
        before.watched = watched
        self._divergence.lanes[lane], before.diverged = before.diverged, self._divergence.lanes[lane]

    def _count_apart(self) -> None:
        self._optimizer.count_apart([lane for lane, step in enumerate(self.began) if step > 0])
