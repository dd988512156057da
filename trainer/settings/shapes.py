"""The data sets by name, and how large what comes of them may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Dataset = Literal["digits", "moons", "circles", "spirals", "xor", "gaussians", "breast_cancer", "wine", "csv", "idx"]

PLANE: Final = ("moons", "circles", "spirals", "xor", "gaussians")
IMAGES: Final = ("digits", "idx")
TABLES: Final = ("breast_cancer", "wine", "csv")
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


def pooled_sides(side: int, convolutions: int) -> tuple[int, ...]:
    """Side of the feature maps that each convolution block hands on: halved after each but the last."""
    sides = []
    for number in range(convolutions):
        side = side // POOL if number < convolutions - 1 else side
        sides.append(side)
    return tuple(sides)
