"""From a configuration to its networks: all lanes of a run in one module, whatever kind of network it is."""

from __future__ import annotations

import torch

from trainer.data.datasets import Dataset
from trainer.models.base import LaneNetwork, evaluating, scheduled
from trainer.models.mlp import LaneMLP
from trainer.settings.config import ExperimentConfig
from trainer.settings.networks import NETWORKS
from trainer.settings.parts import part

__all__ = ["LaneMLP", "LaneNetwork", "evaluating", "make_network", "scheduled"]


def make_network(config: ExperimentConfig, data: Dataset, device: torch.device, dtype: torch.dtype) -> LaneNetwork:
    """The networks of a run, with their initial weights.

    Args:
        config: what kind of network, its sizes, its lanes, and how masks are drawn.
        data: what it learns from: how many features and classes, and how features are arranged.
        device: where the tensors live.
        dtype: of weights and activations.
    """
    made: LaneNetwork = part(NETWORKS[config.network].model)(config, data, device, dtype)
    return made
