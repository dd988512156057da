"""How good the networks of a run are in eval mode, on what they were trained on and on new data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from trainer.config import ExperimentConfig
from trainer.datasets import Dataset
from trainer.models import evaluating

if TYPE_CHECKING:
    from trainer.models.base import LaneNetwork

_AT_ONCE: Final = 4_000_000  # activations of the widest layer in one pass: 16 MB


@dataclass(frozen=True)
class Scores:
    """How the networks do in eval mode at one step; accuracies are shares. Each (L,) float32 on the CPU."""

    step: int
    train_loss: Tensor
    val_loss: Tensor
    train_accuracy: Tensor
    val_accuracy: Tensor


class Judge:
    """Knows the examples by which the lanes of a run are judged: N training and V validation examples.

    Args:
        data: the run's.
        config: which of the training examples are a lane's own.
        device: where the networks are.
        dtype: of their weights.
    """

    def __init__(self, data: Dataset, config: ExperimentConfig, device: torch.device, dtype: torch.dtype) -> None:
        lanes = range(len(config.lanes))
        examples = [config.examples(lane) for lane in lanes]
        self.train_x = data.train_x.to(device, dtype)  # (N, F)
        self.val_x = data.val_x.to(device, dtype)  # (V, F)
        self.val_y = data.val_y.to(device)
        self._all_x = torch.cat([self.train_x, self.val_x])
        count = len(data.train_y)
        labels, shares = [], torch.zeros((len(lanes), count), dtype=dtype)
        for lane, own in enumerate(examples):
            labels.append(torch.cat([data.labels_for(own), data.train_true[own:], data.val_y]))
            shares[lane, :own] = 1 / own
        self._labels = torch.stack(labels).to(device)  # (L, N + V)
        self._shares = shares.to(device)  # (L, N): what each training example counts in a lane's mean
        self._widest = max(data.features, *config.hidden, sum(channels * data.features for channels in config.channels))
        self.own = sorted(set(examples))
        self._examples = examples

    @torch.no_grad()
    def log_probabilities(self, network: LaneNetwork, x: Tensor) -> Tensor:
        """Of x (n, F) in eval mode: (L, n, C)."""
        at_once = max(64, _AT_ONCE // (network.lanes * self._widest))
        with evaluating(network):
            return torch.cat([torch.log_softmax(network(part), dim=2) for part in torch.split(x, at_once)], dim=1)

    def scores(self, network: LaneNetwork, step: int) -> Scores:
        """Judge every lane on its own training set (labels as trained on) and on the validation set."""
        log_p = self.log_probabilities(network, self._all_x)  # (L, N + V, C)
        losses = -log_p.gather(2, self._labels[..., None])[..., 0]
        right = (log_p.argmax(dim=2) == self._labels).to(log_p.dtype)
        count = len(self.train_x)
        train = [(each[:, :count] * self._shares).sum(dim=1) for each in (losses, right)]
        val = [each[:, count:].mean(dim=1) for each in (losses, right)]
        train_loss, val_loss, train_accuracy, val_accuracy = (
            torch.stack([train[0], val[0], train[1], val[1]]).float().cpu()
        )
        return Scores(step, train_loss, val_loss, train_accuracy, val_accuracy)

    def val_losses(self, network: LaneNetwork) -> list[float]:
        """Validation loss of every lane."""
        log_p = self.log_probabilities(network, self.val_x)
        labels = self.val_y.expand(network.lanes, -1)[..., None]
        losses: list[float] = (-log_p.gather(2, labels)[..., 0].mean(dim=1)).tolist()
        return losses

    def labels(self, lane: int) -> Tensor:
        """What a lane takes its training examples to be, and beyond those the true labels of the others, (N,)."""
        return self._labels[lane, : len(self.train_x)]

    def own_examples(self, lane: int) -> Tensor:
        """The training examples of a lane, (n, F)."""
        return self.train_x[: self._examples[lane]]
