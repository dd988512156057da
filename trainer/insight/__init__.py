"""What can be seen of a run beside its training: one module for each view of `trainer.settings.panels`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from trainer.insight.base import Found, Insight, Looking, finish
from trainer.settings.panels import VIEWS

if TYPE_CHECKING:
    from trainer.training.experiment import Experiment

__all__ = ["Found", "Insight", "Looking", "finish", "look_at", "make_insight"]


def make_insight(view: str, experiment: Experiment) -> Insight:
    """The view of that name of a run: the class ``View`` of `trainer.insight`'s module of the same name."""
    if view not in VIEWS:
        raise ValueError(f"there is no view {view!r}; there are {', '.join(VIEWS)}")
    made: Insight = import_module(f".{view}", __name__).View(experiment)
    return made


def look_at(view: str, experiment: Experiment) -> Found:
    """Look at a run as it is now, all at once."""
    return finish(make_insight(view, experiment).look())
