"""The views that a run can be asked for, beside what is always shown: their names, and where each means something."""

from __future__ import annotations

from collections import Counter
from typing import Final

from trainer.config import ExperimentConfig
from trainer.shapes import IMAGES, PLANE

VIEWS: Final = (
    "activity",
    "correlation",
    "damage",
    "visits",
    "gradient",
    "features",
    "variance",
    "forgotten",
    "committee",
    "cost",
    "subnetworks",
)
"""Each is the kind of a frame (docs/protocol.md) and a module of `trainer.insight`."""


def fits(view: str, config: ExperimentConfig) -> bool:
    """Whether a view means something for the networks and data of a run as it is now."""
    if view == "features":
        return config.dataset in IMAGES
    if view == "subnetworks":
        return config.dataset in PLANE
    if view == "variance":
        return any(lane.batch_norm for lane in config.lanes)
    if view == "committee":
        return max(Counter(kinship(config)).values()) > 1
    return view in VIEWS


def kinship(config: ExperimentConfig) -> tuple[int, ...]:
    """For each lane the number of its kind: lanes that differ in name and seed alone are of one kind."""
    kinds = [lane.model_dump_json(exclude={"name", "seed"}) for lane in config.lanes]
    order = list(dict.fromkeys(kinds))
    return tuple(order.index(kind) for kind in kinds)
