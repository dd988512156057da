"""What follows from a network and its data before either is made: names of layers, sizes, and the work of a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

Network = Literal["mlp", "cnn", "lstm"]
Dataset = Literal["digits", "moons", "circles", "spirals", "xor", "gaussians", "breast_cancer", "wine", "csv", "idx"]

PLANE: Final = ("moons", "circles", "spirals", "xor", "gaussians")
IMAGES: Final = ("digits", "idx")
KERNEL: Final = 3  # side of a convolution's window; its edges are padded so that an image keeps its size
POOL: Final = 2  # side of the window of max pooling, between two convolutions


@dataclass(frozen=True)
class Size:
    """How large a data set may be.

    Attributes:
        features: numbers that describe an example, at most.
        classes: at most.
        examples: that can be trained on, at most; what is left over judges.
        side: of an image, at most; 0 where there are none.
    """

    features: int
    classes: int
    examples: int
    side: int = 0


MAX_FEATURES: Final = 256  # of a table, after a column of words has become one column for each word
MAX_CLASSES: Final = 20

SIZES: Final[dict[str, Size]] = {
    "digits": Size(64, 10, 1000, side=8),
    **dict.fromkeys(PLANE, Size(2, 2, 1000)),
    "breast_cancer": Size(30, 2, 400),
    "wine": Size(13, 3, 120),
    "csv": Size(MAX_FEATURES, MAX_CLASSES, 1000),
    "idx": Size(784, MAX_CLASSES, 1000, side=28),
}


def site_names(network: str, convolutions: int, hidden: int) -> tuple[str, ...]:
    """Names of the places where a network can drop, in forward order.

    ``input`` and then: of an MLP ``hidden1`` …; of a CNN ``conv1`` …, ``hidden1`` …; of an LSTM ``recurrent``, its
    state on the way from one time step to the next, and ``output``, its last state on the way to the classes.
    """
    if network == "lstm":
        return ("input", "recurrent", "output")
    conv = range(1, convolutions + 1) if network == "cnn" else ()
    return ("input", *(f"conv{k}" for k in conv), *(f"hidden{k}" for k in range(1, hidden + 1)))


def pooled_sides(side: int, convolutions: int) -> tuple[int, ...]:
    """Side of the feature maps that each convolution block hands on: halved after each but the last."""
    sides = []
    for number in range(convolutions):
        side = side // POOL if number < convolutions - 1 else side
        sides.append(side)
    return tuple(sides)


def multiplications(network: str, size: Size, channels: Sequence[int], hidden: Sequence[int]) -> int:
    """How many multiplications one example takes in one forward pass of one network, at most."""
    if network == "lstm":
        state = 4 * hidden[0] * (size.side + hidden[0])
        return size.side * state + hidden[0] * size.classes
    if network == "mlp":
        return _chain((size.features, *hidden, size.classes))
    work, side = 0, size.side
    for (inputs, outputs), handed_on in zip(
        pairwise((1, *channels)), pooled_sides(size.side, len(channels)), strict=True
    ):
        work += side * side * KERNEL * KERNEL * inputs * outputs
        side = handed_on
    return work + _chain((channels[-1] * side * side, *hidden, size.classes))


def dense_weights(network: str, size: Size, channels: Sequence[int], hidden: Sequence[int]) -> int:
    """How many weights of dense layers a network has, at most: those that DropConnect can drop."""
    if network == "lstm":
        return hidden[0] * size.classes
    if network == "mlp":
        return _chain((size.features, *hidden, size.classes))
    side = pooled_sides(size.side, len(channels))[-1]
    return _chain((channels[-1] * side * side, *hidden, size.classes))


def _chain(sizes: Sequence[int]) -> int:
    return sum(inputs * outputs for inputs, outputs in pairwise(sizes))
