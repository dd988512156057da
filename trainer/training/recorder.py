"""The record of a call of `Experiment.run`, while it is being made."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainer.models.base import InForce, LaneNetwork
from trainer.settings.dropouts import KINDS
from trainer.training.trace import LayerInfo, Snapshot, Steps


class Recorder:
    """Room for what K steps leave behind, on the device; copied to the CPU once, at the end.

    Args:
        count: K.
        network: the networks of the run.
        lane: the followed one.
        batch_size: examples in a mini-batch.
        device: where the networks are.
    """

    def __init__(self, count: int, network: LaneNetwork, lane: int, batch_size: int, device: torch.device) -> None:
        self.network, self.dropouts = network, network.dropouts
        self.lane, self.batch_size, self.device = lane, batch_size, device
        self._loss = torch.empty((count, network.lanes), device=device)
        self.masks = self._room(count)
        # On the CPU masks are numpy arrays: an assignment costs a fifth of what it costs torch.
        self._writable: list[Any] = [mask.numpy() if device.type == "cpu" else mask for mask in self.masks]
        self._seen = 0  # steps whose losses `unseen` has handed out
        self._in_force: list[InForce] = []
        self._weights: dict[int, Tensor] = {}  # by layer: how many weights each step kept, -1 where it dropped units

    def _room(self, count: int) -> list[Tensor]:
        """Room for the masks of each place, (K, units) bool, with nothing dropped."""
        return [torch.ones((count, each.units), dtype=torch.bool, device=self.device) for each in self.dropouts]

    @property
    def loss(self) -> Tensor:
        """(K, L), minus the losses times B of the steps made so far."""
        return self._loss

    def record(self, k: int, row: int, log_p: Tensor, target: Tensor) -> None:
        """Keep the losses of step ``k``, and the masks that its forward pass used on ``row`` of the mini-batch."""
        self._loss[k] = (log_p * target).sum(dim=(1, 2))  # minus the loss, times B
        self.keep(k, row)

    def keep(self, k: int, row: int) -> None:
        """Keep the masks that were drawn for step ``k``, those of ``row`` of the mini-batch."""
        self._in_force.append(self.network.in_force[self.lane])
        for layer, (mask, dropout) in enumerate(zip(self._writable, self.dropouts, strict=True)):
            if dropout.used:
                mask[k] = dropout.bits(self.lane, row)
                if dropout.connecting:
                    self._count_weights(layer, k, dropout.kept_weights(self.lane, row))

    def unseen(self, count: int) -> Tensor:
        """The losses of the first ``count`` steps without those that were handed out before, to be read or changed."""
        seen, self._seen = self._seen, count
        return self.loss[seen:count]

    def _count_weights(self, layer: int, k: int, kept: Tensor | None) -> None:
        if kept is not None:
            if layer not in self._weights:
                self._weights[layer] = torch.full((len(self._loss),), -1, device=self.device)
            self._weights[layer][k] = kept

    def steps(
        self, first: int, examples: list[int], layers: tuple[LayerInfo, ...], snapshot: Snapshot | None, labels: Tensor
    ) -> Steps:
        """Hand over the record; on a GPU this waits for the steps to be done.

        Args:
            first: number of the first step.
            examples: whose masks these are.
            layers: the places that can drop.
            snapshot: of one of these steps.
            labels: (N,) of the training examples.
        """
        masks = [self._real(mask.cpu(), layer) for layer, mask in enumerate(self.masks)]
        kept = [self._kept(mask, layer) for layer, mask in enumerate(masks)]
        trace = None
        if snapshot is not None:
            at = snapshot.step - first
            counts = [int(count[at]) for count in kept]
            trace = snapshot.develop(layers, int(labels[snapshot.example]), [mask[at] for mask in masks], counts)
        names = [layer.name for layer in layers]
        return Steps(
            step=torch.arange(first, first + len(examples)),
            loss=self.loss.mul_(-1 / self.batch_size).cpu(),
            lane=self.lane,
            example=torch.from_numpy(np.array(examples, dtype=np.int64)),
            kinds=torch.tensor([KINDS.index(each.kind) for each in self._in_force]),
            rates=torch.tensor([each.rates for each in self._in_force]),
            group_rates=torch.tensor([each.group_rates for each in self._in_force]),
            masks=dict(zip(names, masks, strict=True)),
            kept=dict(zip(names, kept, strict=True)),
            trace=trace,
        )

    def _real(self, mask: Tensor, layer: int) -> Tensor:
        """A mask (K, units) without the units that the lane does not have."""
        site = self.dropouts[layer]
        return mask if site.widths[self.lane] == site.shape[-1] else mask & site.real(self.lane)

    def _kept(self, mask: Tensor, layer: int) -> Tensor:
        """How many a mask (K, units) keeps at each step, (K,)."""
        units = mask.sum(dim=1)
        if layer not in self._weights:
            return units
        weights = self._weights[layer].cpu()
        return torch.where(weights < 0, units, weights)
