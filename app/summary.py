"""A run at a glance: what it trains, and its losses at a few steps. Kept beside it, so that a list opens no run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.memory import Checkpoint
from app.records import plain
from app.wire import dumps
from trainer.settings.config import ExperimentConfig, parse
from trainer.settings.dropouts import DROPOUTS, KINDS
from trainer.settings.networks import NETWORKS

POINTS: Final = 64  # of a curve
FEW: Final = 8  # networks; of more, such as those of a search, a curve has a quarter of the points

LOSSES: Final = ("train_loss", "val_loss")


def trained_in(config: ExperimentConfig) -> dict[str, Any]:
    """What a run trains: its kind of network, its data, and of each network its name and its rates."""
    kind = NETWORKS[config.network]
    lanes = [
        {"name": lane.name, "dropout": list(lane.dropout), "kind": _called(lane.dropout_kind)} for lane in config.lanes
    ]
    return {"network": config.network, "title": kind.title, "dataset": config.dataset, "lanes": lanes}


def _called(kind: str) -> str:
    """What a kind of dropout is called, but for the usual one."""
    return "" if kind == KINDS[0] else DROPOUTS[kind].title


def thinned(scores: Mapping[str, NDArray[Any]]) -> dict[str, Any] | None:
    """Losses (K, L) in eval mode at K evaluations, as at most 64 rows, the first and the last among them; None without
    any.
    """
    count = len(scores["step"])
    if count == 0:
        return None
    most = POINTS if scores["val_loss"].shape[1] <= FEW else POINTS // 4
    rows = np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
    return {name: plain(scores[name][rows]) for name in ("step", *LOSSES)}


def summary_of(checkpoint: Checkpoint) -> str:
    """Return what is kept of a run at a checkpoint for whoever lists it, as JSON."""
    curves = thinned(checkpoint.history.curves()["scores"])
    return dumps({"trains": trained_in(parse(checkpoint.config)), "curves": curves})
