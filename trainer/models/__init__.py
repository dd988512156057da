"""From a configuration to its networks: all lanes of a run in one module, whatever kind of network it is."""

from __future__ import annotations

import torch

from trainer.config import ExperimentConfig
from trainer.datasets import Dataset
from trainer.models.base import LaneNetwork, evaluating, scheduled
from trainer.models.mlp import LaneMLP

__all__ = ["LaneMLP", "LaneNetwork", "evaluating", "make_network", "scheduled"]


def make_network(config: ExperimentConfig, data: Dataset, device: torch.device, dtype: torch.dtype) -> LaneNetwork:
    """The networks of a run, with their initial weights.

    Args:
        config: what kind of network, its sizes, its lanes, and how masks are drawn.
        data: what it learns from: how many features and classes, and how features are arranged.
        device: where the tensors live.
        dtype: of weights and activations.
    """
    if config.network == "cnn":
        from trainer.models.cnn import LaneCNN

        return LaneCNN(config, data, device, dtype)
    if config.network == "lstm":
        from trainer.models.lstm import LaneLSTM

        return LaneLSTM(config, data, device, dtype)
    return LaneMLP(config, data, device, dtype)
