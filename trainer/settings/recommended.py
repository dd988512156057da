"""What to change from the defaults so that each network shows overfitting on each data set, and what dropout does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from trainer.settings.lane import Lane
from trainer.settings.networks import NETWORKS

_POINTS: Final[dict[str, Any]] = {"train_size": 100, "label_noise": 0.15, "learning_rate": 1e-2, "batch_size": 32}
_TABLE: Final[dict[str, Any]] = {"hidden": (128, 128), "learning_rate": 1e-3, "batch_size": 32}
_BY_DATASET: Final[dict[str, dict[str, Any]]] = {
    "moons": _POINTS | {"data_noise": 0.15},
    "circles": _POINTS | {"data_noise": 0.1},
    "spirals": _POINTS
    | {"train_size": 150, "label_noise": 0.1, "data_noise": 0.1, "learning_rate": 5e-3, "hidden": (256, 256, 256)},
    "xor": _POINTS | {"data_noise": 0.15},
    "gaussians": _POINTS | {"data_noise": 0.6},
    "breast_cancer": _TABLE | {"train_size": 200},
    "wine": _TABLE | {"train_size": 60},
    "csv": _TABLE | {"train_size": 100, "label_noise": 0.0},  # nobody wants their own labels spoilt unasked
}


def recommended_knobs(network: str, dataset: str) -> dict[str, Any]:
    """Knobs of the run that differ from the defaults; ``network`` and ``dataset`` among them."""
    return {"network": network, "dataset": dataset, **_BY_DATASET.get(dataset, {}), **NETWORKS[network].recommended}


def twin_lanes(network: str, dataset: str, channels: Sequence[int], hidden: Sequence[int]) -> tuple[Lane, ...]:
    """The two lanes a newcomer sees: without dropout, and with the rates recommended for this network and data.

    Input dropout of 0.2 and hidden dropout of 0.5 are those of Srivastava et al. 2014, section A.4. Where a network has
    others, its record says why.
    """
    kind = NETWORKS[network]
    given = kind.recommended_rates(dataset, channels, hidden)
    maps = (0.0,) * kind.grouped(channels, hidden)
    return (
        Lane(name="No dropout", dropout=(0.0,) * len(given), spatial_dropout=maps),
        Lane(name="Dropout", dropout=given, spatial_dropout=maps),
    )
