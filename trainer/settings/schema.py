"""The knobs and the panels as plain data: everything that a page needs to build itself."""

from __future__ import annotations

from typing import Any, get_args

from trainer.settings import commands
from trainer.settings.config import MAX_LANES, Dataset, ExperimentConfig, Lane, recommended
from trainer.settings.dropouts import DROPOUTS
from trainer.settings.knobs import describe
from trainer.settings.networks import NETWORKS, networks_for
from trainer.settings.panels import PANELS
from trainer.settings.search import SearchConfig


def schema() -> dict[str, Any]:
    """Knobs of the run, of a lane and of a search, the defaults, what is recommended for each kind of network and data
    set, the records of the kinds of dropout and of network, the commands, and the panels that show a run; JSON-able.
    """
    settings: dict[str, dict[str, Any]] = {network: {} for network in NETWORKS}
    for dataset in get_args(Dataset):
        for network in networks_for(dataset):
            settings[network][dataset] = recommended(dataset, network).model_dump(mode="json")
    return {
        "run": [describe(name, field) for name, field in ExperimentConfig.model_fields.items() if name != "lanes"],
        "lane": [describe(name, field) for name, field in Lane.model_fields.items()],
        "search": [describe(name, field) for name, field in SearchConfig.model_fields.items()],
        "max_lanes": MAX_LANES,
        "defaults": ExperimentConfig().model_dump(mode="json"),
        "recommended": settings,
        "commands": commands.described(),
        "panels": [panel.described() for panel in PANELS],
        "dropouts": [each.described() for each in DROPOUTS.values()],
        "networks": [each.described() for each in NETWORKS.values()],
    }
