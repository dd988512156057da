"""One update of all networks: a mini-batch forward and back, and the weights moved."""

from __future__ import annotations

import torch
from torch import Tensor

from trainer.lanewise import Column
from trainer.models.base import LaneNetwork
from trainer.settings.config import ExperimentConfig
from trainer.training.optim import LaneOptimizer
from trainer.training.trace import Snapshot


class Update:
    """What a step computes, whoever draws its masks and keeps its record.

    Args:
        model: the networks.
        optimizer: moves them.
        config: the knobs; the mini-batch's size and the learning problem do not change.

    Attributes:
        model, optimizer: the same.
    """

    def __init__(self, model: LaneNetwork, optimizer: LaneOptimizer, config: ExperimentConfig) -> None:
        self.model, self.optimizer = model, optimizer
        self._share = 1 / config.batch_size
        self.smoothing = Column(model.lanes, model.weights[0].detach(), off=0.0)

    def use(self, config: ExperimentConfig) -> None:
        """Take over the live knobs of training; those of dropout and batch norm are the network's."""
        self.optimizer.use(config)
        self.smoothing.write([lane.label_smoothing for lane in config.lanes])

    @property
    def generation(self) -> int:
        """How often a step has become another computation, or one of other tensors: older captures are stale."""
        return self.model.generation + self.optimizer.generation + self.smoothing.generation

    @property
    def state(self) -> list[Tensor]:
        """All that a step changes."""
        return [*self.model.state_dict().values(), *self.optimizer.tensors]

    def make(self, x: Tensor, target: Tensor) -> Tensor:
        """Pass a mini-batch forward and back and move the weights; log-probabilities (L, B, C) of that pass."""
        logits = self.model(x)
        log_p = torch.log_softmax(logits.detach(), dim=2)
        self.optimizer.step(logits, self._gradient(log_p, target), self.model.normalised)
        return log_p

    def traced(
        self, x: Tensor, target: Tensor, step: int, lane: int, example: int, row: int
    ) -> tuple[Tensor, Snapshot]:
        """The same, with a close look at one row of the mini-batch before the weights move.

        Args:
            x: the mini-batch.
            target: its labels.
            step: the number of this update.
            lane: whose pass is looked at.
            example: the training example in ``row``.
            row: of the mini-batch.
        """
        activations: list[Tensor] = []
        logits = self.model(x, activations)
        log_p = torch.log_softmax(logits.detach(), dim=2)
        snapshot = Snapshot.take(self.model, step, lane, example, row, activations, log_p.exp())
        self.optimizer.step(logits, self._gradient(log_p, target), self.model.normalised)
        return log_p, snapshot

    @torch.no_grad()
    def _gradient(self, log_p: Tensor, target: Tensor) -> Tensor:
        """The gradient of the mean cross-entropy with respect to the logits, in closed form."""
        return log_p.exp().sub_(self._smoothed(target)).mul_(self._share)

    def _smoothed(self, target: Tensor) -> Tensor:
        """Targets (B, C) or (L, B, C) with a share spread evenly over all classes (Szegedy et al. 2016, section 7)."""
        if not self.smoothing.used:
            return target
        share = self.smoothing.values.view(-1, 1, 1)
        return target * (1 - share) + share / target.shape[-1]
