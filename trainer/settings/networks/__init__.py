"""Every kind of network, described once: a module for each record.

The knobs, their agreement, the work of a step, the API's schema, the run state's layers, the page and the scripts to
take away derive from them; what needs PyTorch is named by them (`trainer.settings.parts`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from trainer.settings.networks.base import NetworkKind, Places
from trainer.settings.networks.cnn import CNN
from trainer.settings.networks.lstm import LSTM
from trainer.settings.networks.mlp import MLP

__all__ = ["NETWORKS", "Network", "NetworkKind", "Places", "networks_for", "networks_with"]

_ALL: Final[tuple[NetworkKind, ...]] = (MLP(), CNN(), LSTM())

NETWORKS: Final[dict[str, NetworkKind]] = {each.name: each for each in _ALL}
"""The kinds by name, in the order of the schema's choices; the first is the usual one."""

_NAMES: Final = tuple(NETWORKS)

if TYPE_CHECKING:
    Network = str
else:
    Network = Literal[_NAMES]


def networks_for(dataset: str) -> tuple[str, ...]:
    """The kinds of network that can learn from ``dataset``."""
    return tuple(each.name for each in _ALL if not each.obstacle(dataset))


def networks_with(knob: str) -> tuple[str, ...]:
    """The kinds of network for which one of the knobs that are not for all of them means something."""
    return tuple(each.name for each in _ALL if knob in each.own_knobs)
