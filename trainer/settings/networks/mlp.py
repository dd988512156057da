"""The record of the multilayer perceptron."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from trainer.settings.networks.base import HIDDEN, PIXELS, NetworkKind, chain
from trainer.settings.shapes import Size


class MLP(NetworkKind):
    """Input → dropout → (linear → batch norm → ReLU → dropout) × hidden → linear."""

    name = "mlp"
    title = "MLP"
    article = "an"
    long = "multilayer perceptron"
    help = "dense layers, each unit joined to all of the layer before"
    one, several = "network", "networks"
    places = (replace(PIXELS, dense="all"), HIDDEN)
    model = ".models.mlp:LaneMLP"
    exporter = ".export.mlp:MLP"
    first = "unit"

    def obstacle(self, dataset: str) -> str:
        """Nothing: it learns from whatever is numbers."""
        return ""

    def multiplications(self, size: Size, channels: Sequence[int], hidden: Sequence[int]) -> int:
        """One for each weight."""
        return chain((size.features, *hidden, size.classes))

    all_weights = dense_weights = multiplications
