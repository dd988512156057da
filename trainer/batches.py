"""Which examples are in which mini-batch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from trainer.config import ExperimentConfig
from trainer.datasets import Dataset
from trainer.seeds import Purpose, generator


class Batches:
    """Mini-batches from epochs of random permutations; an epoch's last, incomplete one is left out.

    An epoch's permutation is a function of the seed and the epoch's number, and is made on the CPU: what is in a
    mini-batch is known without asking the device. An epoch's examples are brought into order at once, so that a
    mini-batch is a slice.

    Args:
        data: where the training examples come from.
        config: the mini-batch's size and the seed.
        device: where mini-batches are needed.
        dtype: of their features.
    """

    def __init__(self, data: Dataset, config: ExperimentConfig, device: torch.device, dtype: torch.dtype) -> None:
        self._seed, self._size = config.seed, config.batch_size
        self._examples = len(data.train_y)
        self.per_epoch = self._examples // self._size
        self._x = data.train_x.to(device, dtype)
        self._y = one_hot(data.train_y, len(data.classes)).to(device, dtype)
        self._orders: dict[int, np.ndarray] = {}
        self._loaded = -1
        self._epoch_x, self._epoch_y = self._x, self._y

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Features (B, F) and labels, as one-hot rows (B, C), of a step counted from 1."""
        epoch, start = self._place(step)
        if epoch != self._loaded:
            order = torch.from_numpy(self._order(epoch))
            if self._x.is_cuda:
                order = order.pin_memory().to(self._x.device, non_blocking=True)
            order = order.to(self._x.device)
            self._epoch_x, self._epoch_y = self._x[order], self._y[order]
            self._loaded = epoch
        return self._epoch_x[start : start + self._size], self._epoch_y[start : start + self._size]

    def row_of(self, example: int, step: int) -> int | None:
        """Which row of the mini-batch of ``step`` an example is; None if it is not in it."""
        epoch, start = self._place(step)
        place = int(np.flatnonzero(self._order(epoch) == example)[0])
        return place - start if start <= place < start + self._size else None

    def example(self, step: int, row: int) -> int:
        """Which training example is in a row of the mini-batch of ``step``."""
        epoch, start = self._place(step)
        return int(self._order(epoch)[start + row])

    def _place(self, step: int) -> tuple[int, int]:
        epoch, number = divmod(step - 1, self.per_epoch)
        return epoch, number * self._size

    def _order(self, epoch: int) -> np.ndarray:
        order = self._orders.get(epoch)
        if order is None:
            if len(self._orders) >= 64:  # more than a call of run() usually spans, and little memory
                self._orders.clear()
            order = generator(self._seed, Purpose.ORDER, epoch).permutation(self._examples)
            self._orders[epoch] = order
        return order
