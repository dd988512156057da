"""Recall and precision of each class: where one class is rare, accuracy hides what becomes of it."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
import torch
from torch import Tensor

from trainer.insight.base import Insight, Looking
from trainer.insight.snapshot import Snapshot
from trainer.settings.pieces import rows_of

_AT_ONCE: Final = 250_000  # activations of the widest layer in one bite: some milliseconds


class View(Insight):
    """Of each class the share that every network recognises, over the validation set in eval mode.

    Found, for L lanes and C classes: ``count`` (C,) validation examples of each class; ``recall`` (L, C), the share of
    them that were answered with their class; ``precision`` (L, C), the share of the answers with a class that were
    right. NaN where there are no such examples or answers, and for a network that has diverged.
    """

    interval_s: ClassVar[float] = 0.5

    def look(self) -> Looking:
        """Look at the run as it is now."""
        snapshot = Snapshot(self.experiment)
        classes, lanes = len(snapshot.data.classes), snapshot.network.lanes
        yield
        widest = max(site.units for site in snapshot.network.dropouts)
        at_once = min(max(16, _AT_ONCE // (lanes * widest)), rows_of(snapshot.config, lanes))
        table = torch.zeros(lanes, classes * classes, dtype=torch.int64, device=snapshot.val_y.device)
        diverged = torch.zeros(lanes, dtype=torch.bool, device=snapshot.val_y.device)
        for x, y in zip(torch.split(snapshot.val_x, at_once), torch.split(snapshot.val_y, at_once), strict=True):
            answers, lost = _answers(snapshot, x)
            table.scatter_add_(1, y * classes + answers, torch.ones_like(answers))
            diverged |= lost
            yield
        counts = table.view(lanes, classes, classes).cpu().numpy().astype(np.float64)  # (L, true class, answer)
        counts[diverged.cpu().numpy()] = np.nan
        right = np.diagonal(counts, axis1=1, axis2=2)
        count = torch.bincount(snapshot.val_y, minlength=classes).cpu().numpy()
        with np.errstate(invalid="ignore"):  # 0 / 0: there are none
            recall, precision = right / counts.sum(axis=2), right / counts.sum(axis=1)
        return {
            "step": np.array([snapshot.step], np.uint32),
            "count": count.astype(np.uint32),
            "recall": recall.astype(np.float32),
            "precision": precision.astype(np.float32),
        }


@torch.no_grad()
def _answers(snapshot: Snapshot, x: Tensor) -> tuple[Tensor, Tensor]:
    """Of x (B, F) the class that each lane answers, (L, B), and which lanes answer with no finite number, (L,)."""
    with snapshot.evaluating():
        logits = snapshot.network(x)  # (L, B, C)
    return logits.argmax(dim=2), ~torch.isfinite(logits).all(dim=2).all(dim=1)
