"""The convolutional network as code."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from trainer.export.network import Exporter, Layer, dense_chain, drop, norm_and_drop
from trainer.export.recipe import Recipe
from trainer.settings.shapes import pooled_sides


class CNN(Exporter):
    """A chain of convolutions and of dense layers."""

    def example(self, recipe: Recipe, channels_last: bool) -> tuple[int, ...]:
        """An image with one channel."""
        return (*recipe.shape, 1) if channels_last else (1, *recipe.shape)

    def chain(self, recipe: Recipe) -> Iterator[Layer]:
        """The layers from the input on."""
        channels = recipe.config.channels
        yield from drop(recipe, "input", image=True)
        for number, (inputs, outputs) in enumerate(pairwise((1, *channels)), 1):
            yield Layer("conv", inputs, outputs, image=True)
            between = [Layer("relu", image=True)]
            if number < len(channels):
                between.append(Layer("pool", image=True))
            yield from norm_and_drop(recipe, f"conv{number}", outputs, *between, image=True)
        yield Layer("flatten")
        side = pooled_sides(recipe.shape[0], len(channels))[-1]
        yield from dense_chain(recipe, f"conv{len(channels)}", channels[-1] * side**2)
