"""Which examples are in which mini-batch, and with which labels."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from trainer.data.datasets import Dataset
from trainer.seeds import Purpose, generator
from trainer.settings.config import ExperimentConfig

_ORDERS_KEPT = 64  # epochs: more than a call of run() usually spans, and little memory
_AT_ONCE = 2**21  # numbers that are brought into order at once where lanes have mini-batches of their own: 8 MB


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
            order = sent(self._order(epoch), self._x.device)
            self._epoch_x, self._epoch_y = self._x[order], self._y[order]
            self._loaded = epoch
        return self._epoch_x[start : start + self._size], self._epoch_y[start : start + self._size]

    def examples(self, first: int, count: int) -> np.ndarray:
        """Which examples are in the mini-batches of ``count`` steps from ``first`` on, (count, B)."""
        parts = []
        while count > 0:
            epoch, start = self._place(first)
            steps = min(count, self.per_epoch - start // self._size)
            parts.append(self._order(epoch)[start : start + steps * self._size].reshape(steps, self._size))
            first, count = first + steps, count - steps
        return np.concatenate(parts)

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


def sent(indices: np.ndarray, device: torch.device) -> Tensor:
    """Indices on a device; a GPU is not waited for."""
    here = torch.from_numpy(indices)
    return here.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else here.to(device)


def rows(of: Tensor, chosen: np.ndarray) -> Tensor:
    """Rows of a tensor (n, F) that are named by an array, as (*its shape, F).

    By `index_select`, which copies whole rows: plain indexing takes three times as long on the CPU.
    """
    flat = sent(np.ascontiguousarray(chosen).reshape(-1), of.device)
    return of.index_select(0, flat).view(*chosen.shape, of.shape[1])


class Batches:
    """The mini-batches of every lane. Lanes of one seed and one number of examples share theirs.

    Where they do not, the examples of many steps are brought into order at once, those of all lanes together.

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
        counts = list(dict.fromkeys(count for _, count in distinct))
        self._x = x = data.train_x.to(device, dtype)
        classes = len(data.classes)
        # Labels of the first n examples, for each n: which of them are wrong depends on it.
        labels = [one_hot(data.labels_for(count), classes).to(device, dtype) for count in counts]
        self._courses = [
            Course(x[:count], labels[counts.index(count)], seed, config.batch_size) for seed, count in distinct
        ]
        self._course_of = [distinct.index(kind) for kind in kinds]
        self.shared = len(distinct) == 1
        if not self.shared:
            self._y = torch.cat(labels)
            starts = np.cumsum([0, *counts])
            self._labels_of = np.array([starts[counts.index(count)] for _, count in kinds])[:, None]  # (L, 1)
            self._span = max(1, _AT_ONCE // (len(lanes) * config.batch_size * (data.features + classes)))
            self._loaded = range(0)
            self._block = x, x

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Features and one-hot labels of a step counted from 1: (B, F) and (B, C) while all lanes share their
        mini-batches, else (L, B, F) and (L, B, C).
        """
        if self.shared:
            return self._courses[0].at(step)
        if step not in self._loaded:
            self._load(step)
        x, y = self._block
        return x[step - self._loaded.start], y[step - self._loaded.start]

    def _load(self, first: int) -> None:
        """Bring the examples of some steps from ``first`` on into order."""
        courses = np.stack([course.examples(first, self._span) for course in self._courses], axis=1)
        chosen = courses[:, self._course_of]  # (span, L, B)
        self._block = rows(self._x, chosen), rows(self._y, chosen + self._labels_of)
        self._loaded = range(first, first + self._span)

    def row_of(self, example: int, step: int, lane: int) -> int | None:
        """Which row of a lane's mini-batch of ``step`` an example is; None if it is not in it."""
        return self._courses[self._course_of[lane]].row_of(example, step)

    def example(self, step: int, row: int, lane: int) -> int:
        """Which training example is in a row of a lane's mini-batch of ``step``."""
        return self._courses[self._course_of[lane]].example(step, row)
