"""How far the units that enter batch norm are spread, with dropout on and off: the variance shift of Li et al. 2019."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from math import ceil
from typing import Final

import numpy as np
import torch
from torch import Tensor

from trainer.data.batches import Batches
from trainer.dropout.inputs import InputNoise
from trainer.dropout.kinds import scale
from trainer.dropout.site import LaneDropout
from trainer.insight.base import Found, Insight, Looking
from trainer.insight.snapshot import Snapshot
from trainer.layers.dense import LaneBatchNorm
from trainer.settings.dropouts import DROPOUTS

_MASKED: Final = 4096  # examples passed with dropout on, each with a mask of its own, at least


class View(Insight):
    """The variance of what enters each batch norm over the training examples of a lane, in both modes.

    In training batch norm divides by that of the mini-batch, which its running variance follows; in evaluation mode it
    meets the other one. Every example has a mask of its own here, even where the run has one for each mini-batch.
    """

    def look(self) -> Looking:
        """Pass an epoch of mini-batches through a copy, some times with dropout on and then once with dropout off."""
        config = self.experiment.config
        snapshot = Snapshot(self.experiment)
        batches = Batches(snapshot.data, config, self.experiment.device, self.experiment.dtype)
        noise = InputNoise(config, self.experiment.device)
        names = snapshot.layers[-len(snapshot.network.norms) :]
        step, epoch = snapshot.step, len(snapshot.train_x) // config.batch_size
        passes = {True: epoch * ceil(_MASKED / (epoch * config.batch_size)), False: epoch}
        spreads = {training: [_Spread() for _ in names] for training in passes}
        for training, count in passes.items():
            for number in range(count):
                at = 1 + number % epoch  # the same mini-batches again and again, in both modes
                x, _ = batches.at(at)
                if training:
                    snapshot.draw(number)
                    x = noise.add(x, step + 1 + number)
                for spread, entered in zip(spreads[training], _entered(snapshot, x, training), strict=True):
                    spread.add(entered)
                yield
        found: dict[str, np.ndarray] = {"step": np.array([step], np.uint32)}
        for place, name in enumerate(names):
            found |= _figures(snapshot, name, spreads[True][place], spreads[False][place])
        return found


@torch.no_grad()
def _entered(snapshot: Snapshot, x: Tensor, training: bool) -> list[Tensor]:
    """What enters each batch norm of a copy, in forward order, as (L, B, U, *places).

    Networks call ``forward`` of their batch norms without the detour over hooks, so that is what is stood in front of.
    """
    entered: list[Tensor] = []
    norms = snapshot.network.norms

    def watched(norm: LaneBatchNorm) -> Callable[[Tensor], Tensor]:
        forward = norm.forward

        def noted(x: Tensor) -> Tensor:
            entered.append(x)
            return forward(x)

        return noted

    for norm in norms:
        norm.__dict__["forward"] = watched(norm)
    try:
        with nullcontext() if training else snapshot.evaluating():
            snapshot.network(x)
    finally:
        for norm in norms:
            del norm.__dict__["forward"]
    return entered


class _Spread:
    """Moments of what entered one batch norm, each unit (L, U) by itself, over mini-batches; in float64."""

    def __init__(self) -> None:
        self._count = 0
        self._mean = self._square = torch.zeros((), dtype=torch.float64)

    def add(self, x: Tensor) -> None:
        """Take note of one mini-batch, (L, B, U, *places)."""
        moments = torch.var_mean(x, dim=(1, *range(3, x.dim())), correction=0)
        variance, mean = (each.double().cpu() for each in moments)  # (L, U)
        self._count += 1
        self._mean = self._mean + mean
        self._square = self._square + variance + mean.square()

    @property
    def square(self) -> Tensor:
        """E[x²]."""
        return self._square / self._count

    @property
    def variance(self) -> Tensor:
        """Var[x]; exactly 0 of what never changes from 0."""
        return (self.square - (self._mean / self._count).square()).clamp_min(0)


def _figures(snapshot: Snapshot, name: str, on: _Spread, off: _Spread) -> Found:
    """The tensors of one layer; NaN where there is no such unit, or no batch norm."""
    there = _normalised(snapshot, name)  # (L, U)
    training, evaluation = (torch.where(there, each.variance, torch.nan) for each in (on, off))
    site, lanes = snapshot.network.dropouts[snapshot.layers.index(name)], range(len(there))
    theory = torch.full((len(there),), torch.nan, dtype=torch.float64)
    if snapshot.config.batch_norm_order == "after_dropout":
        shrink, blur = (torch.tensor(each) for each in zip(*(_factor(site, lane) for lane in lanes), strict=True))
        relative = torch.where(evaluation > 0, off.square / evaluation, torch.nan).nanmedian(dim=1).values
        theory = shrink.square() * (1 + blur * relative)
    ratio = torch.where(evaluation > 0, training / evaluation, torch.nan).nanmedian(dim=1).values
    plain = {"training": training, "evaluation": evaluation, "ratio": ratio, "theory": theory}
    return {f"{key}/{name}": tensor.float().numpy() for key, tensor in plain.items()}


def _normalised(snapshot: Snapshot, name: str) -> Tensor:
    """Which units, or channels, are there and have batch norm: (L, U) bool."""
    place = snapshot.layers.index(name)
    shape = snapshot.network.dropouts[place].shape
    rows = []
    for lane, own in enumerate(snapshot.config.lanes):
        real = snapshot.real(place, lane).view(shape)
        real = real.flatten(1).any(dim=1) if len(shape) > 1 else real  # of channels, their places do not count
        rows.append(real & own.batch_norm)
    return torch.stack(rows)


def _factor(site: LaneDropout, lane: int) -> tuple[float, float]:
    """The mean and the relative variance of what dropout multiplies a unit by in training, over that in evaluation.

    The variance is p/(1 - p) for every kind that multiplies units, and independent factors of elements and of groups
    multiply; where weights are dropped no unit is.
    """
    rate, group_rate = 0.0 if lane in site.connecting else site.rates[lane], site.group_rates[lane]
    mean = (1 - rate) * (1 - group_rate) if not DROPOUTS[site.kinds[lane]].balanced else 1.0
    return mean, scale(rate) * scale(group_rate) - 1
