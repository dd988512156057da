"""The knobs as plain data: everything that a page needs to build its controls."""

from __future__ import annotations

from typing import Any, get_args

from trainer.config import MAX_LANES, Dataset, ExperimentConfig, Lane, networks_for, recommended
from trainer.knobs import describe


def schema() -> dict[str, Any]:
    """Knobs of the run, knobs of a lane, the defaults, and what is recommended for each kind of network and data set;
    JSON-able.
    """
    settings: dict[str, dict[str, Any]] = {"mlp": {}, "cnn": {}, "lstm": {}}
    for dataset in get_args(Dataset):
        for network in networks_for(dataset):
            settings[network][dataset] = recommended(dataset, network).model_dump(mode="json")
    return {
        "run": [describe(name, field) for name, field in ExperimentConfig.model_fields.items() if name != "lanes"],
        "lane": [describe(name, field) for name, field in Lane.model_fields.items()],
        "max_lanes": MAX_LANES,
        "defaults": ExperimentConfig().model_dump(mode="json"),
        "recommended": settings,
    }
