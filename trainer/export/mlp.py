"""The multilayer perceptron as code."""

from __future__ import annotations

from collections.abc import Iterator

from trainer.export.network import Exporter, Layer, dense_chain, drop
from trainer.export.recipe import Recipe


class MLP(Exporter):
    """A chain of dense layers."""

    def example(self, recipe: Recipe, channels_last: bool) -> tuple[int, ...]:
        """A row of numbers."""
        return ()

    def chain(self, recipe: Recipe) -> Iterator[Layer]:
        """The layers from the input on."""
        yield from drop(recipe, "input")
        yield from dense_chain(recipe, "input", recipe.features)
