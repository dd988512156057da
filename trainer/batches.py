"""Which examples are in which mini-batch, and with which labels."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from trainer.config import ExperimentConfig
from trainer.datasets import Dataset
from trainer.seeds import Purpose, generator

_ORDERS_KEPT = 64  # epochs: more than a call of run() usually spans, and little memory


class Course:
    """Mini-batches from epochs of random permutations; an epoch's last, incomplete one is left out.

    An epoch's permutation is a function of the seed and the epoch's number, and is made on the CPU: what is in a
    mini-batch is known without asking the device. An epoch's examples are brought into order at once, so that a
    mini-batch is a slice.

    Args:
        x: (n, F) the examples.
        y: (n, C) their labels as one-hot rows.
        seed: of the permutations.
        size: of a mini-batch.
    """

    def __init__(self, x: Tensor, y: Tensor, seed: int, size: int) -> None:
        self._seed, self._size = seed, size
        self.per_epoch = len(x) // size
        self._x, self._y = x, y
        self._orders: dict[int, np.ndarray] = {}
        self._loaded = -1
        self._epoch_x, self._epoch_y = x, y

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
        places = np.flatnonzero(self._order(epoch) == example)
        place = int(places[0]) if len(places) else -1
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
            if len(self._orders) >= _ORDERS_KEPT:
                self._orders.clear()
            order = generator(self._seed, Purpose.ORDER, epoch).permutation(len(self._x))
            self._orders[epoch] = order
        return order


class Batches:
    """The mini-batches of every lane. Lanes of one seed and one number of examples share theirs.

    Args:
        data: where the training examples come from.
        config: seeds, training sets, and the mini-batch's size.
        device: where mini-batches are needed.
        dtype: of their features.
    """

    def __init__(self, data: Dataset, config: ExperimentConfig, device: torch.device, dtype: torch.dtype) -> None:
        lanes = range(len(config.lanes))
        kinds = [(config.seed_of(lane), config.examples(lane)) for lane in lanes]
        distinct = list(dict.fromkeys(kinds))
        x = data.train_x.to(device, dtype)
        labels = {count: data.labels_for(count) for _, count in distinct}
        classes = len(data.classes)
        self._courses = [
            Course(x[:count], one_hot(labels[count], classes).to(device, dtype), seed, config.batch_size)
            for seed, count in distinct
        ]
        self._course_of = [distinct.index(kind) for kind in kinds]
        self._index = torch.tensor(self._course_of, device=device)
        self.shared = len(distinct) == 1

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Features and one-hot labels of a step counted from 1: (B, F) and (B, C) while all lanes share their
        mini-batches, else (L, B, F) and (L, B, C).
        """
        if self.shared:
            return self._courses[0].at(step)
        x, y = zip(*(course.at(step) for course in self._courses), strict=True)
        return torch.stack(x)[self._index], torch.stack(y)[self._index]

    def row_of(self, example: int, step: int, lane: int) -> int | None:
        """Which row of a lane's mini-batch of ``step`` an example is; None if it is not in it."""
        return self._courses[self._course_of[lane]].row_of(example, step)

    def example(self, step: int, row: int, lane: int) -> int:
        """Which training example is in a row of a lane's mini-batch of ``step``."""
        return self._courses[self._course_of[lane]].example(step, row)
