"""What to change from the defaults so that each network shows overfitting on each data set, and what dropout does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from trainer.lane import Lane
from trainer.shapes import PLANE, site_names

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
    "csv": _TABLE | {"train_size": 100},
}
_BY_NETWORK: Final[dict[str, dict[str, Any]]] = {
    "mlp": {},
    "cnn": {"hidden": (128,), "learning_rate": 3e-3},
    "lstm": {"hidden": (64,), "learning_rate": 3e-3},
}


def recommended_knobs(network: str, dataset: str) -> dict[str, Any]:
    """Knobs of the run that differ from the defaults; ``network`` and ``dataset`` among them."""
    return {"network": network, "dataset": dataset, **_BY_DATASET.get(dataset, {}), **_BY_NETWORK[network]}


def twin_lanes(network: str, dataset: str, channels: Sequence[int], hidden: Sequence[int]) -> tuple[Lane, ...]:
    """The two lanes a newcomer sees: without dropout, and with the rates recommended for this network and data.

    Input dropout of 0.2 and hidden dropout of 0.5 are those of Srivastava et al. 2014, section A.4. A point in the
    plane has two coordinates and neither can be spared. A convolution shares few weights among many places and overfits
    less: 0.2. The masks of an LSTM's state act at every time step: 0.3, with the output's 0.5.
    """
    sites = site_names(network, len(channels), len(hidden))
    rates = {"input": 0.0 if dataset in PLANE or network == "cnn" else 0.2, "recurrent": 0.3, "output": 0.5}
    given = tuple(rates.get(site, 0.2 if site.startswith("conv") else 0.5) for site in sites)
    maps = (0.0,) * (len(channels) if network == "cnn" else 0)
    return (
        Lane(name="No dropout", dropout=(0.0,) * len(sites), spatial_dropout=maps),
        Lane(name="Dropout", dropout=given, spatial_dropout=maps),
    )
