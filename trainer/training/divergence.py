"""Networks that diverged: whose loss or weights are no finite numbers any more, at which step, after which change."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from trainer.settings.changes import Change, ChangeLog
from trainer.settings.config import ExperimentConfig


@dataclass(frozen=True)
class Diverged:
    """When a lane diverged.

    Attributes:
        step: the first step whose training loss was no finite number or, of the steps at which the weights are looked
            at, the first after which one of them was none.
        after: the last change before it that concerned the lane, as `Experiment.changes` has it; None if there was
            none, so that it diverged with the knobs that it started with.
    """

    step: int
    after: Change | None


class Divergence:
    """Finds out which of L lanes have diverged, and sees to it that nothing is learned by them any more.

    All that such a lane is made of becomes NaN. So its losses and activations are NaN whatever is asked of it, no
    update moves it, no other lane is touched, and its state does not depend on how soon it was found out.

    Args:
        tensors: all that a lane is made of, each (L, …): parameters and running statistics.
        parameters: those of them that are trained.
        lanes: how many there are.
    """

    def __init__(self, tensors: Iterable[Tensor], parameters: Iterable[Tensor], lanes: int) -> None:
        self._tensors = list(tensors)
        self._parameters = [parameter.detach() for parameter in parameters]
        self.lanes: list[Diverged | None] = [None] * lanes

    def mark(self, losses: Tensor) -> None:
        """Make the losses (L,) of lanes with a parameter that is no finite number NaN; a GPU is not waited for."""
        greatest = torch.stack([each.flatten(1).abs().amax(dim=1) for each in self._parameters]).amax(dim=0)  # (L,)
        losses.masked_fill_(~greatest.isfinite(), math.nan)

    def find(self, first: int, losses: Tensor, changes: ChangeLog, config: ExperimentConfig) -> list[int]:
        """Take in the losses of some steps, and return the lanes that have diverged in them.

        Args:
            first: the step of the first of them.
            losses: (K, L); from the step on at which a lane diverged they become NaN.
            changes: made to the run.
            config: the run as it is now.
        """
        finite = losses.isfinite()
        if bool(finite.all()):
            return []
        found = []
        for lane in (~finite.all(dim=0)).nonzero()[:, 0].tolist():
            if self.lanes[lane] is None:
                row = int(finite[:, lane].int().argmin())  # the first that is not
                self.lanes[lane] = Diverged(first + row, last_change(changes, first + row, lane, config))
                losses[row:, lane] = math.nan
                self._end(lane)
                found.append(lane)
        return found

    def since(self, lane: int, step: int) -> bool:
        """Whether a lane had diverged before ``step``."""
        gone = self.lanes[lane]
        return gone is not None and gone.step < step

    @torch.no_grad()
    def _end(self, lane: int) -> None:
        for tensor in self._tensors:
            tensor[lane].fill_(math.nan)

    def described(self) -> list[dict[str, Any] | None]:
        """For each lane the attributes of `Diverged` as plain data; None for one that has not diverged."""
        return [None if each is None else asdict(each) for each in self.lanes]

    def load(self, described: Sequence[Mapping[str, Any] | None]) -> None:
        """Take over what another one's `described` said; the weights are as that one left them."""
        self.lanes = [None if each is None else Diverged(each["step"], deepcopy(each["after"])) for each in described]


def last_change(changes: ChangeLog, step: int, lane: int, config: ExperimentConfig) -> Change | None:
    """The last of the changes up to ``step`` that concerns a lane: its own, or one of a knob of the run that it obeys.

    Args:
        changes: each is in force from its step on.
        step: the last step that counts.
        lane: which.
        config: says whether the lane has a learning rate of its own.
    """
    has_own_rate = config.lanes[lane].learning_rate is not None

    def concerns(of: int | None, knob: str) -> bool:
        return of == lane or (of is None and not (has_own_rate and knob == "learning_rate"))

    return changes.last(step, concerns)
