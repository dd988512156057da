"""What a record of a kind of network says: where it drops, how large it is, what it fits, how one speaks of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any, ClassVar, Literal

from trainer.settings.shapes import PLANE, Size

Pairs = tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True, kw_only=True)
class Places:
    """Places of one family where a network can drop: ``input``, or ``hidden1``, ``hidden2`` …

    A text may hold ``{label}`` of the place, ``{units}`` of it, and of one unit ``{unit}``, ``{row}``, ``{column}`` and
    ``{map}``, counted from 1, ``{next}``, the row after its own, ``{columns}``, ``{maps}`` and ``{feature}``, its name
    in a table.

    Attributes:
        family: their name; where there are several of them, each has its number behind it.
        each: the knob of the run whose list has a number for each of them; empty: there is one.
        rate: that is recommended.
        together: what the slider for all of them is called; empty: as the family.
        aside: whether that slider stands among those of single layers, as they seldom drop.
        dense: which of them are read by a dense layer, whose weights can be dropped in place of units.
        tied: the dimensions of a place over which a group shares one mask value; without any there are no groups.
        group: what a group is called.
        narrow: whether a lane with widths of its own has them in the last dimension.
        unit: what one unit is called.
        units: what all of them are called.
        band: what they are called beside the raster of masks; empty: as the place.
    """

    family: str
    each: str = ""
    rate: float
    together: str = ""
    aside: bool = False
    dense: Literal["all", "last", "none"] = "all"
    tied: tuple[int, ...] = ()
    group: str = ""
    narrow: bool = False
    unit: str = "{label}, neuron {unit} of {units}"
    units: str = "neurons of {label}"
    band: str = ""

    def names(self, sizes: Mapping[str, Sequence[int]]) -> tuple[str, ...]:
        """Their names, in forward order; ``sizes`` has the lists of the run's knobs."""
        if not self.each:
            return (self.family,)
        return tuple(f"{self.family}{number}" for number in range(1, len(sizes[self.each]) + 1))


NUMBERS = Places(family="input", rate=0.2, unit="input {feature}", units="inputs")
"""The input of a network that reads an example as so many numbers."""

PIXELS = Places(family="input", rate=0.2, unit="pixel in row {row}, column {column}", units="pixels", dense="none")
"""The input of a network that reads an image."""

HIDDEN = Places(family="hidden", each="hidden", rate=0.5, narrow=True)
"""The hidden layers of a network whose units are joined to all of the layer before."""


