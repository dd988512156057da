"""Thinned sub-networks: their votes, and what the average of their votes is worth.

A sub-network is a network that one mask has thinned, with the kept units scaled as in training (Srivastava et al. 2014,
section 4; their figure 11 compares the average of sampled sub-networks with weight scaling). How the logits of one are
computed is told in `trainer.ensemble.thinning`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trainer.data.datasets import Dataset
from trainer.ensemble.thinning import thin
from trainer.errors import DropoutLabError
from trainer.models.base import LaneNetwork
from trainer.settings.config import ExperimentConfig
from trainer.settings.lane import Lane


@dataclass(frozen=True)
class Ensemble:
    """M sub-networks of one lane: what each says of one example, and how good they and their averages are on the
    validation set.

    Losses are mean log-losses with respect to true labels; accuracies are shares. Tensors are float32 on the CPU.

    Attributes:
        step: updates that the weights had seen.
        lane: whose network was thinned.
        rates: what it was thinned with, one for each place that can drop.
        votes: (M, C) probabilities that each member gives the followed example.
        average_vote: (C,) their mean.
        scaling_vote: (C,) of the whole network in eval mode.
        accuracy: (M,) of each member by itself.
        average_accuracy: (M,) of the mean of the first 1 … M members' probabilities.
        average_loss: (M,) of the same.
        geometric_accuracy: (M,) of the geometric mean, renormalised.
        geometric_loss: (M,) of the same.
        weight_scaling_accuracy: of the whole network in eval mode.
        weight_scaling_loss: of the same.
    """

    step: int
    lane: int
    rates: tuple[float, ...]
    votes: Tensor
    average_vote: Tensor
    scaling_vote: Tensor
    accuracy: Tensor
    average_accuracy: Tensor
    average_loss: Tensor
    geometric_accuracy: Tensor
    geometric_loss: Tensor
    weight_scaling_accuracy: float
    weight_scaling_loss: float


class Averages:
    """Means of the first 1 … M answers of an ensemble, arithmetic and geometric, judged as each answer comes in.

    Args:
        y: (V,) labels.
        classes: C.
        dtype: of probabilities.
    """

    def __init__(self, y: Tensor, classes: int, dtype: torch.dtype) -> None:
        self._y = y
        self._count = 0
        self._sum_p = torch.zeros((classes, len(y)), dtype=dtype, device=y.device)
        self._sum_log_p = torch.zeros_like(self._sum_p)
        self._least = torch.finfo(dtype).tiny  # a probability that rounds to 0 costs a finite loss

    def add(self, log_p: Tensor) -> Tensor:
        """Take the next answer in, log-probabilities (C, V).

        Returns:
            Accuracy and log-loss of the answer itself, of the arithmetic and of the geometric mean so far, (3, 2).
        """
        self._count += 1
        self._sum_p += log_p.exp()
        self._sum_log_p += log_p
        mean_p = (self._sum_p / self._count).clamp_min_(self._least)
        mean_log_p = geometric_mean(self._sum_log_p / self._count)
        return torch.stack([self.judge(each) for each in (log_p, mean_p.log_(), mean_log_p)])

    def judge(self, log_p: Tensor) -> Tensor:
        """Accuracy and log-loss of log-probabilities (C, V), (2,); no accuracy where the loss is no finite number."""
        own = log_p.gather(0, self._y[None])[0]  # (V,)
        # An argmax over rows takes thirty times as long as a maximum.
        right = (own >= log_p.amax(dim=0)).to(own.dtype)
        accuracy, loss = torch.stack([right, -own]).mean(dim=1)
        return torch.stack([torch.where(loss.isfinite(), accuracy, torch.nan), loss])


def geometric_mean(mean_log_p: Tensor) -> Tensor:
    """The normalised geometric mean of distributions, as log-probabilities (C, V).

    Baldi & Sadowski 2013, "Understanding dropout": for one sigmoid unit, and over all masks with their probabilities,
    it is what weight scaling gives.

    Args:
        mean_log_p: (C, V), the mean of the distributions' log-probabilities, weighted or not.
    """
    return torch.log_softmax(mean_log_p, dim=0)


class EnsembleInProgress:
    """An ensemble that is worked on in bites, of the weights as they are when it is made.

    The masks are a function of seed, lane, step and member, and of nothing else.

    Args:
        model: the networks of the run.
        config: their knobs.
        data: what they learn from.
        step: updates that the weights have seen.
        lane: whose network is thinned.
        dropout: the knobs of dropout that it is thinned with: its own, or another lane's. Schedules do not matter.
        x: (V + 1, F) the validation set and, last, the example to vote on.
        y: (V,) labels of the validation set.
        members: M, how many sub-networks.
        fresh: whether a member has a mask of its own for every example, as a pass in training mode has, or one for all.
    """

    def __init__(
        self,
        model: LaneNetwork,
        config: ExperimentConfig,
        data: Dataset,
        step: int,
        lane: int,
        dropout: Lane,
        x: Tensor,
        y: Tensor,
        members: int,
        fresh: bool = False,
    ) -> None:
        self.step, self.lane, self.rates, self.members = step, lane, dropout.dropout, members
        self.done = 0
        self.thinned = thin(model, config, data, step, lane, dropout, x, fresh)
        self._parts: list[Tensor] = []  # what the next member has said so far
        self._whole: list[Tensor] = []  # and the lane itself
        self._averages = Averages(y, len(data.classes), x.dtype)
        self._votes = torch.zeros((members, len(data.classes)), dtype=x.dtype, device=x.device)
        self._figures = torch.zeros((3, 2, members), dtype=x.dtype, device=x.device)

    @torch.no_grad()
    def advance(self, members: int) -> bool:
        """Work on the next ``members`` sub-networks; true when all have voted.

        Asked for a single one of several, it does no more than a part of it where that is a lot of work.
        """
        if members == 1 < self.members:
            self._part()
        else:
            end = min(self.done + members, self.members)
            while self.done < end or (end == self.members and not self._has_ended):
                self._part()
        return self._has_ended

    @property
    def _has_ended(self) -> bool:
        return self.done == self.members and len(self._whole) == self.thinned.parts

    def _part(self) -> None:
        """Work on one part of the next member, or behind the last one on a part of the lane itself."""
        if self._has_ended:
            return
        if self.done == self.members:
            self._whole.append(self.thinned.whole_part(len(self._whole)))
            return
        self._parts.append(self.thinned.part(self.done, len(self._parts)))
        if len(self._parts) == self.thinned.parts:
            log_p = torch.log_softmax(torch.cat(self._parts, dim=1), dim=0)  # (C, V + 1)
            self._parts = []
            self._votes[self.done] = log_p[:, -1].exp()
            self._figures[:, :, self.done] = self._averages.add(log_p[:, :-1])
            self.done += 1
            if self.done == self.members and self.thinned.parts == 1:
                self._part()  # what is no more than another member need not have a turn of its own

    @torch.no_grad()
    def result(self) -> Ensemble:
        """The ensemble.

        Raises:
            DropoutLabError: not all members have voted yet.
        """
        if not self._has_ended:
            raise DropoutLabError(f"{self.done} of {self.members} sub-networks have voted; advance() first")
        log_p = torch.log_softmax(torch.cat(self._whole, dim=1), dim=0)
        (accuracy, _), average, geometric = self._figures.float().cpu()
        scaling_accuracy, scaling_loss = self._averages.judge(log_p[:, :-1]).tolist()
        return Ensemble(
            step=self.step,
            lane=self.lane,
            rates=self.rates,
            votes=self._votes.float().cpu(),
            average_vote=self._votes.mean(dim=0).float().cpu(),
            scaling_vote=log_p[:, -1].exp().float().cpu(),
            accuracy=accuracy,
            average_accuracy=average[0],
            average_loss=average[1],
            geometric_accuracy=geometric[0],
            geometric_loss=geometric[1],
            weight_scaling_accuracy=scaling_accuracy,
            weight_scaling_loss=scaling_loss,
        )
