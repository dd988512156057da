"""The record of the convolutional network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from trainer.settings.networks.base import HIDDEN, PIXELS, NetworkKind, Pairs, Places, chain
from trainer.settings.shapes import IMAGES, KERNEL, Size, pooled_sides


class CNN(NetworkKind):
    """Image → dropout → (convolution → batch norm → ReLU → max pooling → dropout) × channels → dense layers.

    A convolution shares few weights among many places and overfits less: 0.2 is recommended, and nothing for the image.
    """

    name = "cnn"
    title = "CNN"
    long = "convolutional network"
    help = "convolutions that slide over an image, then dense layers"
    one, several = "convolutional network", "convolutional networks"
    places = (
        replace(PIXELS, rate=0.0, aside=True),
        Places(
            family="conv",
            each="channels",
            rate=0.2,
            together="convolutions",
            dense="last",
            tied=(1, 2),
            group="map",
            unit="{label}, map {map} of {maps}, row {row}, column {column}",
            units="elements in the {maps} maps of {label}",
        ),
        replace(HIDDEN, together="dense"),
    )
    model = ".models.cnn:LaneCNN"
    exporter = ".export.cnn:CNN"
    recommended = {"hidden": (128,), "learning_rate": 3e-3}  # noqa: RUF012 - nobody writes to it
    effort = 3  # windows take longer than large matrices
    own_knobs = ("channels", "spatial_dropout")
    first = "kernel"
    groups_of = "conv"

    def obstacle(self, dataset: str) -> str:
        """It slides over images."""
        return "" if dataset in IMAGES else "has no images"

    def rates(self, dropout: Sequence[float], groups: Sequence[float], recurrent_mask: str) -> Pairs:
        """Those of single elements, and those of whole maps."""
        rest = len(dropout) - 1 - len(groups)
        return tuple(dropout), (0.0, *groups, *(0.0,) * rest)

    def multiplications(self, size: Size, channels: Sequence[int], hidden: Sequence[int]) -> int:
        """Of each weight of a convolution as many as the image has pixels there."""
        work, side = 0, size.side
        sides = pooled_sides(size.side, len(channels))
        for (inputs, outputs), handed_on in zip(pairwise((1, *channels)), sides, strict=True):
            work += side * side * KERNEL * KERNEL * inputs * outputs
            side = handed_on
        return work + self.dense_weights(size, channels, hidden)

    def all_weights(self, size: Size, channels: Sequence[int], hidden: Sequence[int]) -> int:
        """Those of the kernels, and of the dense layers."""
        kernels = sum(KERNEL * KERNEL * inputs * outputs for inputs, outputs in pairwise((1, *channels)))
        return kernels + self.dense_weights(size, channels, hidden)

    def widest_layer(self, size: Size, channels: Sequence[int], hidden: Sequence[int]) -> int:
        """The maps of all convolutions, which its windows exceed."""
        return max(size.features, sum(channels) * size.features, *hidden)

    def dense_weights(self, size: Size, channels: Sequence[int], hidden: Sequence[int]) -> int:
        """From the last maps on."""
        side = pooled_sides(size.side, len(channels))[-1]
        return chain((channels[-1] * side * side, *hidden, size.classes))
