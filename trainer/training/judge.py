"""How good the networks of a run are in eval mode, on what they were trained on and on new data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from trainer.data.datasets import Dataset
from trainer.models import evaluating
from trainer.settings.config import ExperimentConfig
from trainer.settings.networks import NETWORKS
from trainer.settings.pieces import LEAST_ROWS, PIECE_ON_GPU, Pieces, finish, rows_of
from trainer.training.alone import Alone

if TYPE_CHECKING:
    from trainer.models.base import LaneNetwork

AT_ONCE: Final = {"cpu": 4_000_000, "cuda": 2**25}
"""Activations of the widest layer in one pass, by kind of device: 16 MB, and 128 on a GPU."""


@dataclass(frozen=True)
class Scores:
    """How the networks do in eval mode at one step; accuracies are shares, NaN beside a loss that is no finite number.
    Each (L,) float32 on the CPU.
    """

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
        self.own = sorted(set(examples))
        self._examples = examples
        most = PIECE_ON_GPU if device.type == "cuda" else None
        self._rows, self._rows_alone = rows_of(config, len(lanes), most), rows_of(config, most=most)
        widest = NETWORKS[config.network].widest_layer(config.size, config.channels, config.hidden)
        self._at_once = AT_ONCE.get(device.type, AT_ONCE["cpu"]) // (len(lanes) * widest)
        self._alone = Alone(config, data, device, dtype)

    def log_probabilities(self, network: LaneNetwork, x: Tensor) -> Tensor:
        """Of x (n, F) in eval mode: (L, n, C)."""
        return finish(self.log_probabilities_in_pieces(network, x))

    def log_probabilities_in_pieces(self, network: LaneNetwork, x: Tensor) -> Pieces[Tensor]:
        """The same in pieces (`trainer.settings.pieces`), between which the network must stay as it is.

        Where the weights of all lanes would be read for a few examples only, one lane is passed after the other. How
        it is cut follows from the configuration and the number of examples: the numbers are the same every time.
        """
        at_once = max(1, min(self._at_once, self._rows))
        if at_once >= min(LEAST_ROWS, len(x)):
            return (yield from _passed(network, x, at_once))
        lanes = []
        for lane in range(network.lanes):
            lanes.append((yield from _passed(self._alone.take(network, lane), x, self._rows_alone)))
            yield
        return torch.cat(lanes)

    def scores(self, network: LaneNetwork, step: int) -> Scores:
        """Judge every lane on its own training set (labels as trained on) and on the validation set."""
        return finish(self.scores_in_pieces(network, step))

    def scores_in_pieces(self, network: LaneNetwork, step: int) -> Pieces[Scores]:
        """The same in pieces, between which the network must stay as it is."""
        log_p = yield from self.log_probabilities_in_pieces(network, self._all_x)  # (L, N + V, C)
        losses = -log_p.gather(2, self._labels[..., None])[..., 0]
        right = (log_p.argmax(dim=2) == self._labels).to(log_p.dtype)
        count = len(self.train_x)
        train = [(each[:, :count] * self._shares).sum(dim=1) for each in (losses, right)]
        val = [each[:, count:].mean(dim=1) for each in (losses, right)]
        for loss, accuracy in (train, val):  # an argmax of NaN is some class: no answer, and not one to be counted
            accuracy.masked_fill_(~loss.isfinite(), math.nan)
        train_loss, val_loss, train_accuracy, val_accuracy = (
            torch.stack([train[0], val[0], train[1], val[1]]).float().cpu()
        )
        return Scores(step, train_loss, val_loss, train_accuracy, val_accuracy)

    def val_losses_in_pieces(self, network: LaneNetwork) -> Pieces[list[float]]:
        """Validation loss of every lane, in pieces, between which the network must stay as it is."""
        log_p = yield from self.log_probabilities_in_pieces(network, self.val_x)
        labels = self.val_y.expand(network.lanes, -1)[..., None]
        losses: list[float] = (-log_p.gather(2, labels)[..., 0].mean(dim=1)).tolist()
        return losses

    def estimate_norms_in_pieces(self, network: LaneNetwork, x: Tensor, lanes: Sequence[bool]) -> Pieces[None]:
        """Set batch norm's running statistics of some lanes to those of x (n, F), one lane after the other.

        As exact as `LaneNetwork.estimate_norms`, but for the order in which numbers are added up.
        """
        for lane, chosen in enumerate(lanes):
            if chosen:
                alone = self._alone.take(network, lane)
                alone.estimate_norms(x, [True])
                for mine, theirs in zip(alone.norms, network.norms, strict=True):
                    theirs.running_mean[lane].copy_(mine.running_mean[0])
                    theirs.running_var[lane].copy_(mine.running_var[0])
                yield

    def labels(self, lane: int) -> Tensor:
        """What a lane takes its training examples to be, and beyond those the true labels of the others, (N,)."""
        return self._labels[lane, : len(self.train_x)]

    def own_examples(self, lane: int) -> Tensor:
        """The training examples of a lane, (n, F)."""
        return self.train_x[: self._examples[lane]]


def _passed(network: LaneNetwork, x: Tensor, at_once: int) -> Pieces[Tensor]:
    """Log-probabilities (L, n, C) of x (n, F) in eval mode, so many examples in a piece."""
    parts: list[Tensor] = []
    for part in torch.split(x, at_once):
        if parts:
            yield
        with torch.no_grad(), evaluating(network):
            parts.append(torch.log_softmax(network(part), dim=2))
    return torch.cat(parts, dim=1)
