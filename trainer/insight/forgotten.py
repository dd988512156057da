"""What is measured when ``model.eval()`` is forgotten: validation with dropout, and batch statistics, left on."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
import torch
from torch import Tensor

from trainer.insight.base import Insight, Looking
from trainer.insight.snapshot import Snapshot

BATCH: Final = 64
PASSES: Final = 4
"""The mean of four passes over the validation set. Given the weights, answers of different examples are independent, so
the accuracy of one pass has a standard deviation of at most √(q(1 − q)/V) by the choice of the masks: 1.5 points for
q = .77 and 797 digits, and half of that in four passes."""


class View(Insight):
    """Every network's loss and accuracy on the validation set, in eval mode and with training mode left on.

    In training mode every example of every pass has masks of its own, and batch norm uses the statistics of its
    mini-batch of 64. Where 64 do not divide the validation set, the last mini-batch is filled up with the first
    examples, which do not count a second time.

    Found: ``val_loss``, ``val_accuracy``, ``forgotten_loss``, ``forgotten_accuracy``, each (L,).
    """

    interval_s: ClassVar[float] = 0.5

    def look(self) -> Looking:
        """Look at the run as it is now."""
        rows = min(BATCH, len(self.experiment.judge.val_y))
        snapshot = Snapshot(self.experiment, rows)
        yield
        batches = _batches(len(snapshot.val_y), rows)
        whole = forgotten = torch.zeros(())
        # In eval mode first: passes in training mode move batch norm's running statistics.
        for part, count in batches:
            with snapshot.evaluating():
                whole = whole + _judge(snapshot, part, count)
            yield
        for number in range(PASSES * len(batches)):
            part, count = batches[number % len(batches)]
            snapshot.draw(number)
            forgotten = forgotten + _judge(snapshot, part, count)
            yield
        found = {"step": np.array([snapshot.step], np.uint32)}
        for name, sums, passes in (("val", whole, 1), ("forgotten", forgotten, PASSES)):
            loss, accuracy = (sums / (passes * len(snapshot.val_y))).float().cpu().numpy()
            found[f"{name}_loss"] = loss
            found[f"{name}_accuracy"] = np.where(np.isnan(loss), np.float32(np.nan), accuracy)
        return found


def _batches(examples: int, rows: int) -> list[tuple[Tensor, int]]:
    """The examples of each mini-batch, (rows,), and how many of them count."""
    return [
        (torch.arange(start, start + rows) % examples, min(rows, examples - start))
        for start in range(0, examples, rows)
    ]


@torch.no_grad()
def _judge(snapshot: Snapshot, part: Tensor, count: int) -> Tensor:
    """The sum of losses and the number of right answers of each lane over the first ``count`` of a batch, (2, L)."""
    part = part.to(snapshot.val_y.device)
    log_p = torch.log_softmax(snapshot.network(snapshot.val_x[part]), dim=2)[:, :count]  # (L, B, C)
    y = snapshot.val_y[part[:count]].expand(len(log_p), -1)
    losses = -log_p.gather(2, y[..., None])[..., 0]
    right = (log_p.argmax(dim=2) == y).to(log_p.dtype)
    return torch.stack([losses.sum(dim=1), right.sum(dim=1)])
