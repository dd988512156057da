"""Real networks trained in lanes, with every dropout mask on record. This package knows no web.

Importing it does not import torch: what needs torch is loaded when it is first named.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from trainer.settings.config import ExperimentConfig, Lane

if TYPE_CHECKING:
    from trainer.training.experiment import Experiment

__all__ = ["Experiment", "ExperimentConfig", "Lane"]


def __getattr__(name: str) -> Any:
    if name == "Experiment":
        return import_module(".training.experiment", __name__).Experiment
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
