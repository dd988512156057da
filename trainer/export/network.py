"""Which layers a network is made of, in order, whatever a framework calls them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from trainer.export.recipe import Recipe
from trainer.export.text import inside, lines
from trainer.settings.parts import part

Kind = Literal["dropout", "spatial", "conv", "dense", "dropconnect", "norm", "relu", "pool", "flatten"]


@dataclass(frozen=True)
class Layer:
    """One layer of a chain.

    Attributes:
        kind: what it does.
        inputs: units or channels that come in.
        outputs: units or channels that go out.
        rate: of what it drops.
        image: whether it works on feature maps.
        last: whether it gives the logits.
    """

    kind: Kind
    inputs: int = 0
    outputs: int = 0
    rate: float = 0.0
    image: bool = False
    last: bool = False


class Exporter:
    """How one kind of network is written: a chain of layers, and, where that is not all, what stands before it.

    Attributes:
        made_by: what a PyTorch script calls to have its network.
    """

    made_by: str = "make_model"

    def example(self, recipe: Recipe, channels_last: bool) -> tuple[int, ...]:
        """The shape in which the network reads an example; empty: as a row of numbers, which all data are at first."""
        return recipe.shape

    def chain(self, recipe: Recipe) -> Iterator[Layer]:
        """The layers from the input on, or from what stands before them."""
        raise NotImplementedError

    def pytorch(self, recipe: Recipe, sequential: str) -> str:
        """The code of `made_by`; ``sequential`` is the chain as an expression."""
        return lines("def make_model():", '    """The network; it returns logits."""', inside(f"return {sequential}"))

    def keras_layers(self, recipe: Recipe) -> Iterator[str]:
        """Lines of code for the layers that stand before the chain."""
        return iter(())

    def keras_weights(self, recipe: Recipe, penalty: str) -> str:
        """A function that says what those layers’ weights have in common; ``penalty`` is a regulariser as code."""
        return ""

    def keras_classes(self, recipe: Recipe, used: str) -> list[str]:
        """The classes that those layers need: those that ``used``, the code of the model, names."""
        return []

    def keras_dropping(self, recipe: Recipe) -> list[str]:
        """Lines that add to ``dropping`` the layers inside them whose rates a schedule moves."""
        return []


def exporter(recipe: Recipe) -> Exporter:
    """What writes a recipe’s kind of network."""
    made: Exporter = part(recipe.network.exporter)()
    return made


def dense_chain(recipe: Recipe, before: str, units: int) -> Iterator[Layer]:
    """The hidden layers and the last one; ``units`` come in, from the place ``before``."""
    for number, width in enumerate(recipe.widths, 1):
        yield dense(recipe, before, units, width)
        before, units = f"hidden{number}", width
        yield from norm_and_drop(recipe, before, width, Layer("relu"))
    yield dense(recipe, before, units, recipe.classes, last=True)


def norm_and_drop(recipe: Recipe, site: str, units: int, *between: Layer, image: bool = False) -> Iterator[Layer]:
    """Batch norm and dropout of a block, in the order that the run has chosen; ``between`` is its ReLU and pooling."""
    norm = [Layer("norm", units, units, image=image)] if recipe.lane.batch_norm else []
    if recipe.norm_first:
        yield from norm
    yield from between
    yield from drop(recipe, site, image)
    if not recipe.norm_first:
        yield from norm


def drop(recipe: Recipe, name: str, image: bool = False) -> Iterator[Layer]:
    """Dropout at a place, of single elements and of whole maps."""
    site = recipe.sites[name]
    if site.rate and not recipe.drops_weights(site):
        yield Layer("dropout", rate=site.rate, image=image)
    if site.group:
        yield Layer("spatial", rate=site.group, image=image)


def dense(recipe: Recipe, before: str, inputs: int, outputs: int, last: bool = False) -> Layer:
    """A dense layer behind the place ``before``, or one whose weights are dropped."""
    site = recipe.sites[before]
    if recipe.drops_weights(site):
        return Layer("dropconnect", inputs, outputs, site.rate, last=last)
    return Layer("dense", inputs, outputs, last=last)
