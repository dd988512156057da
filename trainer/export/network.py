"""Which layers a network is made of, in order, whatever a framework calls them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from trainer.export.recipe import Recipe

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


def chain(recipe: Recipe) -> Iterator[Layer]:
    """The layers of an MLP or a CNN from the input on, or those of an LSTM from its last state on."""
    if recipe.network == "lstm":
        yield from _norm_and_drop(recipe, "output", recipe.widths[0])
        yield _dense(recipe, "output", recipe.widths[0], recipe.classes, last=True)
        return
    yield from _drop(recipe, "input", recipe.network == "cnn")
    before, units = "input", recipe.features
    if recipe.network == "cnn":
        yield from _convolutions(recipe)
        before = f"conv{len(recipe.config.channels)}"
        units = recipe.config.channels[-1] * recipe.sides[-1] ** 2
    for number, width in enumerate(recipe.widths, 1):
        yield _dense(recipe, before, units, width)
        before, units = f"hidden{number}", width
        yield from _norm_and_drop(recipe, before, width, Layer("relu"))
    yield _dense(recipe, before, units, recipe.classes, last=True)


def _convolutions(recipe: Recipe) -> Iterator[Layer]:
    channels = (1, *recipe.config.channels)
    for number, (inputs, outputs) in enumerate(pairwise(channels), 1):
        yield Layer("conv", inputs, outputs, image=True)
        between = [Layer("relu", image=True)]
        if number < len(recipe.config.channels):
            between.append(Layer("pool", image=True))
        yield from _norm_and_drop(recipe, f"conv{number}", outputs, *between, image=True)
    yield Layer("flatten")


def _norm_and_drop(recipe: Recipe, site: str, units: int, *between: Layer, image: bool = False) -> Iterator[Layer]:
    """Batch norm and dropout of a block, in the order that the run has chosen; ``between`` is its ReLU and pooling."""
    norm = [Layer("norm", units, units, image=image)] if recipe.lane.batch_norm else []
    if recipe.norm_first:
        yield from norm
    yield from between
    yield from _drop(recipe, site, image)
    if not recipe.norm_first:
        yield from norm


def _drop(recipe: Recipe, name: str, image: bool) -> Iterator[Layer]:
    site = recipe.sites[name]
    if site.rate and not recipe.drops_weights(site):
        yield Layer("dropout", rate=site.rate, image=image)
    if site.group:
        yield Layer("spatial", rate=site.group, image=image)


def _dense(recipe: Recipe, before: str, inputs: int, outputs: int, last: bool = False) -> Layer:
    site = recipe.sites[before]
    if recipe.drops_weights(site):
        return Layer("dropconnect", inputs, outputs, site.rate, last=last)
    return Layer("dense", inputs, outputs, last=last)