class NetworkKind(ABC):
    """One kind of network. A record has no state: it is asked.

    Attributes:
        name: the knob's value.
        title: what it is called, and ``article`` before that.
        long: the same at length.
        help: what it is, in a few words.
        one: as what a sentence introduces one; ``several``: more of them.
        reads: what it does with examples, said of one; ``read``: of several; ``manner``: how it does that.
        places: where it can drop, in forward order.
        model: its PyTorch part, a `trainer.models.base.LaneNetwork`, as `trainer.settings.parts` names it.
        exporter: what writes it in PyTorch and Keras, a `trainer.export.network.Exporter`.
        recommended: knobs of the run that differ from the defaults.
        effort: what one multiplication costs, in those of a multilayer perceptron.
        own_knobs: those that mean something for it alone, or for few.
        hidden: what ``hidden`` is, where that is not one width for each layer.
        signed: whether activations can be below 0.
        recurrent: whether the same units stand at all its places behind the input, at each time step.
        first: what the weights into a unit of the first layer look like, if they are an image.
        groups_of: the family whose groups have rates of their own, in the knob ``spatial_dropout``; empty: none.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    article: ClassVar[str] = "a"
    long: ClassVar[str]
    help: ClassVar[str]
    one: ClassVar[str]
    several: ClassVar[str]
    reads: ClassVar[str] = "learns"
    read: ClassVar[str] = "learn"
    manner: ClassVar[str] = ""
    places: ClassVar[tuple[Places, ...]]
    model: ClassVar[str]
    exporter: ClassVar[str]
    recommended: ClassVar[Mapping[str, Any]] = {}
    effort: ClassVar[int] = 1
    own_knobs: ClassVar[tuple[str, ...]] = ()
    hidden: ClassVar[str] = ""
    signed: ClassVar[bool] = False
    recurrent: ClassVar[bool] = False
    first: ClassVar[Literal["unit", "kernel", "none"]] = "none"
    groups_of: ClassVar[str] = ""

    @abstractmethod
    def obstacle(self, dataset: str) -> str:
        """What a data set lacks that it needs: "has no images"; empty if it can learn from it."""

    @abstractmethod
    def multiplications(self, size: Size, channels: Sequence[int], hidden: Sequence[int]) -> int:
        """How many multiplications one example takes in one forward pass of one network, at most."""

    @abstractmethod
    def all_weights(self, size: Size, channels: Sequence[int], hidden: Sequence[int]) -> int:
        """How many weights one network has, at most; without biases."""

    @abstractmethod
    def dense_weights(self, size: Size, channels: Sequence[int], hidden: Sequence[int]) -> int:
        """How many weights of dense layers a network has, at most: those that DropConnect can drop."""

    def widest_layer(self, size: Size, channels: Sequence[int], hidden: Sequence[int]) -> int:
        """How many numbers one example has in the widest layer of one network, at most."""
        return max(size.features, *hidden)

    def rates(self, dropout: Sequence[float], groups: Sequence[float], recurrent_mask: str) -> Pairs:
        """The rates of single elements and those of groups that a lane's knobs mean, one for each place."""
        return tuple(dropout), (0.0,) * len(dropout)

    def wrong_hidden(self, hidden: Sequence[int]) -> str:
        """What ``hidden`` must be, if it is not that."""
        return ""

    # ---------------------------------------------------------------- what follows

    def sites(self, channels: Sequence[int], hidden: Sequence[int]) -> tuple[tuple[str, Places], ...]:
        """The places where it can drop, each with its family, in forward order."""
        sizes = {"channels": channels, "hidden": hidden}
        return tuple((name, family) for family in self.places for name in family.names(sizes))

    def site_names(self, channels: Sequence[int], hidden: Sequence[int]) -> tuple[str, ...]:
        """Their names."""
        return tuple(name for name, _ in self.sites(channels, hidden))

    def grouped(self, channels: Sequence[int], hidden: Sequence[int]) -> int:
        """How many places have a rate of groups of their own."""
        return sum(family.family == self.groups_of for _, family in self.sites(channels, hidden))

    def read_by_dense(self, channels: Sequence[int], hidden: Sequence[int]) -> tuple[bool, ...]:
        """Of each place, whether a dense layer reads it."""
        sites = self.sites(channels, hidden)
        last = {family.family: name for name, family in sites}
        return tuple(
            family.dense == "all" or (family.dense == "last" and last[family.family] == name) for name, family in sites
        )

    def recommended_rates(self, dataset: str, channels: Sequence[int], hidden: Sequence[int]) -> tuple[float, ...]:
        """Of each place. A point in the plane has two coordinates and neither can be spared."""
        spared = {"input"} if dataset in PLANE else set()
        sites = self.sites(channels, hidden)
        return tuple(0.0 if family.family in spared else family.rate for _, family in sites)

    def layers(
        self, shapes: Sequence[tuple[int, ...]], channels: Sequence[int], hidden: Sequence[int]
    ) -> Iterator[dict[str, Any]]:
        """What a page is told of each place, in forward order; ``shapes`` are of one example."""
        dense = self.read_by_dense(channels, hidden)
        widths = 0
        for (name, family), shape, is_dense in zip(self.sites(channels, hidden), shapes, dense, strict=True):
            told = NUMBERS if family.family == "input" and len(shape) == 1 else family
            yield {
                "name": name,
                "units": prod(shape),
                "shape": list(shape),
                "family": family.family,
                "width": widths if family.narrow else None,
                "dense": is_dense,
                "tied": list(family.tied),
                "group": family.group,
                "unit_name": told.unit,
                "units_name": told.units,
                "band": family.band,
            }
            widths += family.narrow and bool(family.each)

    def described(self) -> dict[str, Any]:
        """The record as the page needs it."""
        told = ("name", "title", "article", "one", "several", "reads", "read", "manner", "signed", "first", "groups_of")
        places = [
            {"family": each.family, "each": each.each, "together": each.together or each.family, "aside": each.aside}
            for each in self.places
        ]
        return {name: getattr(self, name) for name in told} | {"places": places}


def chain(sizes: Sequence[int]) -> int:
    """Weights of a chain of dense layers."""
    return sum(inputs * outputs for inputs, outputs in pairwise(sizes))
