"""Networks that were trained one by one, alike but for their seed, and what their average is worth.

Srivastava et al. 2014, section 1, call averaging over separately trained networks the best way to regularise, were it
not for its cost, and dropout a cheap stand-in; Warde-Farley et al. 2014 compare the two.
"""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
import torch
from torch import Tensor

from trainer.ensemble.subnetworks import Averages
from trainer.insight.base import Found, Insight, Looking
from trainer.insight.snapshot import Snapshot
from trainer.settings.panels import kinship
from trainer.settings.pieces import rows_of
from trainer.wire.frames import Array

_AT_ONCE: Final = 250_000  # activations of the widest layer in one bite: some milliseconds


class View(Insight):
    """Each network of the run by itself, and the average of the first 1 … S of each kind.

    Found, for L lanes of G kinds, with S of the commonest kind: ``group`` (L,); ``loss``, ``accuracy`` (L,);
    ``average_loss``, ``average_accuracy`` of the arithmetic mean of probabilities and ``geometric_loss``,
    ``geometric_accuracy`` of the normalised geometric mean, (G, S), NaN beyond a kind's size. A network that has
    diverged, and every average with it, is NaN.
    """

    interval_s: ClassVar[float] = 0.5

    def look(self) -> Looking:
        """Look at the run as it is now."""
        snapshot = Snapshot(self.experiment)
        yield
        group = kinship(snapshot.config)
        widest = max(site.units for site in snapshot.network.dropouts)
        at_once = min(max(16, _AT_ONCE // (len(group) * widest)), rows_of(snapshot.config, len(group)))
        parts: list[Tensor] = []
        for x in torch.split(snapshot.val_x, at_once):
            parts.append(_log_probabilities(snapshot, x))
            yield
        log_p = torch.cat(parts, dim=2)  # (L, C, V)
        kinds = range(max(group) + 1)
        figures = np.full((len(kinds), max(map(group.count, group)), 3, 2), np.nan, np.float32)
        own = np.empty((len(group), 2), np.float32)
        for kind in kinds:
            averages = Averages(snapshot.val_y, log_p.shape[1], log_p.dtype)
            for place, lane in enumerate(lane for lane, of in enumerate(group) if of == kind):
                found = averages.add(log_p[lane]).float().cpu().numpy()
                found[np.isnan(found[:, 1]), 0] = np.nan
                own[lane], figures[kind, place] = found[0], found
            yield
        return _tensors(snapshot.step, group, own, figures)


@torch.no_grad()
def _log_probabilities(snapshot: Snapshot, x: Tensor) -> Tensor:
    """Of x (B, F) in eval mode, examples in columns: (L, C, B)."""
    with snapshot.evaluating():
        return torch.log_softmax(snapshot.network(x), dim=2).transpose(1, 2)


def _tensors(step: int, group: tuple[int, ...], own: Array, figures: Array) -> Found:
    found: dict[str, Array] = {
        "step": np.array([step], np.uint32),
        "group": np.array(group, np.uint8),
        "loss": own[:, 1].copy(),
        "accuracy": own[:, 0].copy(),
    }
    for row, mean in ((1, "average"), (2, "geometric")):
        for column, measure in enumerate(("accuracy", "loss")):
            found[f"{mean}_{measure}"] = figures[:, :, row, column].copy()
    return found
