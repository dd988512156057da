"""The record of a call of `Experiment.run`, while it is being made."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainer.models import LaneMLP
from trainer.trace import LayerInfo, Snapshot, Steps


class Recorder:
    """Room for what K steps leave behind, on the device; copied to the CPU once, at the end."""

    def __init__(self, count: int, model: LaneMLP, lane: int, batch_size: int, device: torch.device) -> None:
        self.dropouts = model.dropouts
        self.lane, self.batch_size = lane, batch_size
        self.loss = torch.empty((count, model.lanes), device=device)
        self.masks = [torch.ones((count, each.units), dtype=torch.bool, device=device) for each in self.dropouts]
        # On the CPU masks are numpy arrays: an assignment costs a fifth of what it costs torch.
        self._writable: list[Any] = [mask.numpy() if device.type == "cpu" else mask for mask in self.masks]

    def record(self, k: int, row: int, log_p: Tensor, target: Tensor) -> None:
        """Keep the losses of step ``k``, and the masks that its forward pass used on ``row`` of the mini-batch."""
        self.loss[k] = (log_p * target).sum(dim=(1, 2))  # minus the loss, times B
        for mask, dropout in zip(self._writable, self.dropouts, strict=True):
            if dropout.used:
                mask[k] = dropout.keep[self.lane, row if dropout.rows > 1 else 0]

    def steps(
        self, first: int, examples: list[int], layers: tuple[LayerInfo, ...], snapshot: Snapshot | None, labels: Tensor
    ) -> Steps:
        """Hand over the record; on a GPU this waits for the steps to be done."""
        masks = [mask.cpu() for mask in self.masks]
        trace = None
        if snapshot is not None:
            rows = [mask[snapshot.step - first] for mask in masks]
            trace = snapshot.develop(layers, self.lane, int(labels[snapshot.example]), rows)
        names = [layer.name for layer in layers]
        return Steps(
            step=torch.arange(first, first + len(examples)),
            loss=self.loss.mul_(-1 / self.batch_size).cpu(),
            lane=self.lane,
            example=torch.from_numpy(np.array(examples, dtype=np.int64)),
            masks=dict(zip(names, masks, strict=True)),
            kept={name: mask.sum(dim=1) for name, mask in zip(names, masks, strict=True)},
            trace=trace,
        )
