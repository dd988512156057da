"""How much work is done in one go. What is longer is cut into pieces, so that whoever waits for a worker waits for one.

Work is counted in multiplications, not in seconds: how a computation is cut, and with it the last bit of its result, is
a function of the configuration and of nothing else.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Final, TypeVar

from trainer.settings.networks import NETWORKS

if TYPE_CHECKING:
    from trainer.settings.config import ExperimentConfig

PIECE: Final = 250_000_000
"""Multiplications of one piece: ten milliseconds of one core. All of the default run's evaluation is one."""

PIECE_ON_GPU: Final = 100 * PIECE
"""The same on a GPU, which is done with so many in a millisecond or a few: small pieces are all launching there."""

LEAST_ROWS: Final = 64  # examples for which it is worth while to read the weights of all lanes

T = TypeVar("T")

Pieces = Generator[None, None, T]
"""Work in pieces: it yields between them, and returns what came of it."""


def finish(pieces: Generator[None, None, T]) -> T:
    """Do all pieces at once and return what came of them."""
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            found: T = end.value
            return found


def effort(config: ExperimentConfig) -> int:
    """What it costs to pass one example through one lane, in multiplications of a multilayer perceptron."""
    kind = NETWORKS[config.network]
    return kind.effort * kind.multiplications(config.size, config.channels, config.hidden)


def rows_of(config: ExperimentConfig, lanes: int = 1, most: int | None = None) -> int:
    """How many examples pass through so many lanes in one piece, at least 1.

    Args:
        config: what one of them costs.
        lanes: through how many lanes they pass.
        most: multiplications of a piece; `PIECE` if left out.
    """
    return max(1, (most or PIECE) // (lanes * effort(config)))
