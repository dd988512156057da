"""The knobs as plain data: everything that a page needs to build its controls."""

from __future__ import annotations

from typing import Any, get_args

from trainer.config import MAX_LANES, Dataset, ExperimentConfig, Lane, recommended
from trainer.knobs import describe


def schema() -> dict[str, Any]:
    """Knobs of the run, knobs of a lane, the defaults, and what is recommended for each data set; JSON-able."""
    return {
        "run": [describe(name, field) for name, field in ExperimentConfig.model_fields.items() if name != "lanes"],
        "lane": [describe(name, field) for name, field in Lane.model_fields.items()],
        "max_lanes": MAX_LANES,
        "defaults": ExperimentConfig().model_dump(mode="json"),
        "recommended": {name: recommended(name).model_dump(mode="json") for name in get_args(Dataset)},
    }
